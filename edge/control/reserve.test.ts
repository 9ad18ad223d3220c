import { describe, expect, test } from 'vitest';
import { clockQualities } from '#shared/stamp.ts';
import type { Reading } from './reading.ts';
import type { Reservation } from './reservation.ts';
import { viewOf } from './status.ts';
import {
  cancelReservationCommand,
  charging,
  describeOrders,
  facts,
  localWish,
  plugged,
  Rig,
  type RigOptions,
  reserveCommand,
  START_MONO_MS,
  START_WALL_MS,
  startCommand,
  stopCommand,
  tariff,
  uuid,
} from './testing.ts';

const MINUTE = 60_000;
const RESERVATION = uuid(81);
const unplugged: Reading = { ...plugged, status: 'unplugged' };

function seen(options: RigOptions = {}): Rig {
  const rig = new Rig(options);
  rig.see(unplugged);
  return rig;
}

/** Reserved for half an hour, which the cloud knows. */
function held(): Rig {
  const rig = seen();
  rig.command(reserveCommand());
  rig.send({ kind: 'acknowledged', id: RESERVATION });
  return rig;
}

/** Polls once a second. */
function wait(rig: Rig, ms: number, reading = unplugged): Rig {
  for (const end = rig.monoMs + ms; rig.monoMs < end; ) rig.pass(Math.min(1000, end - rig.monoMs)).see(reading);
  return rig;
}

const heldMsOf = (rig: Rig) => rig.recordsOf('reservation.ended').map(({ heldMs }) => heldMs);
const ends = (rig: Rig) => rig.recordsOf('reservation.ended').map(({ reason }) => reason);
/** What the disk has of the hold. */
function onDisk(rig: Rig): Reservation {
  const puts = rig.orders.flatMap((order) => (order.kind === 'commit' ? [order.transaction.reservation] : []));
  const last = puts.filter((put) => put !== undefined).at(-1)?.reservation;
  if (last == null) throw new Error('nothing is held on disk');
  return JSON.parse(JSON.stringify(last));
}

let boots = 900;

/** Killed, and begun again in another boot, so long after it. Its monotonic clock begins at nothing. */
function rebooted(rig: Rig, awayMs: number, clock: RigOptions['clock'], wallMs = rig.wallMs + awayMs): Rig {
  const reservation = { ...onDisk(rig), acknowledged: true };
  boots += 1;
  const next = new Rig({ reservation, clock: clock ?? 'trusted', wallMs, monoMs: 1000, bootId: uuid(boots) });
  next.see(unplugged);
  return next;
}

describe('OP-24 to reserve', () => {
  test('the hold, the word that it holds and the outcome are one transaction', () => {
    const rig = seen();
    const orders = rig.command(reserveCommand());
    expect(describeOrders(orders)).toBe('commit(reservation.active, done, held)');
    expect(orders[0]).toMatchObject({
      transaction: {
        records: [
          { kind: 'reservation.active', reservationId: RESERVATION, commandId: uuid(80), connectorId: 'P1-1' },
          { kind: 'command.reported', commandId: uuid(80), status: 'done' },
        ],
        reservation: { connectorId: 'P1-1', reservation: { reservationId: RESERVATION } },
      },
    });
    expect(viewOf(rig.state, facts)).toMatchObject({ status: 'available', reservationId: RESERVATION });
    expect(rig.command(reserveCommand())).toEqual([]);
  });

  test.each<[string, (rig: Rig) => void, string]>([
    ['with a vehicle in it', (rig) => rig.see(plugged), 'connector.occupied'],
    ['while it charges', (rig) => rig.toCharging(), 'connector.occupied'],
    ['while a charge begins', (rig) => rig.command(startCommand()), 'connector.occupied'],
    ['with a fault', (rig) => rig.see({ ...unplugged, status: 'fault' }), 'connector.faulted'],
    ['whose pile is silent', (rig) => rig.lose(), 'connector.offline'],
    [
      'that is out of service',
      (rig) =>
        rig.send({ kind: 'maintain', wish: { action: 'disable', stopRunning: false, by: 'Li', commandId: null } }),
      'connector.disabled',
    ],
    [
      'that is reserved',
      (rig) => rig.command(reserveCommand({ commandId: uuid(90), reservationId: uuid(91) })),
      'connector.reserved',
    ],
  ])('a connector %s is refused with a code of its own', (_, prepare, code) => {
    const rig = seen();
    prepare(rig);
    expect(describeOrders(rig.command(reserveCommand()))).toBe(`commit(failed ${code})`);
    expect(rig.state.reservation?.reservationId ?? null).not.toBe(RESERVATION);
  });

  test('SY-04 one that is too old, or that no clock can judge, is refused', () => {
    const late = seen().pass(61_000);
    expect(describeOrders(late.command(reserveCommand()))).toBe('commit(failed command.expired)');
    const doubtful = seen({ clock: 'doubtful' });
    expect(describeOrders(doubtful.command(reserveCommand()))).toBe('commit(failed command.expired)');
    const over = reserveCommand({ untilMs: START_WALL_MS + 5000 });
    expect(describeOrders(seen().pass(5000).command(over))).toBe('commit(failed command.expired)');
  });
});

