// Commits without end and tells each commit on standard output once the ledger has taken it. It is killed in the middle: what
// it told must be there afterwards.
import { writeSync } from 'node:fs';
import { uuid } from '../control/testing.ts';
import { Ledger } from './ledger.ts';
import { openDatabase } from './open-database.ts';
import { Store } from './store.ts';

const [path = '', from = '1'] = process.argv.slice(2);
const ledger = new Ledger(new Store(openDatabase(path)), () => crypto.randomUUID());
const at = { wallMs: 1_772_409_600_000, monoMs: 1, bootId: uuid(900), clock: 'trusted' as const };

for (let n = Number(from); ; n += 1) {
  const told = { commandId: uuid(n), sessionId: null, code: null, detail: 'x'.repeat(n % 400) };
  ledger.commit(
    {
      session: null,
      records: [
        { kind: 'command.reported', status: 'received', ...told },
        { kind: 'command.reported', status: 'done', ...told },
      ],
    },
    at,
  );
  writeSync(1, `${n}\n`);
}
