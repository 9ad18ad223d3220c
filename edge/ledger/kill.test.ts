import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLedger, tempFolder } from './testing.ts';

/** So many at least, however slow the disk is. */
const SOME = 5;

/** Lets the writer take some commits and go on for a while, and kills it without warning; returns the last that it told of. */
async function writeUntilKilled(path: string, from: number, forMs: number): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'killed-writer.ts'), path, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString();
  });
  while (told.split('\n').length <= SOME) await once(child.stdout, 'data');
  await new Promise((resolve) => setTimeout(resolve, forMs));
  child.kill('SIGKILL');
  await once(child, 'close');
  const whole = told.slice(0, told.lastIndexOf('\n'));
  return Number(whole.slice(whole.lastIndexOf('\n') + 1));
}

test('ED-08 kill -9 in the middle of commits: every commit that was taken is there, whole, and none is half there', async () => {
  const path = join(tempFolder(), 'ledger.db');
  let last = 0;
  for (const forMs of [60, 120, 35]) {
    last = await writeUntilKilled(path, last + 1, forMs);
    const { ledger, database } = openLedger(path);
    const records = ledger.nextBatch({ records: 1_000_000, bytes: 1e9 })?.records ?? [];
    database.close();
    const stored = records.length / 2;
    // The one that was under way may be there as well, but nothing of it without the rest.
    expect(Number.isInteger(stored)).toBe(true);
    expect([last, last + 1]).toContain(stored);
    expect(records.map((record) => record.seq)).toEqual(Array.from({ length: records.length }, (_, i) => i + 1));
    records.forEach(({ body }, i) => {
      expect(String(body.commandId).slice(-12)).toBe(String(Math.floor(i / 2) + 1).padStart(12, '0'));
      expect(body.status).toBe(i % 2 === 0 ? 'received' : 'done');
    });
    last = stored;
  }
  expect(last).toBeGreaterThan(10);
}, 20_000);