describe('OP-24 only the holder begins a charge', () => {
  test('anybody else is refused on site, by whatever way he comes', () => {
    const rig = held();
    rig.see(plugged);
    expect(describeOrders(rig.send({ kind: 'begin', wish: localWish(), withinMs: MINUTE }))).toBe(
      'answer connector.reserved',
    );
    expect(describeOrders(rig.command(startCommand()))).toBe('commit(failed connector.reserved)');
    const others = startCommand({ commandId: uuid(3), reservationId: uuid(99) });
    expect(describeOrders(rig.command(others))).toBe('commit(failed connector.reserved)');
    expect([rig.phase, ends(rig), rig.writes]).toEqual(['idle', [], []]);
  });

  test('he does, and the reservation ends once, used by his charge', () => {
    const rig = held().toCharging(startCommand({ reservationId: RESERVATION }));
    expect(rig.phase).toBe('charging');
    expect(rig.recordsOf('reservation.ended')).toMatchObject([
      { reservationId: RESERVATION, reason: 'used', sessionId: rig.session.sessionId },
    ]);
    wait(rig, 5000, charging);
    rig.command(stopCommand(rig.session.sessionId));
    rig.proveOff();
    expect(ends(rig)).toEqual(['used']);
  });

  test('RS-05 his bill has the lines of the reservation for as long as it was held until he came, and no other bill has', () => {
    const priced = { ...tariff, reservation: { flatMinor: 200, minutePriceE4: 1000 } };
    const rig = wait(held(), 10 * MINUTE + 1000);
    const issued = { issuedAtMs: rig.wallMs, expiresAtMs: rig.wallMs + MINUTE };
    rig.toCharging(startCommand({ ...issued, reservationId: RESERVATION, tariff: priced }));
    const [used] = rig.recordsOf('reservation.ended');
    rig.acknowledge().charge(5);
    rig.command(stopCommand(rig.session.sessionId));
    rig.proveOff();
    expect(used?.heldMs).toBe(10 * MINUTE + 1000);
    expect(rig.cdr.reservation).toEqual({ heldMs: used?.heldMs });
    expect(rig.cdr.rating?.fees).toMatchObject([
      { kind: 'flat', fee: 'reservation', amountMinor: 200 },
      { kind: 'time', fee: 'reservation', minutes: 11, amountMinor: 110 },
    ]);
    const free = new Rig().toCharging(startCommand({ tariff: priced }));
    free.command(stopCommand(free.session.sessionId));
    free.proveOff();
    expect([free.cdr.reservation, free.cdr.rating?.fees]).toEqual([undefined, undefined]);
  });

  test('CH-02 what the reservation costs counts towards the hold: beyond it nobody pays', () => {
    const priced = { ...tariff, reservation: { flatMinor: 200 } };
    const rig = held().toCharging(startCommand({ reservationId: RESERVATION, tariff: priced, holdMinor: 150 }));
    rig.acknowledge().charge(1);
    expect([rig.phase, rig.session.stop?.reason]).toEqual(['stopping', 'hold-used-up']);
  });

  test('a start of his that comes to nothing leaves it held', () => {
    const rig = held();
    expect(describeOrders(rig.command(startCommand({ reservationId: RESERVATION })))).toBe('poll-now');
    expect(describeOrders(rig.pass(100).see(unplugged))).toBe('commit(failed connector.not_plugged)');
    expect([rig.phase, rig.state.reservation?.reservationId]).toEqual(['idle', RESERVATION]);
    rig.toCharging(startCommand({ commandId: uuid(4), reservationId: RESERVATION }));
    expect(ends(rig)).toEqual(['used']);
  });

  test('a start of his that is under way when the time is over is not taken from him', () => {
    const rig = held();
    wait(rig, 30 * MINUTE - 2000);
    const { wallMs } = rig;
    const start = { reservationId: RESERVATION, issuedAtMs: wallMs, expiresAtMs: wallMs + MINUTE };
    rig.toStarting(startCommand(start));
    rig.pass(5000).see(plugged);
    expect(ends(rig)).toEqual([]);
    rig.pass(1000).see(charging);
    expect(ends(rig)).toEqual(['used']);
  });

  test('his start that comes when it is over begins a charge where nobody else holds', () => {
    const rig = held();
    wait(rig, 31 * MINUTE);
    const { wallMs } = rig;
    const start = { reservationId: RESERVATION, issuedAtMs: wallMs, expiresAtMs: wallMs + MINUTE };
    rig.toCharging(startCommand(start));
    expect([rig.phase, ends(rig)]).toEqual(['charging', ['expired']]);
  });

  test('what is over by now refuses nobody, though no look has come since', () => {
    const rig = held().pass(30 * MINUTE);
    const orders = rig.send({ kind: 'begin', wish: localWish(), withinMs: MINUTE });
    expect(describeOrders(orders)).toBe('commit(reservation.ended, free); poll-now');
  });
});

