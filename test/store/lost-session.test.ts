import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { ConnectorView, StartCommand } from '#shared/wire/messages.ts';
import { type Stage, setTheStage } from '../../cloud/testing/fixtures.ts';
import { createTestClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { untilGone } from '../../cloud/testing/until-gone.ts';
import type { Ledger } from '../../edge/ledger/ledger.ts';
import { alarm, at, openRescued } from '../../edge/ledger/testing.ts';
import { type Box, openBox, pluggedView, showOnce } from '../sync/site-box.ts';
import { sessionOf } from './session-of.ts';

/** A store that is lost in the middle of a charge: the edge's real ledger and link, a real broker, the cloud's real ingest. */

const clock = createTestClock();
let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());

const SILENCE_MS = 61_000;
const poll = (read: () => unknown) => expect.poll(read, { interval: 20 });

function connect(stage: Stage, ledger: Ledger): Box {
  const box = openBox(stage, cloud.brokerUrl, ledger);
  onTestFinished(() => box.link.close());
  return box;
}

const show = ({ connectorIds: [connectorId = ''] }: Stage, box: Box, change: Partial<ConnectorView>) =>
  showOnce(box, pluggedView(connectorId, clock.wallMs(), change));

async function showPlugged(stage: Stage, box: Box): Promise<void> {
  await show(stage, box, {});
  await poll(async () => (await stage.partner.call('GET', `/v1/connectors/${stage.connectorIds[0]}`)).body.status).toBe(
    'plugged',
  );
}

async function showCharging(stage: Stage, box: Box, orderId: string, sessionId: string, energyWh: number) {
  await show(stage, box, { status: 'charging', sessionId, energyWh });
  await poll(async () => (await stage.partner.call('GET', `/v1/orders/${orderId}`)).body.progress?.energy_wh).toBe(
    energyWh,
  );
}

async function start(stage: Stage, box: Box, requestId: string) {
  const body = { request_id: requestId, connector_id: stage.connectorIds[0] };
  const answer = await stage.partner.call('POST', '/v1/operations/start', body);
  expect(answer.status).toBe(202);
  const isIt = (command: Box['commands'][number]): command is StartCommand =>
    command.kind === 'start' && command.requestId === requestId;
  await poll(() => box.commands.some(isIt)).toBe(true);
  const command = box.commands.find(isIt);
  if (command === undefined) throw new Error('no start command');
  return { orderId: answer.body.order_id, command };
}

/** What the edge stores of a start that the pile has confirmed. */
function begin(ledger: Ledger, box: Box, command: StartCommand): string {
  const session = sessionOf(command, crypto.randomUUID());
  const { connectorId, pileId, sessionId } = session;
  const about = { sessionId, pileId, connectorId, orderId: command.orderId, commandId: command.commandId };
  const facts = { startedAt: at, meterStartWh: 1_000, limitMa: 16_000 };
  ledger.commit({ session: { session, open: true }, records: [{ kind: 'session.started', ...about, ...facts }] }, at);
  box.link.poke();
  return sessionId;
}

test('SY-03.a SY-05 CH-03 a charge whose store is lost ends before a person as soon as the new store has told everything, and the connector takes the next one', {
  timeout: 60_000,
}, async () => {
  const stage = await setTheStage(cloud, { name: 'lost' });
  const orderOf = async (orderId: string) => (await stage.partner.call('GET', `/v1/orders/${orderId}`)).body;
  const first = openRescued().ledger;
  const box = connect(stage, first);
  await showPlugged(stage, box);
  const one = await start(stage, box, 'r-1');
  const sessionId = begin(first, box, one.command);
  await showCharging(stage, box, one.orderId, sessionId, 4_200);
  // A process that comes back on the same store goes on with the charge.
  await box.link.close();
  const again = connect(stage, first);
  await showCharging(stage, again, one.orderId, sessionId, 4_300);
  expect((await orderOf(one.orderId)).state).toBe('charging');
  await again.link.close();
  await untilGone(cloud.context.db, stage.siteId);

  const second = openRescued().ledger;
  second.commit({ session: null, records: [{ ...alarm(1), alarmId: crypto.randomUUID() }] }, at);
  const other = connect(stage, second);
  await poll(() => other.link.held).toBe('wait');
  expect((await orderOf(one.orderId)).state).toBe('charging');
  clock.advance(SILENCE_MS);
  await poll(async () => (await orderOf(one.orderId)).state).toBe('abnormal');
  expect(await orderOf(one.orderId)).toMatchObject({ failure: { code: 'session.lost' }, amount_due: null, cdr: null });
  expect((await orderOf(one.orderId)).failure.detail).toContain('4300 Wh');

  clock.advance(1);
  await showPlugged(stage, other);
  const two = await start(stage, other, 'r-2');
  begin(second, other, two.command);
  await poll(async () => (await orderOf(two.orderId)).state).toBe('charging');
  const events = await cloud.context.db
    .selectFrom('webhook_events')
    .select(['type', 'order_id'])
    .where('partner_id', '=', stage.partnerId)
    .orderBy('created_at_ms')
    .execute();
  expect(events.map(({ type, order_id: id }) => [type, id])).toEqual([
    ['charge.started', one.orderId],
    ['charge.ended', one.orderId],
    ['charge.started', two.orderId],
  ]);
});
