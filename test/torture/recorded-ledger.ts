// Works with a ledger while record-writes.c watches, and says after each step that it is acknowledged: what it has said must be
// there after a power cut.
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Flaw, work } from './ledger-workload.ts';

const [folder = '', seed = '1', steps = '1', flaw = 'none'] = process.argv.slice(2);
const marker = openSync(join(folder, 'acknowledged'), 'a');
work(join(folder, 'ledger.db'), { seed: Number(seed), steps: Number(steps), flaw: flaw as Flaw }, (step) =>
  writeSync(marker, `${step}\n`),
);
