import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { openDatabase } from '../../edge/ledger/open-database.ts';

/** Fills a new store with so many records that the cloud does not have: an edge that was offline for a long time. */
export function fillBacklog(dataDir: string, records: number): void {
  const database = openDatabase(join(dataDir, 'ledger.db'));
  const at = JSON.stringify({ wallMs: Date.now(), monoMs: 0, bootId: randomUUID(), clock: 'trusted' });
  const insert = database.prepare(
    `INSERT INTO outbox (kind, session_id, at, body) VALUES ('command.reported', NULL, ?, ?)`,
  );
  database.transaction(() => {
    for (let i = 0; i < records; i += 1) {
      const body = {
        commandId: randomUUID(),
        status: 'failed',
        sessionId: null,
        code: 'command.expired',
        detail: null,
      };
      insert.run(at, JSON.stringify({ kind: 'command.reported', ...body }));
    }
  })();
  database.close();
}
