import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Db } from '../db/connect.ts';
import { endingWith, transaction } from '../db/transaction.ts';
import { openTestDatabase } from '../testing/test-database.ts';
import { EMPTY_CHAIN } from './chain.ts';
import { type AuditEntry, recordAudit } from './record.ts';
import { verifyAudit } from './verify.ts';

let db: Db;

beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.destroy());

const tamper = async (...statements: string[]) => {
  await sql`alter table audit_log disable trigger audit_log_final`.execute(db);
  for (const statement of statements) await sql.raw(statement).execute(db);
  await sql`alter table audit_log enable always trigger audit_log_final`.execute(db);
};

beforeEach(() => tamper('delete from audit_log'));

const entry = (n: number, change: Partial<AuditEntry> = {}): AuditEntry => ({
  atMs: 1_700_000_000_000 + n,
  actor: { kind: 'staff', id: 'li-na', address: '10.0.0.7' },
  action: 'site.create',
  subject: { kind: 'site', id: `s-${n}` },
  detail: { n, nested: { b: 1, a: 'ü\u0000\ud800' } },
  correlationId: `p/${n}`,
  ...change,
});

const record = (n: number, change: Partial<AuditEntry> = {}) =>
  transaction(db, (trx) => recordAudit(trx, entry(n, change)));

async function recordMany(count: number): Promise<void> {
  for (let n = 1; n <= count; n++) await record(n);
}

const isRight = async (page?: number) => (await verifyAudit(db, null, page)).broken === null;

test('XC-01 the audit log is a chain from its first row, whatever the pages it is walked in', async () => {
  expect(await verifyAudit(db)).toEqual({ head: EMPTY_CHAIN, broken: null });
  await recordMany(5);
  await record(6, { actor: { kind: 'system', id: 'platform', address: null }, correlationId: null });
  const { head, broken } = await verifyAudit(db);
  expect([head.position, broken]).toEqual([6, null]);
  for (const page of [1, 2, 3, 6]) expect(await verifyAudit(db, head, page)).toEqual({ head, broken: null });
});

test.each([
  ['a detail changed', "update audit_log set detail = '{}' where position = 3", 3],
  ['an actor changed', "update audit_log set actor_id = 'other' where position = 3", 3],
  ['an address taken away', 'update audit_log set actor_address = null where position = 2', 2],
  ['a time moved', 'update audit_log set at_ms = at_ms + 1 where position = 5', 5],
  ['a row taken out', 'delete from audit_log where position = 3', 3],
  ['the first row taken out', 'delete from audit_log where position = 1', 1],
  ['digests exchanged', "update audit_log set sha256 = repeat('a', 64) where position = 4", 4],
])('XC-01 %s is found at its place', async (_name, statement, position) => {
  await recordMany(5);
  expect(await isRight()).toBe(true);
  await tamper(statement);
  for (const page of [1, 2, 100]) expect((await verifyAudit(db, null, page)).broken?.position).toBe(position);
});

test('XC-01 a row that was put beside another one is found, wherever a page ends', async () => {
  await recordMany(4);
  await tamper(
    'alter table audit_log drop constraint audit_log_pkey',
    'alter table audit_log drop constraint audit_log_previous_sha256_key',
    "insert into audit_log select position, at_ms, actor_kind, 'other', actor_address, action, subject_kind, subject_id, detail, correlation_id, previous_sha256, sha256 from audit_log where position = 2",
  );
  for (const page of [1, 2, 100]) expect((await verifyAudit(db, null, page)).broken?.position).toBe(2);
  await tamper('delete from audit_log');
  await tamper(
    'alter table audit_log add primary key (position)',
    'alter table audit_log add unique (previous_sha256)',
  );
});

test('XC-01 rows cut off at the end are found against a head that was noted', async () => {
  await recordMany(5);
  const { head } = await verifyAudit(db);
  await tamper('delete from audit_log where position > 3');
  expect(await isRight()).toBe(true);
  expect((await verifyAudit(db, head)).broken?.position).toBe(4);
  await record(4, { action: 'site.revoke' });
  await record(5, { action: 'site.revoke' });
  expect(await isRight()).toBe(true);
  expect((await verifyAudit(db, head)).broken?.position).toBe(5);
});

test('XC-01 the database refuses to change, delete or empty the audit log', async () => {
  await recordMany(2);
  for (const statement of [
    "update audit_log set detail = '{}' where position = 1",
    'delete from audit_log where position = 2',
    'truncate audit_log',
  ])
    await expect(sql.raw(statement).execute(db)).rejects.toThrow('rows of audit_log are never changed');
  expect((await verifyAudit(db)).head.position).toBe(2);
});

test('XC-01 what is undone is not recorded, and what cannot be recorded is undone', async () => {
  await record(1);
  const failing = transaction(db, async (trx) => {
    await recordAudit(trx, entry(2));
    throw new Error('undone');
  });
  await expect(failing).rejects.toThrow('undone');
  const unrecorded = endingWith(db, () => Promise.reject(new Error('no room')));
  const partner = { partner_id: 'p', name: 'P', created_at_ms: 1 };
  await expect(transaction(unrecorded, (trx) => trx.insertInto('partners').values(partner).execute())).rejects.toThrow(
    'no room',
  );
  expect(await db.selectFrom('partners').selectAll().execute()).toEqual([]);
  expect((await verifyAudit(db)).head.position).toBe(1);
});

test('XC-01 many who append at once make one chain', async () => {
  await Promise.all(Array.from({ length: 40 }, (_, n) => record(n)));
  const { head, broken } = await verifyAudit(db);
  expect([head.position, broken]).toEqual([40, null]);
});
