import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { transaction } from '../db/transaction.ts';
import { askAsStaff } from '../testing/staff-person.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { recordAudit } from './record.ts';
import { verifyAudit } from './verify.ts';

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud?.stop());

test('XC-01 a row that was put in before the first one is found', async () => {
  const { db } = cloud.context;
  await transaction(db, (trx) =>
    recordAudit(trx, {
      atMs: 1,
      actor: { kind: 'staff', id: 'li-na', address: null },
      action: 'site.create',
      subject: { kind: 'site', id: 'EAST' },
      detail: {},
      correlationId: null,
    }),
  );
  await sql`insert into audit_log values (0, 1, 'staff', 'wang-wei', null, 'site.revoke', 'site', 'EAST', '{}', null, 'x', 'y')`.execute(
    db,
  );
  const listed = await askAsStaff(cloud, { method: 'GET', path: '/audit?subject_id=EAST', token: cloud.staffToken });
  expect(listed.body.entries.map((one: { actor_id: string }) => one.actor_id)).toContain('wang-wei');
  expect((await verifyAudit(db)).broken).not.toBeNull();
});
