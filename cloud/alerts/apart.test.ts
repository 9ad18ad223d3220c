import { afterAll, beforeAll, expect, test } from 'vitest';
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
