import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { BootClock, Stamp } from '#shared/stamp.ts';
import type { ConnectorView } from '#shared/wire/messages.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import type { SiteConfig } from '../config/site.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { Storage } from '../ledger/storage.ts';
import { isStoreError } from '../ledger/store-trouble.ts';
import { Link } from '../link/link.ts';
import { ClockWatch } from '../time/clock-watch.ts';
import { readControllerId } from './controller-id.ts';
import type { LineGate } from './log-stream.ts';
import { createLogger } from './logger.ts';
import { type BothTurns, watchField } from './mutual-watch.ts';
import { keepMemorySmall } from './small-memory.ts';
import { lookAtSystemClock, stamper, systemClock, systemTimers } from './system-time.ts';
import { notifySystemd, systemdAsks } from './systemd-notify.ts';
import { SystemdService, statusLine } from './systemd-service.ts';
import type { FromLedger, SyncView, ToLedger } from './thread-messages.ts';

/** What the field thread gives this one to begin with. */
export interface LedgerThreadData {
  readonly site: SiteConfig;
  readonly bootId: string;
  readonly logLevel: string;
  readonly logGate: LineGate;
  readonly software: string;
  readonly turns: BothTurns;
}

const SYNC_VIEW_EVERY_MS = 1000;
const LOOK_AT_CLOCK_EVERY_MS = 1000;

