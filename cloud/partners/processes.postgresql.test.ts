import { expect, inject, test } from 'vitest';
import { setTheStage, staffPost } from '../testing/fixtures.ts';
import { createPartnerClient } from '../testing/partner-client.ts';
import { createTestClock, machineClock } from '../testing/test-clock.ts';
import { startTwoProcesses } from '../testing/two-processes.ts';

async function withTwoProcesses(clock = machineClock) {
  const processes = await startTwoProcesses(inject('postgresqlUrl'), clock);
  return { ...processes, stage: await setTheStage(processes.cloud, { name: 'two' }) };
}

test('OP-04 OP-08 what one process ends, bans or counts holds in the other at once', async () => {
  const { cloud, stage, second, stop } = await withTwoProcesses();
  try {
    const path = `/staff/v1/partners/${stage.partnerId}/keys`;
    const limits = { read: { per_minute: 1, burst: 30 } };
    const key = await staffPost(cloud.app, cloud.staffToken, path, {
      environment: 'sandbox',
      scopes: ['read'],
      limits,
    });
    const here = createPartnerClient(cloud.app, cloud.clock, key);
    const there = createPartnerClient(second, cloud.clock, key);
    const look = (client: typeof here) => client.call('GET', '/v1/stations');

    const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => look(n % 2 === 0 ? here : there)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(30);

    const next = await staffPost(cloud.app, cloud.staffToken, path, { environment: 'sandbox', scopes: ['read'] });
    const client = createPartnerClient(second, cloud.clock, next);
    expect((await look(client)).status).toBe(200);
    await staffPost(cloud.app, cloud.staffToken, `${path}/${next.key_id}/revoke`, { reason: 'stolen' });
    expect((await look(client)).body.code).toBe('auth.unknown_key');

    const forger = createPartnerClient(cloud.app, cloud.clock, { key_id: stage.key.key_id, secret: 'guess' });
    await Promise.all(Array.from({ length: 40 }, () => look(forger)));
    const elsewhere = createPartnerClient(second, cloud.clock, stage.key);
    expect((await look(elsewhere)).body.code).toBe('auth.banned');
    const alarms = await cloud.context.db.selectFrom('alarms').where('code', '=', 'auth.banned').selectAll().execute();
    expect(alarms).toHaveLength(1);
  } finally {
    await stop();
  }
});

test('OP-07 a signed request is good once, whichever processes it is shown to', async () => {
  const { cloud, stage, second, stop } = await withTwoProcesses();
  try {
    const clients = [cloud.app, second].map((app) => createPartnerClient(app, cloud.clock, stage.key));
    const timestampS = Math.floor(cloud.clock.wallMs() / 1000);
    for (let n = 0; n < 5; n += 1) {
      const same = { nonce: `once-${n}-${'0'.repeat(16)}`, timestampS };
      const tries = [...clients, ...clients].map((client) => client.call('GET', '/v1/stations', undefined, same));
      const codes = (await Promise.all(tries)).map(({ status, body }) => (status === 200 ? 'taken' : body.code));
      expect(codes.sort()).toEqual(['auth.reused_nonce', 'auth.reused_nonce', 'auth.reused_nonce', 'taken']);
    }
  } finally {
    await stop();
  }
});

test('OP-08 one address is wrong as often as it may be, however many processes it asks', async () => {
  const { cloud, second, stop } = await withTwoProcesses(createTestClock());
  try {
    const guess = (app: typeof second, url: string, payload: object) =>
      app.inject({ method: 'POST', url, headers: { 'content-type': 'application/json' }, payload });
    const password = { kind: 'password', passwordSha256: '0'.repeat(64) };
    const statuses = async (url: string, payloadOf: (n: number) => object) => {
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, n) => guess(n % 2 === 0 ? cloud.app : second, url, payloadOf(n))),
      );
      expect(answers.filter(({ statusCode }) => statusCode === 429)).toHaveLength(20);
      const refused = answers.filter(({ statusCode }) => statusCode === 429);
      for (const { headers } of refused) expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    };
    await statuses('/site/v1/claims', (n) => ({ siteId: 's', claimCode: `WRONG-${n}`, wish: password }));
    const wrong = { password: 'a guess of many', code: '000000' };
    await statuses('/staff/v1/sessions', (n) => ({ ...wrong, staff_id: `name-${n}` }));
  } finally {
    await stop();
  }
});