describe('OP-24 a reservation ends', () => {
  test('at its time, and not before', () => {
    const rig = held();
    wait(rig, 30 * MINUTE - 1);
    expect(ends(rig)).toEqual([]);
    wait(rig, 1);
    expect(ends(rig)).toEqual(['expired']);
    expect(describeOrders(rig.pass(1000).see(unplugged))).toBe('');
  });

  test('also at a pile that has fallen silent', () => {
    const rig = held().pass(30 * MINUTE);
    expect(describeOrders(rig.lose())).toBe('commit(reservation.ended, free)');
  });

  test('OP-16 when the cloud has not said in time that it knows of it', () => {
    const rig = seen();
    rig.command(reserveCommand());
    wait(rig, MINUTE - 1);
    expect(ends(rig)).toEqual([]);
    wait(rig, 1);
    expect(ends(rig)).toEqual(['not-confirmed']);
  });

  test('when it is cancelled: by its own command, or because the reserve is taken back', () => {
    const rig = held();
    expect(describeOrders(rig.command(cancelReservationCommand()))).toBe('commit(reservation.ended, done, free)');
    expect(describeOrders(rig.command(cancelReservationCommand()))).toBe('commit(done)');
    const undone = held();
    expect(describeOrders(undone.send({ kind: 'cancel', commandId: uuid(80) }))).toBe(
      'commit(reservation.ended, free)',
    );
    expect([ends(rig), ends(undone)]).toEqual([['cancelled'], ['cancelled']]);
    const other = held();
    other.command(cancelReservationCommand(uuid(99)));
    other.send({ kind: 'cancel', commandId: uuid(99) });
    expect(ends(other)).toEqual([]);
  });

  test('ED-16 by the hand of a technician, with his reason', () => {
    const rig = held();
    rig.send({ kind: 'release', by: 'local:wang', why: 'the driver called' });
    expect(rig.recordsOf('reservation.ended')).toMatchObject([
      { reason: 'technician', detail: 'local:wang: the driver called' },
    ]);
    expect(rig.send({ kind: 'release', by: 'local:wang', why: 'again' })).toEqual([]);
  });

  test('when its connector is taken out of service', () => {
    const rig = held();
    rig.send({ kind: 'maintain', wish: { action: 'disable', stopRunning: false, by: 'Li', commandId: null } });
    expect(ends(rig)).toEqual(['out-of-service']);
  });
});

