import { describe, expect, test } from 'vitest';
import { occupancySchema } from '#shared/wire/occupancy.ts';
import type { Occupancy } from './occupancy.ts';
import {
  charging,
  describeOrders,
  localWish,
  onDisk,
  plugged,
  Rig,
  type RigOptions,
  startCommand,
  stopCommand,
  tariff,
  uuid,
} from './testing.ts';
import { occupancyOver } from './watch-occupancy.ts';

const MINUTE = 60_000;
const staying = { ...tariff, occupancy: { graceMinutes: 15, minutePriceE4: 5000 } };
const unplugged = { ...plugged, status: 'unplugged' as const };

/** A charge that its partner has ended, the gun still in. */
function stayed(options: RigOptions = {}, start = startCommand({ tariff: staying })): Rig {
  const rig = new Rig(options).toCharging(start).acknowledge().charge(5);
  rig.command(stopCommand(rig.session.sessionId));
  rig.proveOff();
  rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
  return rig;
}

const ended = (rig: Rig) => rig.recordsOf('occupancy.ended').map(({ occupancy }) => occupancy);

/** The stay as it was last ordered to disk; null when its row is gone. */
function stayOnDisk(rig: Rig): Occupancy | null {
  const told = rig.orders.flatMap((order) => (order.kind === 'commit' ? [order.transaction.occupancy] : []));
  return JSON.parse(JSON.stringify(told.findLast((put) => put !== undefined)?.occupancy ?? null));
}

/** Looks once a second, the gun in. */
function look(rig: Rig, forMs: number, everyMs = 1000): Rig {
  for (let ms = 0; ms < forMs; ms += everyMs) rig.pass(everyMs).see(plugged);
  return rig;
}

