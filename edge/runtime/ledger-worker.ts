import { randomUUID } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { keepBuffersApart } from '#shared/buffer-memory.ts';
import { LOG_KEPT_BYTES, LogRing } from '../diagnostics/log-ring.ts';
import { openBrokerSession } from '../link/broker-session.ts';
import { readControllerId } from './controller-id.ts';
import { type LedgerThreadData, runLedgerThread } from './ledger-thread.ts';
import { createLogger } from './logger.ts';
import { keepMemorySmall } from './small-memory.ts';
import { lookAtSystemClock, systemClock, systemTimers } from './system-time.ts';
import { notifySystemd, systemdAsks } from './systemd-notify.ts';

/** The entry of the worker thread: the ledger thread with the machine around it. */
if (parentPort === null) throw new Error('this file is the entry of a worker thread');
keepMemorySmall();
keepBuffersApart();
const data = workerData as LedgerThreadData;
const ring = new LogRing(LOG_KEPT_BYTES);
const asks = systemdAsks(process.env, process.pid);
const log = createLogger(data.logLevel, data.logGate, ring).child({ siteId: data.site.siteId, thread: 'ledger' });
// The library is loaded only where somebody may ask: a small box has no memory to spare.
const at = data.metrics ?? null;
const opener =
  at === null ? null : (await import('../metrics/open-metrics.ts')).metricsOpener({ at, clock: systemClock, log });
runLedgerThread(parentPort, data, {
  clock: systemClock,
  timers: systemTimers,
  look: lookAtSystemClock,
  newId: randomUUID,
  fraction: Math.random,
  log,
  logLines: () => ring.lines(),
  controllerId: readControllerId(),
  openBroker: openBrokerSession,
  ...(opener === null ? {} : { openMetrics: opener }),
  systemd: asks === null ? null : { asks, notify: notifySystemd },
});
