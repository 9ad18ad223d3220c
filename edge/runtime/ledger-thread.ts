import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { SiteConfig } from '../config/site.ts';
import { Ledger } from '../ledger/ledger.ts';
import { openDatabase } from '../ledger/open-database.ts';
import { Link } from '../link/link.ts';
import { createLogger } from './logger.ts';
import { stamper, systemClock, systemTimers } from './system-time.ts';
import type { FromLedger, ToLedger } from './thread-messages.ts';

/** What the field thread gives this one to begin with. */
export interface LedgerThreadData {
  readonly site: SiteConfig;
  readonly bootId: string;
  readonly logLevel: string;
  readonly software: string;
}

const SYNC_VIEW_EVERY_MS = 1000;

function run(port: NonNullable<typeof parentPort>, data: LedgerThreadData): void {
  const { site } = data;
  const log = createLogger(data.logLevel).child({ siteId: site.siteId, thread: 'ledger' });
  const stamp = stamper(systemClock, data.bootId);
  const post = (message: FromLedger) => port.postMessage(message);
  mkdirSync(site.dataDir, { recursive: true });
  const ledger = new Ledger(openDatabase(join(site.dataDir, 'ledger.db')), randomUUID);
  const { sessions, commands, cancelled, latches } = ledger.openWork(stamp());
  post({ kind: 'opened', storeEpoch: ledger.storeEpoch, sessions, commands, cancelled, latches: [...latches] });
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
    onCommand: (command) => post({ kind: 'command', command }),
    onCancel: (commandId) => post({ kind: 'cancel', commandId }),
    onAcknowledged: (sessionId) => post({ kind: 'acknowledged', sessionId }),
  });
  const showSync = () =>
    post({
      kind: 'sync',
      sync: {
        link: link.state,
        storeEpoch: ledger.storeEpoch,
        backlog: ledger.backlog(),
        ackedSeq: ledger.ackedSeq(),
        headSeq: ledger.headSeq(),
      },
    });
  const syncTimer = setInterval(showSync, SYNC_VIEW_EVERY_MS);

  port.on('message', (message: ToLedger) => {
    switch (message.kind) {
      case 'commit':
        post(commit(ledger, message));
        return link.poke();
      case 'view':
        return link.showView(message.connectors);
      case 'close':
        clearInterval(syncTimer);
        void link.close().then(() => {
          ledger.close();
          post({ kind: 'closed' });
          port.close();
        });
    }
  });
}

/** The reason goes back to the field thread, which decides what a failed commit means. */
function commit(ledger: Ledger, message: Extract<ToLedger, { kind: 'commit' }>): FromLedger {
  const { commitId } = message;
  try {
    ledger.commit(message.transaction, message.at);
    return { kind: 'committed', commitId };
  } catch (error) {
    return { kind: 'commit-failed', commitId, reason: error instanceof Error ? error.message : String(error) };
  }
}

if (parentPort === null) throw new Error('this file is the entry of a worker thread');
run(parentPort, workerData);
