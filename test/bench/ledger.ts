import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ledger } from '../../edge/ledger/ledger.ts';
import { openDatabase } from '../../edge/ledger/open-database.ts';
import { Store } from '../../edge/ledger/store.ts';
import { median, round, timeMs } from './measure.ts';

const ROUNDS = 7;
const COMMITS = 200;

/**
 * What durability costs: commits of one outbox record each with synchronous=FULL, as the edge runs, beside the same
 * with NORMAL, which may forget the last of them in a power cut.
 */
export function ledger(): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-bench-'));
  const msPerCommit = (synchronous: 'FULL' | 'NORMAL') => {
    const database = openDatabase(join(folder, `${randomUUID()}.db`));
    database.pragma(`synchronous = ${synchronous}`);
    const store = new Ledger(new Store(database), randomUUID);
    const at = { wallMs: Date.now(), monoMs: 0, bootId: randomUUID(), clock: 'trusted' as const };
    const ms = timeMs(() => {
      for (let i = 0; i < COMMITS; i += 1) {
        const record = {
          kind: 'command.reported',
          commandId: randomUUID(),
          status: 'received',
          sessionId: null,
          code: null,
          detail: null,
        } as const;
        store.commit({ session: null, records: [record] }, at);
      }
    });
    store.close();
    return ms / COMMITS;
  };
  const pairs = Array.from({ length: ROUNDS }, () => ({ full: msPerCommit('FULL'), normal: msPerCommit('NORMAL') }));
  rmSync(folder, { recursive: true, force: true });
  return Promise.resolve({
    commit_ms_full: round(median(pairs.map((pair) => pair.full)), 3),
    commit_ms_normal: round(median(pairs.map((pair) => pair.normal)), 3),
    full_over_normal: round(median(pairs.map((pair) => pair.full / pair.normal))),
  });
}