describe('CH-09 a vehicle that stays after its charge', () => {
  test('is on the charge detail record, and on disk with it', () => {
    const rig = stayed();
    const { occupancyId } = rig.cdr;
    expect(occupancyId).toBeDefined();
    const closing = rig.orders.find((order) => order.kind === 'commit' && order.transaction.session?.open === false);
    expect(describeOrders(closing === undefined ? [] : [closing])).toContain('closed, session.ended, done, occupied');
    expect(rig.state.occupancy?.about).toMatchObject({
      occupancyId,
      sessionId: rig.cdr.sessionId,
      from: rig.cdr.endedAt,
    });
  });

  test('is told of when the gun is out, rated by the tariff of the charge, until it was last seen in', () => {
    const rig = look(stayed(), 20 * MINUTE);
    const fromMs = rig.cdr.endedAt.wallMs;
    const lastSeen = rig.now;
    rig.pass(1000).see(unplugged);
    const [record] = ended(rig);
    const occupiedMs = lastSeen.wallMs - fromMs;
    expect(record).toMatchObject({
      occupancyId: rig.cdr.occupancyId,
      cdrId: rig.cdr.cdrId,
      orderId: uuid(2),
      from: rig.cdr.endedAt,
      to: lastSeen,
      occupiedMs,
      endedBy: 'unplugged',
      tariff: staying,
      rating: { totalMinor: 250, lines: [{ fee: 'occupancy', minutes: 5, amountMinor: 250 }] },
    });
    expect(occupiedMs).toBe(20 * MINUTE);
    expect(occupancySchema.parse(record)).toEqual(record);
    expect(stayOnDisk(rig)).toBeNull();
  });

  test('is told of once', () => {
    const rig = look(stayed(), 20 * MINUTE);
    rig.pass(1000).see(unplugged);
    rig.pass(1000).see(unplugged);
    look(rig, 5000);
    rig.pass(1000).see(unplugged);
    expect(ended(rig)).toHaveLength(1);
  });

  test('within the grace time is told of as well, at no price: that is how anybody knows that it is over', () => {
    const rig = look(stayed(), MINUTE);
    rig.pass(1000).see(unplugged);
    expect(ended(rig)).toMatchObject([{ rating: { lines: [], totalMinor: 0 } }]);
  });

  test('until another charge begins with the gun in, is over where that one begins', () => {
    const rig = look(stayed(), 16 * MINUTE);
    const next = startCommand({
      commandId: uuid(50),
      orderId: uuid(51),
      expiresAtMs: rig.wallMs + 60_000,
      tariff: staying,
    });
    rig.command(next);
    rig.pass(100).see(plugged);
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    rig.pass(100).send({ kind: 'written', write: 'start', limitMa: 16_000 });
    expect(ended(rig)).toEqual([]);
    rig.pass(800).see(charging);
    expect(ended(rig)).toMatchObject([{ endedBy: 'next-charge', orderId: uuid(2), occupiedMs: 16 * MINUTE + 1000 }]);
    rig.pass(1000).see(unplugged);
    expect(ended(rig)).toHaveLength(1);
  });

  test('goes on through a start that comes to nothing', () => {
    const rig = look(stayed(), 16 * MINUTE);
    rig.send({ kind: 'begin', wish: localWish({ tariff: staying }), withinMs: 60_000 });
    rig.pass(100).see(plugged);
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    rig.pass(100).send({ kind: 'written', write: 'start', limitMa: 16_000 });
    while (rig.phase === 'starting') rig.pass(1000).see(plugged);
    rig.proveOff();
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    look(rig, 10 * MINUTE);
    expect(ended(rig)).toEqual([]);
    rig.pass(1000).see(unplugged);
    const [stay] = ended(rig);
    expect(stay).toMatchObject({ endedBy: 'unplugged', orderId: uuid(2) });
    expect(stay?.occupiedMs).toBeGreaterThan(27 * MINUTE);
  });

  test('is over, on disk too, when the next charge ends at a pile that could never be read again', () => {
    const stay = look(stayed(), 16 * MINUTE).state.occupancy;
    const next = new Rig().toCharging(startCommand({ commandId: uuid(50), orderId: uuid(51) })).acknowledge();
    const at = { wallMs: next.wallMs + MINUTE, monoMs: next.monoMs + MINUTE };
    const rig = new Rig({ session: onDisk(next), occupancy: JSON.parse(JSON.stringify(stay)), ...at });
    while (rig.phase !== 'closing') rig.pass(1000).lose();
    expect(ended(rig)).toMatchObject([{ endedBy: 'next-charge', occupiedMs: 16 * MINUTE }]);
    expect(stayOnDisk(rig)).toBeNull();
  });

  test('is stored every ten minutes, not at every look', () => {
    const rig = stayed();
    const before = rig.orders.length;
    look(rig, 30 * MINUTE);
    expect(describeOrders(rig.orders.slice(before).filter(({ kind }) => kind === 'commit'))).toBe(
      'commit(occupied); commit(occupied); commit(occupied)',
    );
  });
});

describe('CH-09 nobody pays for staying', () => {
  const none = (rig: Rig) => {
    look(rig, 20 * MINUTE);
    rig.pass(1000).see(unplugged);
    expect(rig.cdr.occupancyId).toBeUndefined();
    expect(ended(rig)).toEqual([]);
    expect(stayOnDisk(rig)).toBeNull();
  };

  test('under a tariff that asks nothing for it', () => {
    none(stayed({}, startCommand()));
  });

  test('without a tariff', () => {
    const rig = stayed();
    const { tariff: _, ...session } = onDisk(rig);
    const running = new Rig({ session: { ...session, tariff: null, stop: null, confirmed: true } });
    running.see(charging);
    running.command(stopCommand(session.sessionId));
    running.proveOff();
    running.send({ kind: 'durable', sessionId: session.sessionId });
    none(running);
  });

  test('after a fault', () => {
    const rig = new Rig()
      .toCharging(startCommand({ tariff: staying }))
      .acknowledge()
      .charge(5);
    rig.pass(1000).see({ ...charging, status: 'fault', fault: 'pile-fault' });
    expect(rig.phase).toBe('stopping');
    rig.proveOff();
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    none(rig);
  });

  test('after a charge that is void', () => {
    const rig = new Rig().toCharging(startCommand({ tariff: staying }));
    rig.pass(61_000).see(charging);
    rig.proveOff();
    expect(rig.cdr.voidReason).toBe('not-confirmed');
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    none(rig);
  });

  test('when the gun is out as the charge ends', () => {
    const rig = new Rig()
      .toCharging(startCommand({ tariff: staying }))
      .acknowledge()
      .charge(5);
    rig.command(stopCommand(rig.session.sessionId));
    rig.pass(100).send({ kind: 'written', write: rig.rung });
    const { registerWh } = rig.session.lastReading;
    rig.pass(500).see({ ...unplugged, registerWh });
    rig.pass(1500).see({ ...unplugged, registerWh });
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    none(rig);
  });
});

