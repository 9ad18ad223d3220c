import { describe, expect, test } from 'vitest';
import type { Command, StartCommand } from '#shared/wire/messages.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import type { Order } from './connector.ts';
import type { Reading } from './reading.ts';
import {
  cancelReservationCommand,
  charging,
  describeOrders,
  plugged,
  Rig,
  type RigOptions,
  reserveCommand,
  START_WALL_MS,
  startCommand,
  stopCommand,
  tariff,
  uuid,
} from './testing.ts';

const MINUTE = 60_000;
const HELD_MS = 10 * MINUTE;
const RESERVATION = uuid(81);
const priced = { ...tariff, reservation: { flatMinor: 200, minutePriceE4: 1000 } };
const unplugged: Reading = { ...plugged, status: 'unplugged' };
const cancelReservation = cancelReservationCommand();
const disable = { action: 'disable', stopRunning: false, by: 'Li', commandId: null } as const;

/** Reserved, which the cloud knows, and held for ten minutes. */
function held(change: Parameters<typeof reserveCommand>[0] = {}): Rig {
  const rig = new Rig();
  rig.see(unplugged);
  rig.command(reserveCommand(change));
  rig.send({ kind: 'acknowledged', id: RESERVATION });
  for (let minute = 0; minute < 10; minute += 1) rig.pass(MINUTE).see(unplugged);
  return rig;
}

const holders = ({ wallMs }: Rig): StartCommand =>
  startCommand({ issuedAtMs: wallMs, expiresAtMs: wallMs + MINUTE, reservationId: RESERVATION, tariff: priced });

const phases = {
  checking: (rig: Rig) => rig.command(holders(rig)),
  preparing: (rig: Rig) => rig.toPreparing(holders(rig)),
  starting: (rig: Rig) => rig.toStarting(holders(rig)),
};
type Begun = keyof typeof phases;

const ways = {
  'given back': (rig: Rig) => rig.command(cancelReservation),
  'taken back with its reserve': (rig: Rig) => rig.send({ kind: 'cancel', commandId: uuid(80) }),
  'released by a technician': (rig: Rig) => rig.send({ kind: 'release', by: 'local:wang', why: 'x' }),
  'taken out of service': (rig: Rig) => rig.send({ kind: 'maintain', wish: disable }),
  // Asked for before the start came: nothing is decided by such a look but what time decides.
  'out of time': (rig: Rig) => rig.pass(2000).see(plugged, 0),
  'not confirmed': (rig: Rig) => {
    const { reservation } = rig.state;
    if (reservation !== null) rig.state = { ...rig.state, reservation: { ...reservation, acknowledged: false } };
    return rig.pass(1000).see(plugged, 0);
  },
};
type Way = keyof typeof ways;
const reasons: Record<Way, string> = {
  'given back': 'cancelled',
  'taken back with its reserve': 'cancelled',
  'released by a technician': 'technician',
  'taken out of service': 'out-of-service',
  'out of time': 'used',
  'not confirmed': 'used',
};
const every = (Object.keys(phases) as Begun[]).flatMap((phase) =>
  (Object.keys(ways) as Way[]).map((way): [Way, Begun] => [way, phase]),
);

/** A holder's start is under way, in that phase, when its reservation ends that way. */
function story(way: Way, phase: Begun): Rig {
  const rig = held(way === 'out of time' ? { untilMs: START_WALL_MS + HELD_MS + 1000 } : {});
  phases[phase](rig);
  ways[way](rig);
  return rig;
}

/** What happens on: disk and pile do what they are told, and the charge is stopped, until nothing is under way and nothing is held. */
function goOn(rig: Rig, isDelivering = rig.writes.at(-1) === 'start'): Rig {
  let delivers = isDelivering;
  const carryOut = (orders: readonly Order[]): void => {
    for (const order of orders) {
      if (order.kind === 'commit' && order.answer !== null)
        carryOut(rig.send({ kind: 'durable', sessionId: order.answer }));
      if (order.kind !== 'write') continue;
      delivers = order.write === 'start';
      const told = order.write === 'start' ? { write: order.write, limitMa: 16_000 } : { write: rig.rung };
      carryOut(rig.send({ kind: 'written', ...told }));
    }
  };
  if (rig.phase === 'preparing') carryOut(rig.send({ kind: 'durable', sessionId: rig.session.sessionId }));
  for (let second = 0; second < 40 && rig.phase !== 'idle'; second += 1) {
    carryOut(rig.pass(1000).see(delivers ? charging : plugged));
    if (rig.phase === 'charging') carryOut(rig.acknowledge().command(stopCommand(rig.session.sessionId)));
  }
  for (let minute = 0; minute < 40 && rig.state.reservation !== null; minute += 1) rig.pass(MINUTE).see(unplugged);
  return rig;
}

/** One end of the reservation, and the only bill that knows of it is that of a charge that has used it. */
function expectOneFee(records: readonly RecordBody[]): void {
  const ends = records.flatMap((body) => (body.kind === 'reservation.ended' ? [body] : []));
  const bills = records.flatMap((body) => (body.kind === 'session.ended' ? [body.cdr] : []));
  expect(ends).toHaveLength(1);
  const used = ends.flatMap(({ reason, sessionId, heldMs }) =>
    reason === 'used' ? [{ sessionId, reservation: { heldMs } }] : [],
  );
  const billed = bills.filter(({ reservation, rating }) => reservation !== undefined || rating?.fees !== undefined);
  expect(billed.map(({ sessionId, reservation }) => ({ sessionId, reservation }))).toEqual(used);
}

