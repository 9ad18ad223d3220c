import { describe, expect, test } from 'vitest';
import type { MaintainCommand } from '#shared/wire/messages.ts';
import { type ChargingSite, openChargingSite } from '../testing/charging-site.ts';
import { connectFakeEdge } from '../testing/fake-edge.ts';
import { setTheStage } from '../testing/fixtures.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reported } from '../testing/records.ts';
import { silentDown } from '../testing/silent-down.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { sendDueCommands } from './command-sender.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
let runs = 0;

onChargingSites('mt', clock, (onCloud, onSite, run) => {
  cloud = onCloud;
  site = onSite;
  runs = run;
});

async function staff(method: 'GET' | 'POST', url: string, body?: object, token = cloud.staffToken) {
  const response = await cloud.app.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  return { status: response.statusCode, headers: response.headers, body: response.json() };
}

const wish = (change: object = {}) => ({
  request_id: `ticket-${runs}`,
  connector_id: site.connectorId(),
  action: 'disable',
  requested_by: 'Li Na',
  ...change,
});
const ask = (change: object = {}) => staff('POST', '/staff/v1/maintenance', wish(change));
const look = async (commandId: string) => (await staff('GET', `/staff/v1/maintenance/${commandId}`)).body;

async function takeMaintain(): Promise<MaintainCommand> {
  const command = await site.edge.take('command', (message) => message.kind === 'maintain');
  if (command.kind !== 'maintain') throw new Error('not a maintenance command');
  return command;
}

test('ED-19 what staff want reaches the site with who wanted it and until when, and its outcome comes back', async () => {
  const { status, headers, body } = await ask({ stop_running: true, expires_in_s: 60 });
  expect(status).toBe(202);
  expect(headers.location).toBe(`/staff/v1/maintenance/${body.command_id}`);
  expect(body).toMatchObject({ status: 'open', action: 'disable', requested_by: 'Li Na', failure: null });
  const command = await takeMaintain();
  expect(command).toEqual({
    v: 1,
    kind: 'maintain',
    commandId: body.command_id,
    requestId: `ticket-${runs}`,
    connectorId: site.connectorId(),
    issuedAtMs: clock.wallMs(),
    action: 'disable',
    stopRunning: true,
    by: 'Li Na',
    expiresAtMs: clock.wallMs() + 60_000,
    ttlMs: 60_000,
  });
  await site.edge.record(reported(command.commandId, 'received'));
  expect((await look(command.commandId)).status).toBe('received');
  await site.edge.record(reported(command.commandId, 'done'));
  expect(await look(command.commandId)).toMatchObject({ status: 'done', failure: null });
  expect((await look(command.commandId)).finished_at).not.toBeNull();
});

test('ED-19 a site that refuses says why, and its first word is the final one', async () => {
  const { body } = await ask({ action: 'reboot' });
  await takeMaintain();
  const failure = { code: 'connector.occupied', detail: 'a charge runs' } as const;
  await site.edge.record(reported(body.command_id, 'failed', failure));
  await site.edge.record(reported(body.command_id, 'done'));
  expect(await look(body.command_id)).toMatchObject({ status: 'failed', failure });
});

test('ED-19 the same request twice is one command; another body under its id is refused', async () => {
  const first = await ask();
  const again = await ask();
  expect(again).toMatchObject({ status: 202, body: { command_id: first.body.command_id } });
  expect(again.headers['idempotency-hit']).toBe('true');
  expect(await ask({ action: 'enable' })).toMatchObject({ status: 422, body: { code: 'request_id.reused' } });
  await takeMaintain();
  expect(await site.countRows()).toMatchObject({ commands: 1 });
});

test('ED-19 SY-04 it is sent again until the site has it, and after a hello', async () => {
  const { body } = await ask();
  await takeMaintain();
  clock.advance(5000);
  await site.edge.take('command', (message) => message.commandId === body.command_id);
  await site.reconnect(1);
  await site.edge.hello();
  await site.edge.take('command', (message) => message.commandId === body.command_id);
});

test('ED-19 SY-04 what expired while the site was away is never sent, and is not called failed', async () => {
  await site.edge.close();
  const { body } = await ask({ expires_in_s: 60 });
  await sendDueCommands({ ...cloud.context, down: silentDown() });
  clock.advance(60_000);
  await site.reconnect(1);
  await site.edge.hello();
  await sendDueCommands({ ...cloud.context, down: silentDown() });
  // Whoever sends it counts it first: the one time was when it was new.
  const tries = cloud.context.db.selectFrom('commands').select('sent_count').where('command_id', '=', body.command_id);
  expect(await tries.executeTakeFirst()).toEqual({ sent_count: 1 });
  expect((await look(body.command_id)).status).toBe('unheard');
  // It had arrived after all, in time, and the link went before it could be said.
  await site.edge.record(reported(body.command_id, 'done'));
  expect((await look(body.command_id)).status).toBe('done');
});

test.each([
  ['no such connector', { connector_id: 'nowhere' }, 404, 'connector.unknown'],
  ['an action that nobody knows', { action: 'reset' }, 400, 'request.invalid'],
  ['stopping what runs in order to enable', { action: 'enable', stop_running: true }, 400, 'request.invalid'],
  ['nobody who wants it', { requested_by: '' }, 400, 'request.invalid'],
  ['no expiry', { expires_in_s: 0 }, 400, 'request.invalid'],
])('ED-19 %s is refused and leaves nothing behind', async (_, change, status, code) => {
  expect(await ask(change)).toMatchObject({ status, body: { code } });
  expect(await site.countRows()).toMatchObject({ commands: 0 });
});

