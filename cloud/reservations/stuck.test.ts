import { describe, expect, test } from 'vitest';
import type { Command } from '#shared/wire/messages.ts';
import { triesWithin } from '../operations/command-sender.ts';
import { GRACE_MS } from '../operations/sweeper.ts';
import { systemRandom } from '../random.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { connectFakeEdge } from '../testing/fake-edge.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reported } from '../testing/records.ts';
import { HALF_AN_HOUR_MS, reservingSite } from '../testing/reserving-site.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { sweepReservations } from './sweep.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;

onChargingSites('st', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});
const at = reservingSite(() => site, clock);

const commandOf = (reservationId: string) =>
  cloud.context.db
    .selectFrom('commands')
    .selectAll()
    .where('reservation_id', '=', reservationId)
    .where('kind', '=', 'reserve')
    .executeTakeFirstOrThrow();
const stateOf = async (reservationId: string) => (await at.look(reservationId)).state;
const sweep = () => sweepReservations(cloud.context);

/** A reserve that the site has received. */
async function requested() {
  await at.free();
  const { body } = await at.reserve();
  return { ...body, command: await at.takeReserve() };
}

describe('OP-16 a reserve that is not confirmed in time', () => {
  test('is taken back on site, and fails as timed out by its answer', async () => {
    const { operation_id: operationId, reservation_id: id, command } = await requested();
    clock.advance(60_000 + GRACE_MS - 1);
    await sweep();
    expect(await commandOf(id)).toMatchObject({ cancelled_at_ms: null });
    clock.advance(1);
    await sweep();
    expect(await site.edge.take('cancel')).toMatchObject({ commandId: command.commandId });
    expect((await site.operation(operationId)).status).toBe('accepted');
    await site.edge.record(reported(command.commandId, 'failed', { code: 'command.cancelled' }));
    expect(await site.operation(operationId)).toMatchObject({ failure: { code: 'operation.timed_out' } });
    expect(await stateOf(id)).toBe('rejected');
    expect((await site.eventTypes()).toSorted()).toEqual(['reservation.ended']);
  });

  test('and not before, also where the process that looks was told another time than the one that has answered', async () => {
    const { reservation_id: id } = await requested();
    clock.advance(60_000);
    const settings = { ...cloud.context.settings, startTimeoutMs: 20_000 };
    await sweepReservations({ ...cloud.context, settings });
    expect(await commandOf(id)).toMatchObject({ cancelled_at_ms: null });
  });

  test('fails without a site that answers nothing, which goes on being told to let go', async () => {
    const { operation_id: operationId, reservation_id: id } = await requested();
    clock.advance(3_600_000 - HALF_AN_HOUR_MS - 61_000 - 60_000);
    const tries = triesWithin(60_000);
    for (let asked = 0; asked <= tries; asked += 1) {
      await sweep();
      expect((await site.operation(operationId)).status).toBe('accepted');
      await expect.poll(async () => (await commandOf(id)).sent_count).toBe(asked + 1);
      clock.advance(5_000);
    }
    await sweep();
    expect(await site.operation(operationId)).toMatchObject({ failure: { code: 'operation.timed_out' } });
    const heard = site.edge.heard('cancel');
    clock.advance(60_000);
    await site.edge.hello();
    await expect.poll(() => site.edge.heard('cancel')).toBeGreaterThan(heard);
  });

  test('a confirmation that comes too late is taken back, and was never the partner\u2019s', async () => {
    const { operation_id: operationId, reservation_id: id, command } = await requested();
    clock.advance(60_001);
    await at.hold(command);
    expect(await stateOf(id)).toBe('requested');
    await site.edge.take('cancel', ({ commandId }) => commandId === command.commandId);
    await site.edge.record(at.ended(command, 'not-confirmed', { heldMs: 60_000 }));
    expect(await site.operation(operationId)).toMatchObject({ failure: { code: 'operation.timed_out' } });
    expect(await at.look(id)).toMatchObject({ state: 'rejected', held_s: null, fee: null });
    expect((await site.eventTypes()).toSorted()).toEqual(['reservation.ended']);
    // It is over: nothing of it is sent any more.
    expect(await commandOf(id)).toMatchObject({ next_send_at_ms: null });
  });
});