const ends = (rig: Rig) => rig.recordsOf('reservation.ended').map(({ reason }) => reason);

describe('OP-19 OP-24 a reservation that ends while the holder’s start is under way is billed in one place', () => {
  test.each(every)('%s while it is %s', (way, phase) => {
    const rig = goOn(story(way, phase));
    expect(ends(rig)).toEqual([reasons[way]]);
    expectOneFee(rig.records);
    const isRefused = way === 'taken out of service' && phase !== 'starting';
    const begun = rig.recordsOf('session.started');
    expect([rig.phase, begun.length]).toEqual(['idle', isRefused ? 0 : 1]);
    if (reasons[way] === 'used') expect(rig.cdr.reservation?.heldMs).toBeGreaterThanOrEqual(HELD_MS);
  });

  test.each(every.filter(([, phase]) => phase === 'starting'))('%s, and the start comes to nothing', (way, phase) => {
    const rig = story(way, phase);
    rig.send({ kind: 'cancel', commandId: uuid(1) });
    goOn(rig, false);
    const undone: Partial<Record<Way, string>> = { 'out of time': 'expired', 'not confirmed': 'not-confirmed' };
    expect(ends(rig)).toEqual([undone[way] ?? reasons[way]]);
    expect([rig.cdr.voidReason, rig.cdr.reservation]).toEqual(['cancelled', undefined]);
  });

  test('the cancel has its outcome at once, and the charge goes on without what it was begun with', () => {
    const rig = held();
    phases.starting(rig);
    expect(describeOrders(rig.command(cancelReservation))).toBe('commit(reservation.ended, done, free)');
    expect(describeOrders(rig.pass(1000).see(charging))).toBe('commit(open, session.started, done)');
    expect(rig.session.heldMs).toBeNull();
  });
});

describe('OP-24 what a charge has begun with is used', () => {
  test('that it is, and that the charge has begun, is one transaction', () => {
    const rig = held();
    phases.starting(rig);
    expect(describeOrders(rig.pass(1000).see(charging))).toBe(
      'commit(open, session.started, done, reservation.ended, free)',
    );
    expect(rig.recordsOf('reservation.ended')).toMatchObject([
      { reason: 'used', sessionId: rig.session.sessionId, heldMs: HELD_MS },
    ]);
    // The cloud has heard that it is used by then, and the cancel fails there.
    expect(describeOrders(rig.command(cancelReservation))).toBe('commit(done)');
  });

  test.each(Object.entries(ways))('ED-08 also when the disk has both, and it is %s before the first look', (_, act) => {
    const before = held();
    phases.starting(before);
    const { reservation } = before.state;
    before.pass(1000).see(charging);
    const next = new Rig({ session: before.session, reservation, wallMs: before.wallMs, monoMs: before.monoMs });
    act(next);
    expect(next.recordsOf('reservation.ended')).toMatchObject([
      { reason: 'used', sessionId: before.session.sessionId, heldMs: HELD_MS },
    ]);
  });
});

test('OP-24 ED-08 taken out of service and released are one transaction: no power cut leaves held what nobody could use', () => {
  const orders = held().send({ kind: 'maintain', wish: disable });
  expect(describeOrders(orders)).toBe('commit(reservation.ended, disabled by Li, free)');
});

/** What a power cut leaves after so many commits, and the next process makes of it. */
function cutAfter(before: Rig, commits: number): readonly RecordBody[] {
  const indices = before.orders.flatMap(({ kind }, i) => (kind === 'commit' ? [i] : []));
  const done = before.orders.slice(0, indices[commits] ?? before.orders.length);
  const stored = done.flatMap((order) => (order.kind === 'commit' ? [order.transaction] : []));
  const records = stored.flatMap((transaction) => transaction.records);
  const last = stored.flatMap(({ session }) => (session === null ? [] : [session])).at(-1);
  const holds = stored.flatMap(({ reservation }) => (reservation === undefined ? [] : [reservation.reservation]));
  const hold = holds.at(-1) ?? null;
  const options: RigOptions = {
    session: last?.open === true ? last.session : null,
    reservation: hold && { ...hold, acknowledged: true },
    wallMs: START_WALL_MS + HELD_MS + 2000,
    monoMs: 5_000_000,
    bootId: uuid(901),
  };
  const next = new Rig(JSON.parse(JSON.stringify(options)));
  const hasOutcome = ({ commandId }: Command) =>
    records.some((body) => body.kind === 'command.reported' && body.commandId === commandId);
  // What was asked by the cloud is asked again, until it has its outcome.
  if (!hasOutcome(cancelReservation)) next.command(cancelReservation);
  const writes = done.flatMap((order) => (order.kind === 'write' ? [order.write] : []));
  goOn(next, writes.at(-1) === 'start');
  return [...records, ...next.records];
}

describe('OP-19 OP-24 ED-08 wherever the power is cut, it ends once and is billed in one place', () => {
  test.each(every)('%s while it is %s', (way, phase) => {
    const rig = goOn(story(way, phase));
    const commits = rig.orders.filter(({ kind }) => kind === 'commit').length;
    expect(commits).toBeGreaterThan(1);
    for (let count = 1; count <= commits; count += 1) expectOneFee(cutAfter(rig, count));
  });
});
