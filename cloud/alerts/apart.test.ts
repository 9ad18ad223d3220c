import { afterAll, beforeAll, expect, test } from 'vitest';
import { transaction } from '../db/transaction.ts';
import { releaseForgotten } from '../partners/credit/check-books.ts';
import { hold } from '../partners/credit/hold.ts';
import { systemRandom } from '../random.ts';
import { type Stage, setTheStage, staffPost } from '../testing/fixtures.ts';
import { createPartnerClient } from '../testing/partner-client.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { takeAlarms } from './take-alarms.ts';

let cloud: TestCloud;
let stage: Stage;

beforeAll(async () => {
  cloud = await startTestCloud();
  stage = await setTheStage(cloud, { name: 'apart' });
});
afterAll(() => cloud?.stop());

const post = (path: string, body: object) =>
  staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${stage.partnerId}${path}`, body);
async function alertsOf(code: string) {
  await takeAlarms(cloud.context, () => Promise.resolve());
  return await cloud.context.db.selectFrom('alerts').selectAll().where('code', '=', code).execute();
}

test('XC-02 OP-28 that a sandbox account is empty hides not that the live one is', async () => {
  for (const environment of ['sandbox', 'live']) {
    const account = { environment, currency: 'CNY', reason: 'contract' };
    const terms = { kind: 'deposit', limit_minor: 0, hold_per_start_minor: 1, low_marks_minor: [500] };
    await post('/credit/terms', { ...account, ...terms });
    for (const kind of ['top_up', 'withdrawal'])
      await post('/credit/transfers', {
        ...account,
        kind,
        transfer_id: systemRandom.uuid(),
        amount_minor: 1_000,
        reference: 'r',
      });
  }
  const alerts = await alertsOf('credit.low');
  expect(alerts.map((alert) => [alert.partner_id, alert.alarm_count])).toEqual([
    [stage.partnerId, 1],
    [stage.partnerId, 1],
  ]);
});

test('XC-02 OP-05 that the secret of one key is known to others hides not that another one is', async () => {
  for (const environment of ['sandbox', 'live']) {
    const key = await post('/keys', { environment, scopes: ['read'], allowed_cidrs: ['198.51.100.0/24'] });
    const { body } = await createPartnerClient(cloud.app, cloud.clock, key).call('GET', '/v1/stations');
    expect(body.code).toBe('auth.address_refused');
  }
  expect(await alertsOf('key.foreign_address')).toHaveLength(2);
});

test('XC-02 OP-28 that money was still held for one order hides not that it was for another one', async () => {
  const { db, clock } = cloud.context;
  const [connectorId = ''] = stage.connectorIds;
  const place = { site_id: stage.siteId, pile_id: 'p', connector_id: connectorId, partner_id: stage.partnerId };
  const nowMs = clock.wallMs();
  for (const environment of ['sandbox', 'live'] as const) {
    const account = { environment, currency: 'EUR', reason: 'contract' };
    const terms = { kind: 'limit', limit_minor: 9_000, hold_per_start_minor: 1, low_marks_minor: [] };
    await post('/credit/terms', { ...account, ...terms });
    const orderId = systemRandom.uuid();
    const order = { order_id: orderId, origin: 'remote' as const, state: 'void' as const, environment };
    await db
      .insertInto('orders')
      .values({ ...place, ...order, created_at_ms: nowMs, updated_at_ms: nowMs })
      .execute();
    await transaction(db, async (trx) => {
      const row = await trx
        .selectFrom('credit_accounts')
        .selectAll()
        .where('currency', '=', 'EUR')
        .where('environment', '=', environment)
        .executeTakeFirstOrThrow();
      const wish = { transferId: systemRandom.uuid(), orderId, amountMinor: 100 };
      await hold({ ...cloud.context, trx, nowMs }, row, wish);
    });
  }
  expect(await releaseForgotten(cloud.context)).toBe(2);
  expect(await alertsOf('credit.hold_forgotten')).toHaveLength(2);
});

test('XC-02 what a site says of the connector of another one hides not what that one says of it', async () => {
  const other = await setTheStage(cloud, { name: 'other', tariff: null });
  const [connectorId = ''] = other.connectorIds;
  const nowMs = cloud.clock.wallMs();
  const alarm = { code: 'fire', severity: 'critical', detail: 'd', raised_at_ms: nowMs, received_at_ms: nowMs };
  for (const siteId of [stage.siteId, other.siteId])
    await cloud.context.db
      .insertInto('alarms')
      .values({ ...alarm, alarm_id: systemRandom.uuid(), source: 'site', site_id: siteId, connector_id: connectorId })
      .execute();
  const alerts = await alertsOf('fire');
  expect(alerts.map((alert) => [alert.site_id, alert.subject_id]).sort()).toEqual([
    [stage.siteId, `${stage.siteId}/${connectorId}`],
    [other.siteId, connectorId],
  ]);
});