describe('OP-24 a wrong clock neither holds for ever nor frees early', () => {
  test.each(clockQualities)('within a boot the monotonic clock counts, a clock of quality %s or not', (clock) => {
    const rig = held();
    wait(rig, 10 * MINUTE);
    rig.clock = clock;
    // Somebody has set it back, or ahead: of a clock that nobody has confirmed it proves nothing.
    rig.wallMs += clock === 'trusted' ? -3_600_000 : 86_400_000;
    wait(rig, 20 * MINUTE - 1);
    expect(ends(rig)).toEqual([]);
    wait(rig, 1);
    expect(ends(rig)).toEqual(['expired']);
  });

  test('a clock that was slow when it was made makes it no longer than it was ordered for', () => {
    const rig = seen({ wallMs: START_WALL_MS - 10 * MINUTE });
    rig.command(reserveCommand());
    rig.send({ kind: 'acknowledged', id: RESERVATION });
    wait(rig, 30 * MINUTE);
    expect(ends(rig)).toEqual(['expired']);
  });

  test('ED-08 over a power cut a trusted clock tells what is left', () => {
    const rig = wait(held(), 10 * MINUTE);
    const next = rebooted(rig, 5 * MINUTE, 'trusted');
    wait(next, 15 * MINUTE - 1001);
    expect(ends(next)).toEqual([]);
    wait(next, 1001);
    expect(ends(next)).toEqual(['expired']);
    expect(ends(rebooted(rig, 25 * MINUTE, 'trusted'))).toEqual(['expired']);
  });

  test('ED-08 without one what has been counted does, in whatever year the box believes to be', () => {
    const rig = wait(held(), 10 * MINUTE);
    for (const wallMs of [0, START_WALL_MS + 365 * 86_400_000]) {
      const next = rebooted(rig, 5 * MINUTE, 'doubtful', wallMs);
      expect(viewOf(next.state, facts).reservationId).toBe(RESERVATION);
      wait(next, 19 * MINUTE);
      expect(ends(next)).toEqual([]);
      wait(next, 2 * MINUTE);
      expect(ends(next)).toEqual(['expired']);
    }
  });

  test('ED-08 over a power cut it is held for as long as it was, once the time is known again, and not for longer', () => {
    const rig = wait(held(), 10 * MINUTE + 40_000);
    const next = wait(rebooted(rig, 2 * MINUTE, 'doubtful'), 3 * MINUTE);
    expect(next.state.reservation?.heldMs).toBe(13 * MINUTE);
    next.clock = 'trusted';
    next.pass(0).see(unplugged);
    expect(next.state.reservation?.heldMs).toBe(15 * MINUTE + 40_000);
    wait(next, MINUTE);
    next.command(cancelReservationCommand());
    expect(heldMsOf(next)).toEqual([16 * MINUTE + 40_000]);
    for (const clock of ['trusted', 'doubtful'] as const) {
      const late = rebooted(rig, 3 * 60 * MINUTE, clock);
      late.clock = 'trusted';
      late.pass(1000).see(unplugged);
      expect(heldMsOf(late)).toEqual([30 * MINUTE]);
    }
  });

  test('ED-08 over power cuts in a row too, and by no clock that nobody has confirmed', () => {
    let rig = wait(held(), 4 * MINUTE);
    for (const wallMs of [0, START_WALL_MS + 365 * 86_400_000])
      rig = wait(rebooted(rig, 0, 'doubtful', wallMs), 90_000);
    // Of either boot what was stored last is what is known of it.
    expect(rig.state.reservation?.heldMs).toBe(4 * MINUTE + 60_000 + 90_000);
    const known = rebooted(rig, 0, 'trusted', START_WALL_MS + 20 * MINUTE);
    known.command(cancelReservationCommand());
    expect(heldMsOf(known)).toEqual([20 * MINUTE]);
    rig.command(cancelReservationCommand());
    expect(heldMsOf(rig)).toEqual([6 * MINUTE + 30_000]);
  });

  test('a clock that is set while the time is known, or is not, moves nothing of what was held within a boot', () => {
    const rig = wait(held(), 5 * MINUTE);
    rig.clock = 'doubtful';
    rig.wallMs += 86_400_000;
    wait(rig, 5 * MINUTE);
    rig.clock = 'trusted';
    rig.wallMs = START_WALL_MS + 13 * MINUTE;
    wait(rig, MINUTE);
    rig.command(cancelReservationCommand());
    expect(heldMsOf(rig)).toEqual([11 * MINUTE]);
  });

  test('a time that comes to be known, and is earlier than what was counted by then, takes nothing back', () => {
    const rig = wait(held(), 5 * MINUTE);
    expect(onDisk(rig)).not.toHaveProperty('known');
    const next = wait(rebooted(rig, 0, 'doubtful'), 5 * MINUTE);
    next.clock = 'trusted';
    next.wallMs = START_WALL_MS + 6 * MINUTE;
    wait(next, 2000);
    next.command(cancelReservationCommand());
    expect(heldMsOf(next)).toEqual([10 * MINUTE + 2000]);
  });

  test('RS-05 a look that comes late makes nobody pay for a minute more', () => {
    const rig = held().pass(30 * MINUTE + 700);
    rig.see(unplugged);
    expect(heldMsOf(rig)).toEqual([30 * MINUTE]);
  });

  test('a box that is cut off every two minutes, and never learns the time, lets go in the end', () => {
    let rig = wait(held(), 2 * MINUTE);
    let cuts = 0;
    while (ends(rig).length === 0 && cuts < 100) {
      rig = wait(rebooted(rig, 1000, 'none', 0), 2 * MINUTE);
      cuts += 1;
    }
    expect(ends(rig)).toEqual(['expired']);
    expect(cuts).toBeLessThan(40);
  });

  test('a hold of an hour is put on the disk at most once a minute', () => {
    const rig = held();
    const before = rig.orders.length;
    wait(rig, 10 * MINUTE);
    expect(rig.orders.length - before).toBeLessThanOrEqual(10);
    expect(rig.monoMs).toBe(START_MONO_MS + 10 * MINUTE);
  });
});

test('ED-13 a store that took the place of a damaged one is told what the connector is held for', () => {
  const rig = held();
  expect(describeOrders(rig.send({ kind: 'store-replaced' }))).toContain('held');
});