describe('OP-24 nothing stays open for ever', () => {
  test('a reservation whose time is long over at a site that is away has run out', async () => {
    const { reservationId } = await at.held();
    clock.advance(HALF_AN_HOUR_MS + 120_000 - 1);
    await sweep();
    expect(await stateOf(reservationId)).toBe('active');
    clock.advance(1);
    await sweep();
    expect(await at.look(reservationId)).toMatchObject({ state: 'expired', held_s: 1800 });
    await site.edge.record(at.ended({ reservationId, connectorId: site.connectorId() }, 'expired'));
    expect((await site.eventTypes()).toSorted()).toEqual(['reservation.active', 'reservation.ended']);
  });

  test('its cancel succeeds with that', async () => {
    const { reservationId } = await at.held();
    const { operation_id: operationId } = (await at.cancel(reservationId)).body;
    clock.advance(HALF_AN_HOUR_MS + 120_000);
    await sweep();
    expect((await site.operation(operationId)).status).toBe('succeeded');
  });

  test('one whose end the site has not told yet is in nobody\u2019s way', async () => {
    const { reservationId } = await at.held();
    clock.advance(HALF_AN_HOUR_MS);
    await at.free();
    expect((await at.reserve()).status).toBe(202);
    expect(await stateOf(reservationId)).toBe('expired');
  });

  test('those of a site that is revoked end with it', async () => {
    const { reservationId } = await at.held();
    await cloud.context.db
      .updateTable('sites')
      .set({ revoked_at_ms: clock.wallMs() })
      .where('site_id', '=', site.stage.siteId)
      .execute();
    await sweep();
    expect(await at.look(reservationId)).toMatchObject({
      state: 'released',
      end_reason: 'site-revoked',
      fee: null,
      failure: { code: 'site.offline' },
    });
  });
});

describe('OP-24 SY-03.a after the two have lost each other', () => {
  const streams = (headSeq: number) => ({ streams: [{ stream: 'events', headSeq, ackedSeq: 0 }] });
  const named = (reservationId: string) => ({
    reservations: [{ reservationId, connectorId: site.connectorId() }],
  });

  async function newStore() {
    await site.edge.close();
    site.edge = await connectFakeEdge(cloud.brokerUrl, site.stage, clock);
    return site.edge;
  }

  test('what the site names goes on, and what a new store does not know is lost', async () => {
    const { reservationId } = await at.held();
    await site.edge.hello(named(reservationId));
    expect(await stateOf(reservationId)).toBe('active');
    await (await newStore()).hello();
    expect(await at.look(reservationId)).toMatchObject({
      state: 'lost',
      fee: null,
      failure: { code: 'reservation.lost', fault: 'site' },
    });
    expect((await site.eventTypes()).toSorted()).toEqual(['reservation.active', 'reservation.ended']);
  });

  test('not before everything is there that the site had to tell by then', async () => {
    const held = await at.held();
    const next = site.edge.nextSeq();
    await site.edge.hello(streams(next));
    expect(await stateOf(held.reservationId)).toBe('active');
    await site.edge.batch([{ seq: next, at: site.edge.stamp(), body: at.ended(held, 'technician') }]);
    expect(await stateOf(held.reservationId)).toBe('released');
  });

  test('and then, when none of that tells of its end', async () => {
    const { reservationId } = await at.held();
    const next = site.edge.nextSeq();
    await site.edge.hello(streams(next));
    const alarm = { alarmId: systemRandom.uuid(), code: 'store-damaged', severity: 'critical', detail: 'x' };
    const body = { kind: 'alarm.raised', ...alarm, pileId: null, connectorId: null, sessionId: null };
    await site.edge.batch([{ seq: next, at: site.edge.stamp(), body }]);
    expect(await stateOf(reservationId)).toBe('lost');
  });

  test('a later hello that names it again takes that back', async () => {
    const { reservationId } = await at.held();
    const next = site.edge.nextSeq();
    await site.edge.hello(streams(next));
    await site.edge.hello({ ...streams(next), ...named(reservationId) });
    const alarm = { alarmId: systemRandom.uuid(), code: 'store-damaged', severity: 'critical', detail: 'x' };
    const body = { kind: 'alarm.raised', ...alarm, pileId: null, connectorId: null, sessionId: null };
    await site.edge.batch([{ seq: next, at: site.edge.stamp(), body }]);
    expect(await stateOf(reservationId)).toBe('active');
  });

  test('what the site holds for nobody any more is cancelled there, once, known or not', async () => {
    const held = await at.held();
    clock.advance(HALF_AN_HOUR_MS + 120_000);
    await sweep();
    const unknown = systemRandom.uuid();
    for (const id of [held.reservationId, unknown]) {
      await site.edge.hello(named(id));
      await site.edge.hello(named(id));
      const isOfIt = (command: Command) => command.kind === 'cancel-reservation' && command.reservationId === id;
      const command = await site.edge.take('command', isOfIt);
      await site.edge.record(reported(command.commandId, 'done'));
      const open = cloud.context.db.selectFrom('commands').select('command_id').where('reservation_id', '=', id);
      expect(await open.where('kind', '=', 'cancel-reservation').execute()).toHaveLength(1);
    }
    expect(await stateOf(held.reservationId)).toBe('expired');
  });

  test('one whose confirmation is on its way is let be', async () => {
    const { reservation_id: id, command } = await requested();
    await site.edge.hello(named(id));
    await at.hold(command);
    expect(await stateOf(id)).toBe('active');
    const cancels = cloud.context.db.selectFrom('commands').select('command_id').where('reservation_id', '=', id);
    expect(await cancels.where('kind', '=', 'cancel-reservation').execute()).toHaveLength(0);
  });
});