describe('CH-09 where nobody looked', () => {
  test.each([
    [59, 2 * MINUTE, 'unplugged'],
    [3 * 86_400, MINUTE, 'unseen'],
  ])(
    'a pile that was away for %i s and has the gun in before and after: it was there, unless that was long',
    (awayS, occupiedMs, endedBy) => {
      const rig = look(stayed(), MINUTE);
      rig.pass((awayS * 1000) / 2).lose();
      rig.pass((awayS * 1000) / 2).lose();
      rig.pass(1000).see(plugged);
      if (endedBy === 'unseen') look(rig, 480 * MINUTE);
      rig.pass(1000).see(unplugged);
      expect(ended(rig)).toMatchObject([{ occupiedMs, endedBy }]);
    },
  );

  test('one that comes back with the gun out: it counts until it was last seen in', () => {
    const rig = look(stayed(), MINUTE);
    for (let i = 0; i < 20; i += 1) rig.pass(MINUTE).lose();
    rig.pass(1000).see(unplugged);
    expect(ended(rig)).toMatchObject([{ occupiedMs: MINUTE, rating: { totalMinor: 0 } }]);
  });

  test('a state that tells neither counts as nothing, and ends nothing', () => {
    const rig = look(stayed(), MINUTE);
    rig.pass(20 * MINUTE).see({ ...plugged, status: 'unknown' });
    expect(ended(rig)).toEqual([]);
    rig.pass(1000).see(unplugged);
    expect(ended(rig)).toMatchObject([{ occupiedMs: MINUTE }]);
  });

  /** Killed and taken up again from disk. */
  const takenUp = (rig: Rig, awayMs: number, options: RigOptions = {}) => {
    const { wallMs, monoMs } = rig.pass(awayMs);
    return new Rig({ occupancy: stayOnDisk(rig), wallMs, monoMs, ...options });
  };

  test('ED-08 the controller was killed: the stay goes on where it was', () => {
    const next = takenUp(look(stayed(), 10 * MINUTE), 30_000);
    look(next, MINUTE);
    next.pass(1000).see(unplugged);
    expect(ended(next)).toMatchObject([{ occupiedMs: 11.5 * MINUTE, endedBy: 'unplugged' }]);
  });

  test('ED-08 killed for long, and a gun is in afterwards: nobody knows whose', () => {
    const next = takenUp(look(stayed(), 10 * MINUTE), 30 * MINUTE);
    look(next, MINUTE);
    next.pass(1000).see(unplugged);
    expect(ended(next)).toMatchObject([{ occupiedMs: 10 * MINUTE, endedBy: 'unseen' }]);
  });

  test('ED-08 killed, and the gun is out afterwards: only what was on disk is known', () => {
    const next = takenUp(look(stayed(), 11 * MINUTE), 30 * MINUTE);
    next.pass(1000).see(unplugged);
    expect(ended(next)).toMatchObject([{ occupiedMs: 10 * MINUTE }]);
  });

  test('ED-12 a power cut, and trusted clocks on both sides tell how long it was', () => {
    const next = takenUp(look(stayed(), 10 * MINUTE), 40_000, { bootId: uuid(901), monoMs: 5000 });
    look(next, MINUTE);
    next.pass(1000).see(unplugged);
    expect(ended(next)).toMatchObject([{ occupiedMs: 11 * MINUTE + 40_000, to: { bootId: uuid(901) } }]);
  });

  test('ED-12 a power cut, and nobody knows the time after it: the time of the cut is given to the driver', () => {
    const next = takenUp(look(stayed(), MINUTE), 30 * MINUTE, { bootId: uuid(901), monoMs: 5000 });
    next.clock = 'none';
    look(next, MINUTE);
    next.pass(1000).see(unplugged);
    // What was on disk was seen at the end of the charge.
    expect(ended(next)).toMatchObject([{ occupiedMs: 0, endedBy: 'unseen' }]);
  });

  test('ED-12 a wall clock that is set back bends nothing', () => {
    const rig = look(stayed(), 10 * MINUTE);
    rig.wallMs -= 3_600_000;
    look(rig, 10 * MINUTE);
    rig.pass(1000).see(unplugged);
    expect(ended(rig)).toMatchObject([{ occupiedMs: 20 * MINUTE }]);
  });

  test('ED-12 what is learned of the clock later is put right on disk, and no duration changes', () => {
    const rig = stayed();
    const doubtful: Occupancy | null = stayOnDisk(rig);
    if (doubtful === null) throw new Error('nothing on disk');
    const unsure = (stamp: Occupancy['seen']) => ({ ...stamp, clock: 'doubtful' as const });
    const { about, seen } = doubtful;
    const occupancy = { ...doubtful, about: { ...about, from: unsure(about.from) }, seen: unsure(seen) };
    rig.state = { ...rig.state, occupancy };
    const offsetMs = rig.wallMs - rig.monoMs + 7_200_000;
    rig.send({ kind: 'clock', clock: { bootId: uuid(900), offsetMs, quality: 'trusted' } });
    const repaired = stayOnDisk(rig);
    // The same is done when a process takes it up that knows more already.
    const takenUpNow = new Rig({ occupancy, wallMs: rig.wallMs + 7_200_000, monoMs: rig.monoMs }).state.occupancy;
    expect(takenUpNow?.about.from).toEqual(repaired?.about.from);
    expect(repaired?.about.from).toMatchObject({ wallMs: about.from.wallMs + 7_200_000, clock: 'trusted' });
    expect(repaired?.occupiedMs).toBe(0);
  });

  test('a damaged store that was replaced gets what is known of the stay', () => {
    const rig = look(stayed(), 5 * MINUTE);
    rig.send({ kind: 'store-replaced' });
    expect(stayOnDisk(rig)?.occupiedMs).toBe(5 * MINUTE);
  });

  test('at a connector that the site does not have any more it ends with what was seen', () => {
    const rig = look(stayed(), 16 * MINUTE);
    const stay = rig.state.occupancy;
    if (stay === null) throw new Error('nobody stays');
    expect(occupancyOver(stay, 'unseen')).toMatchObject({
      records: [{ occupancy: { endedBy: 'unseen', occupiedMs: 16 * MINUTE, rating: { totalMinor: 50 } } }],
      occupancy: { connectorId: 'P1-1', occupancy: null },
    });
  });
});

test('CH-09 while the record of the charge waits for the disk its stay is not told of before it', () => {
  const rig = new Rig()
    .toCharging(startCommand({ tariff: staying }))
    .acknowledge()
    .charge(5);
  rig.command(stopCommand(rig.session.sessionId));
  rig.proveOff();
  const { sessionId } = rig.session;
  rig.send({ kind: 'store-failed', sessionId });
  rig.pass(MINUTE).see(unplugged);
  expect(ended(rig)).toEqual([]);
  rig.send({ kind: 'durable', sessionId });
  rig.pass(1000).see(unplugged);
  expect(ended(rig)).toMatchObject([{ occupiedMs: 0 }]);
});