test('ED-19 nobody but staff: no token, a wrong one, or a partner with every scope', async () => {
  const { command_id: commandId } = (await ask()).body;
  const doors = [
    ['POST', '/staff/v1/maintenance', wish({ request_id: 'other' })],
    ['GET', `/staff/v1/maintenance/${commandId}`, undefined],
    ['GET', '/staff/v1/maintenance', undefined],
  ] as const;
  for (const [method, url, body] of doors) {
    expect((await staff(method, url, body, 'not the token')).body.code).toBe('auth.unknown_key');
    expect((await site.stage.partner.call(method, url, body)).body.code).toBe('auth.missing');
  }
  expect(await site.countRows()).toMatchObject({ commands: 1 });
});

test('ED-19 SY-06 another site can neither hear the command nor say how it ended', async () => {
  const other = await setTheStage(cloud, { name: `mto${runs}` });
  const stranger = await connectFakeEdge(cloud.brokerUrl, other, clock);
  await stranger.hello();
  const { body } = await ask();
  await takeMaintain();
  const ack = await stranger.record(reported(body.command_id, 'done'));
  expect(ack.refused).toMatchObject([{ code: 'record.refused' }]);
  expect(stranger.heard('command')).toBe(0);
  expect((await look(body.command_id)).status).toBe('open');
  await stranger.close();
});

test('ED-19 the list shows a connector’s commands, newest first', async () => {
  await ask({ request_id: `one-${runs}` });
  clock.advance(1000);
  await ask({ request_id: `two-${runs}`, action: 'enable' });
  const { body } = await staff('GET', `/staff/v1/maintenance?connector_id=${site.connectorId()}`);
  expect(body.maintenance.map((one: { action: string }) => one.action)).toEqual(['enable', 'disable']);
});

describe('ED-19 what is wanted last of a connector’s service takes the place of what was wanted before', () => {
  const superseded = { status: 'failed', failure: { code: 'command.superseded' } };
  const askFor = async (action: string, change: object = {}) =>
    (await ask({ request_id: `${action}-${runs}-${clock.wallMs()}`, action, ...change })).body.command_id as string;
  const triesOf = async (commandId: string) =>
    (
      await cloud.context.db
        .selectFrom('commands')
        .select('sent_count')
        .where('command_id', '=', commandId)
        .executeTakeFirstOrThrow()
    ).sent_count;

  test('one that was lost on its way is not sent again, and says what became of it', async () => {
    const enable = await askFor('enable');
    await takeMaintain();
    clock.advance(1000);
    const disable = await askFor('disable');
    expect(await takeMaintain()).toMatchObject({ commandId: disable, action: 'disable' });
    expect(await look(enable)).toMatchObject(superseded);
    expect((await look(enable)).finished_at).not.toBeNull();
    await site.edge.record(reported(disable, 'done'));
    clock.advance(6000);
    await sendDueCommands({ ...cloud.context, down: silentDown() });
    await site.reconnect(1);
    await site.edge.hello();
    await sendDueCommands({ ...cloud.context, down: silentDown() });
    expect(await triesOf(enable)).toBe(1);
    expect(await look(disable)).toMatchObject({ status: 'done', failure: null });
    clock.advance(300_000);
    expect(await look(enable)).toMatchObject(superseded);
  });

  test('the word of the site that it was done, or why it was not, counts for more', async () => {
    const [first, second] = [await askFor('enable'), await askFor('enable', { request_id: `again-${runs}` })];
    await askFor('disable');
    await site.edge.record(reported(first, 'received'));
    expect(await look(first)).toMatchObject(superseded);
    await site.edge.record(reported(first, 'done'));
    expect(await look(first)).toMatchObject({ status: 'done', failure: null });
    await site.edge.record(reported(second, 'failed', { code: 'command.expired', detail: 'late' }));
    expect(await look(second)).toMatchObject({ status: 'failed', failure: { code: 'command.expired' } });
    await site.edge.record(reported(first, 'failed', { code: 'command.expired', detail: 'late' }));
    expect(await look(first)).toMatchObject({ status: 'done', failure: null });
  });

  test('what ended before, what is written to a pile, and other connectors are left alone', async () => {
    const disable = await askFor('disable');
    await site.edge.record(reported(disable, 'done'));
    const reboot = await askFor('reboot');
    const enable = await askFor('enable');
    await askFor('reboot', { request_id: `again-${runs}` });
    expect(await look(disable)).toMatchObject({ status: 'done', failure: null });
    expect(await look(reboot)).toMatchObject({ status: 'open', failure: null });
    expect(await look(enable)).toMatchObject({ status: 'open', failure: null });
    const other = await openChargingSite(cloud, `mtx${runs}`);
    await askFor('disable', { request_id: `other-${runs}`, connector_id: other.connectorId() });
    await other.edge.close();
    expect(await look(enable)).toMatchObject({ status: 'open', failure: null });
  });

  test('two of the same millisecond, or of two clocks, have times in the order in which they were taken', async () => {
    await askFor('enable');
    const first = await takeMaintain();
    clock.advance(-50);
    await askFor('disable');
    clock.advance(51);
    const second = await takeMaintain();
    expect(second.issuedAtMs).toBe(first.issuedAtMs + 1);
    expect(second.expiresAtMs).toBe(second.issuedAtMs + second.ttlMs);
  });
});