function run(port: NonNullable<typeof parentPort>, data: LedgerThreadData): void {
  const { site } = data;
  keepMemorySmall();
  const log = createLogger(data.logLevel, data.logGate).child({ siteId: site.siteId, thread: 'ledger' });
  const post = (message: FromLedger) => port.postMessage(message);
  mkdirSync(site.dataDir, { recursive: true });
  // The store is a witness of the clock's judgement: while it is being opened nobody knows the time.
  let known: BootClock = { bootId: data.bootId, offsetMs: 0, quality: 'none' };
  const stamp = stamper(systemClock, () => known);
  const storage = new Storage({
    dataDir: site.dataDir,
    config: site.storage,
    piles: site.piles.length,
    clock: systemClock,
    timers: systemTimers,
    stamp,
    newId: randomUUID,
    log,
    onHealth: (health) => post({ kind: 'storage', health }),
  });
  const { ledger } = storage;
  const untold: RecordBody[] = [];
  const lastTrustedWallMs = ledger.lastTrustedWallMs();
  const clock = new ClockWatch({
    bootId: data.bootId,
    lastTrusted: lastTrustedWallMs === null ? null : { wallMs: lastTrustedWallMs, boot: null },
    look: lookAtSystemClock,
    onKnown: (clockOfBoot) => {
      known = clockOfBoot;
      post({ kind: 'clock', clock: known });
    },
    onCorrected: (record) => {
      log.warn({ ...record }, 'the clock of this boot is corrected');
      untold.push(record);
    },
  });
  const controllerId = readControllerId();
  if (controllerId !== null) noteController(ledger, controllerId, stamp());
  const openWork = ledger.openWork(stamp());
  const rules = ledger.rules();
  const documents = ledger.documents();
  // Reading may have met damage: what is told of the store is of the one that is there then.
  storage.refresh();
  post({ kind: 'opened', storeEpoch: ledger.storeEpoch, ...openWork, rules, documents, storage: storage.health });
  const { brokerUrl, shard, passwordFile } = site.cloud;
  const password = passwordFile === undefined ? null : readFileSync(passwordFile, 'utf8').trim();
  const link = new Link({
    site: { siteId: site.siteId, shard, brokerUrl, password },
    software: data.software,
    ledger,
    clock: systemClock,
    timers: systemTimers,
    stamp,
    newId: randomUUID,
    log,
    actedOn: openWork.commands.map(({ commandId }) => commandId),
    onCommand: (command) => post({ kind: 'command', command }),
    onCancel: (commandId) => post({ kind: 'cancel', commandId }),
    onDocument: (push) => post({ kind: 'document', push }),
    onAcknowledged: (sessionId) => post({ kind: 'acknowledged', sessionId }),
    onCloudTime: (told) => {
      if (clock.hear(told)) ledger.timeIsConfirmed(stamp().wallMs);
    },
  });
  const clockTimer = setInterval(() => {
    if (clock.tick() && link.askTime()) clock.asked();
    if (tell(ledger, untold, stamp())) link.poke();
  }, LOOK_AT_CLOCK_EVERY_MS);
  let backlog = ledger.backlog();
  const syncTimer = setInterval(() => {
    const sync = syncView(ledger, link);
    if (sync === null) return;
    backlog = sync.backlog;
    post({ kind: 'sync', sync });
  }, SYNC_VIEW_EVERY_MS);
  storage.start();

  /** The reason of a failure goes back to the field thread, which decides what it means. */
  const store = (commitId: number, work: () => void) => {
    storage.commits.add({
      store: work,
      onStored: () => {
        post({ kind: 'committed', commitId });
        link.poke();
      },
      onFailed: (reason) => post({ kind: 'commit-failed', commitId, reason }),
    });
    storage.committed();
  };
  let view: readonly ConnectorView[] = [];
  const asks = systemdAsks(process.env, process.pid);
  const status = () => statusLine(view, { link: link.state, backlog });
  const service =
    asks === null ? null : new SystemdService({ asks, clock: systemClock, log, notify: notifySystemd, status });
  const watch = watchField({ turns: data.turns, clock: systemClock, timers: systemTimers, log }, service);

  port.on('message', (message: ToLedger) => {
    switch (message.kind) {
      case 'commit':
        return store(message.commitId, () => ledger.commit(message.transaction, message.at));
      case 'put-rules':
        return store(message.commitId, () => ledger.putRules(message.version, message.document));
      case 'put-documents':
        return store(message.commitId, () => ledger.putDocuments(message.change, message.records, message.at));
      case 'confirm-loss':
        return store(message.commitId, () => storage.confirmLoss());
      case 'back-up':
        return void storage.backUp(message.path).then(
          () => post({ kind: 'committed', commitId: message.commitId }),
          (error: unknown) => post({ kind: 'commit-failed', commitId: message.commitId, reason: messageOf(error) }),
        );
      case 'samples':
        return storage.takeSamples(message.samples);
      case 'view':
        view = message.connectors;
        return link.showView(message.connectors);
      case 'announce':
        if (message.phase === 'started') watch.start();
        else watch.stop();
        return message.phase === 'started' ? service?.started() : service?.stopping();
      case 'close':
        clearInterval(syncTimer);
        clearInterval(clockTimer);
        void link.close().then(() => {
          storage.close();
          log.flush();
          post({ kind: 'closed' });
          port.close();
        });
    }
  });
}

/** Stores what is to be told. What the disk does not take is offered again. @returns whether there is something new to send */
function tell(ledger: Ledger, untold: RecordBody[], at: Stamp): boolean {
  if (untold.length === 0) return false;
  try {
    ledger.commit({ session: null, records: untold }, at);
  } catch (error) {
    if (isStoreError(error)) return false;
    throw error;
  }
  untold.length = 0;
  return true;
}

/** On a disk that takes nothing it is noted after the next start. */
function noteController(ledger: Ledger, controllerId: string, at: Stamp): void {
  try {
    ledger.takenUpBy(controllerId, at);
  } catch (error) {
    if (!isStoreError(error)) throw error;
  }
}

/** Null while the store cannot be read. */
function syncView(ledger: Ledger, link: Link): SyncView | null {
  try {
    return {
      link: link.state,
      storeEpoch: ledger.storeEpoch,
      backlog: ledger.backlog(),
      ackedSeq: ledger.ackedSeq(),
      headSeq: ledger.headSeq(),
    };
  } catch (error) {
    if (isStoreError(error)) return null;
    throw error;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

if (parentPort === null) throw new Error('this file is the entry of a worker thread');
run(parentPort, workerData);
