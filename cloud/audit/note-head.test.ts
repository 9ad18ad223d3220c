import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Db } from '../db/connect.ts';
import { transaction } from '../db/transaction.ts';
import { openTestDatabase } from '../testing/test-database.ts';
import { createHeadNotes } from './note-head.ts';
import { recordAudit } from './record.ts';
import { verifyAudit } from './verify.ts';

let db: Db;

beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.destroy());

test('XC-01 where the audit log stands is noted in the log whenever it has gone on, and fits the walk', async () => {
  const lines: { position: number; sha256: string }[] = [];
  const noteHead = createHeadNotes({ db, logger: pino({}, { write: (line) => lines.push(JSON.parse(line)) }) });
  await noteHead();
  const actor = { kind: 'system', id: 'platform', address: null } as const;
  const entry = { atMs: 1, actor, action: 'a', subject: { kind: 'k', id: 'i' }, detail: {}, correlationId: null };
  for (let n = 0; n < 2; n++) await transaction(db, (trx) => recordAudit(trx, entry));
  await noteHead();
  await noteHead();
  await transaction(db, (trx) => recordAudit(trx, entry));
  await noteHead();
  expect(lines.map(({ position }) => position)).toEqual([2, 3]);
  for (const { position, sha256 } of lines) expect((await verifyAudit(db, { position, sha256 })).broken).toBeNull();
});
