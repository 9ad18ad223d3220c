import { expect, test } from 'vitest';
import type { ChargingSite } from '../testing/charging-site.ts';
import { connectFakeEdge } from '../testing/fake-edge.ts';
import { setTheStage } from '../testing/fixtures.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reported } from '../testing/records.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { failOverdueStarts } from './sweeper.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;

onChargingSites('op', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

/** Nobody confirms: the deadline and its grace pass, and the site cancels as it is told. */
async function passDeadline(): Promise<void> {
  clock.advance(65_000);
  await failOverdueStarts(cloud.context);
  const { commandId } = await site.edge.take('cancel');
  await site.edge.record(reported(commandId, 'failed', { code: 'command.cancelled' }));
}

test('OP-12 the same request_id and body get the first answer and no second execution, whatever has happened since', async () => {
  const first = await site.start();
  expect(first.status).toBe(202);
  expect(first.headers.location).toBe(`/v1/operations/${first.body.operation_id}`);
  const again = await site.start();
  expect(again).toMatchObject({ status: 202, body: first.body });
  expect(again.headers['idempotency-hit']).toBe('true');
  await passDeadline();
  expect((await site.operation(first.body.operation_id)).status).toBe('failed');
  const much = await site.start();
  expect(much.body).toEqual(first.body);
  expect(await site.countRows()).toEqual({ orders: 1, operations: 1, commands: 1 });
});

test('OP-12 the same request_id with another body is an error', async () => {
  await site.start();
  const other = await site.start('r-1', site.connectorId(1));
  expect(other).toMatchObject({ status: 422, body: { code: 'request_id.reused', request_id: 'r-1', fault: 'caller' } });
  await site.plugIn(site.connectorId(1));
  const [a, b] = await Promise.all([site.start('r-2', site.connectorId(1)), site.start('r-2', site.connectorId(0))]);
  expect([a.status, b.status].filter((status) => status === 202).length).toBeLessThanOrEqual(1);
});

test('SY-07 a site of older software starts nothing with limits or a hold, which it would leave out', async () => {
  await site.edge.close();
  site.edge = await connectFakeEdge(cloud.brokerUrl, site.stage, clock, { isOld: true });
  await site.edge.hello();
  await site.plugIn();
  const start = (body: object) =>
    site.stage.partner.call('POST', '/v1/operations/start', { connector_id: site.connectorId(), ...body });
  for (const body of [{ limits: { energy_wh: 5000 } }, { hold_minor: 5000 }]) {
    const refused = await start({ request_id: `old-${Object.keys(body)}`, ...body });
    expect(refused).toMatchObject({ status: 409, body: { code: 'site.outdated', fault: 'site' } });
  }
  expect(await site.countRows()).toMatchObject({ commands: 0 });
  expect((await start({ request_id: 'old-plain' })).status).toBe(202);
});

test('OP-12 twenty times the same request at once is one execution', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => site.start('same')));
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
  expect(new Set(answers.map((answer) => answer.body.operation_id)).size).toBe(1);
  expect(answers.filter((answer) => answer.headers['idempotency-hit'] === undefined)).toHaveLength(1);
  expect(await site.countRows()).toEqual({ orders: 1, operations: 1, commands: 1 });
});

test('OP-14 of fifty simultaneous starts on one connector exactly one wins', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => site.start(`many-${index}`)));
  expect(answers.filter((answer) => answer.status === 202)).toHaveLength(1);
  const losers = answers.filter((answer) => answer.status !== 202);
  expect(new Set(losers.map((answer) => `${answer.status} ${answer.body.code}`))).toEqual(
    new Set(['409 connector.occupied']),
  );
  expect(await site.countRows()).toEqual({ orders: 1, operations: 1, commands: 1 });
});

test('OP-13 OP-22 what the cloud knows is refused at once and leaves nothing behind', async () => {
  const refusals: [object, string][] = [
    [{ status: 'available', plugged: false }, 'connector.not_plugged'],
    [{ status: 'faulted' }, 'connector.faulted'],
    [{ status: 'unavailable' }, 'connector.disabled'],
    [{ status: 'offline' }, 'connector.offline'],
    [{ status: 'charging' }, 'connector.occupied'],
  ];
  for (const [change, code] of refusals) {
    await site.plugIn(site.connectorId(), change);
    expect(await site.start(code)).toMatchObject({ status: 409, body: { code } });
  }
  await site.plugIn();
  clock.advance(16_000);
  expect(await site.start('away')).toMatchObject({ status: 409, body: { code: 'site.offline', fault: 'site' } });
  expect(await site.start('nowhere', 'no-such-connector')).toMatchObject({
    status: 404,
    body: { code: 'connector.unknown' },
  });
  expect(await site.start('bad id', site.connectorId())).toMatchObject({
    status: 400,
    body: { code: 'request.invalid' },
  });
  expect(await site.countRows()).toEqual({ orders: 0, operations: 0, commands: 0 });
});

test('OP-13 no tariff, no charge: there is no default price', async () => {
  const bare = await setTheStage(cloud, { name: `bare`, tariff: null });
  const bareEdge = await connectFakeEdge(cloud.brokerUrl, bare, clock);
  const id = bare.connectorIds[0] ?? '';
  await bareEdge.hello();
  await bareEdge.state(id);
  await expect.poll(async () => (await bare.partner.call('GET', `/v1/connectors/${id}`)).body.status).toBe('plugged');
  const answer = await bare.partner.call('POST', '/v1/operations/start', { request_id: 'r', connector_id: id });
  expect(answer).toMatchObject({ status: 409, body: { code: 'tariff.missing', fault: 'platform' } });
  await bareEdge.close();
});

test('OP-15 an operation is found by its request_id', async () => {
  const { body } = await site.start('find-me');
  const found = await site.stage.partner.call('GET', '/v1/operations?request_id=find-me&kind=start');
  expect(found.body.operations).toMatchObject([{ operation_id: body.operation_id, status: 'accepted' }]);
  expect((await site.stage.partner.call('GET', '/v1/operations?request_id=find-me&kind=stop')).body.operations).toEqual(
    [],
  );
});
