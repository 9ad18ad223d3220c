import { describe, expect, test } from 'vitest';
import type { Session } from './session.ts';
import { charging, describeOrders, plugged, Rig, START_MONO_MS, START_WALL_MS, stopCommand, uuid } from './testing.ts';

const cancel = { kind: 'cancel', commandId: uuid(1) } as const;

/** As the ledger gives it back: through JSON, with nothing but what was stored. */
const stored = (session: Session): Session => JSON.parse(JSON.stringify(session));

/** A charge of a minute, then the process ends; `awayMs` later another begins, in the same boot or after a reboot. */
function restart(
  session: Session,
  awayMs = 10_000,
  how: { reboot?: boolean; wallJumpMs?: number; limitMa?: number } = {},
): Rig {
  const passed = session.lastReading.atMs - START_WALL_MS + awayMs;
  return new Rig({
    session: stored(session),
    wallMs: START_WALL_MS + passed + (how.wallJumpMs ?? 0),
    ...(how.limitMa === undefined ? {} : { facts: { limitMa: how.limitMa } }),
    ...(how.reboot === true ? { bootId: uuid(901), monoMs: 30_000 } : { monoMs: START_MONO_MS + passed }),
  });
}

const running = (): Session => {
  const rig = new Rig().toCharging().acknowledge().charge(60);
  return rig.session;
};

describe('ED-09 a charge that still runs', () => {
  test('goes on after a restart: nothing is written, and the record says so', () => {
    const session = running();
    const rig = restart(session);
    expect(rig.phase).toBe('adopting');
    expect(describeOrders(rig.see({ ...charging, registerWh: 50_210 }))).toBe('commit(open)');
    expect(rig.phase).toBe('charging');
    expect(rig.session).toMatchObject({ marks: ['adopted'], sessionId: session.sessionId });
    rig.charge(60);
    rig.command(stopCommand(session.sessionId));
    rig.proveOff();
    expect(rig.writes).toEqual(['softStop']);
    expect(rig.cdr).toMatchObject({ marks: ['adopted'], meterStartWh: 50_000, energyWh: 210 + 180, voidReason: null });
  });

  test.each([
    ['a restart of the process', { reboot: false }],
    ['a restart of the process after the wall clock fell back two hours', { wallJumpMs: -7_200_000 }],
    ['a reboot', { reboot: true }],
  ])('no energy of ten minutes away is lost after %s', (_, how) => {
    const session = running();
    const rig = restart(session, 600_000, how);
    rig.see({ ...charging, registerWh: 52_000 });
    expect(rig.session.marks).toEqual(['adopted']);
    expect(rig.session.lastReading.registerWh).toBe(52_000);
  });

  test('no energy is lost after a reboot when both clocks are trusted, and each is as wrong as that lets it be', () => {
    const rig = restart(running(), 30_000, { reboot: true, wallJumpMs: -20_000 });
    rig.see({ ...charging, registerWh: 50_180 + 92 });
    rig.charge(60);
    expect(rig.session.lastReading.registerWh).toBe(50_180 + 92 + 180);
  });

  test.each([
    ['once', 0],
    ['and its process ends again before the register is believed', 1],
    ['and its process ends twice more before that', 2],
  ])('no energy is lost when the box was without power and knows no time, %s', (_, times) => {
    const session = running();
    const begin = (from: Session, monoMs: number): Rig =>
      new Rig({ session: stored(from), bootId: uuid(901), monoMs, wallMs: START_WALL_MS, clock: 'none' });
    let rig = begin(session, 30_000);
    rig.see({ ...charging, registerWh: 52_000 });
    for (let time = 1; time <= times; time += 1) {
      rig.pass(2000).see({ ...charging, registerWh: 51_979 + time * 27 });
      rig = begin(rig.session, 30_000 + time * 9000);
      rig.see({ ...charging, registerWh: 52_000 + time * 27 });
    }
    rig.charge(60);
    expect(rig.session.lastReading.registerWh).toBe(52_000 + times * 27 + 180);
  });

  test('is watched at once: the interlocks are armed', () => {
    const rig = restart(running());
    rig.see({ ...charging, registerWh: 50_210 });
    rig.pass(1000).see({ ...charging, registerWh: 50_213, temperatureDc: 900 });
    expect(rig.phase).toBe('stopping');
  });
});

test('ED-15 a pile whose limit was lowered in between is told the lower one; one whose limit was raised keeps its own', () => {
  const lowered = restart(running(), 10_000, { limitMa: 10_000 });
  lowered.see({ ...charging, registerWh: 50_210 });
  lowered.pass(1000).see({ ...charging, registerWh: 50_213 });
  expect(lowered.phase).toBe('charging');
  expect(lowered.session.offeredMa).toBe(10_000);
  const raised = restart(running(), 10_000, { limitMa: 32_000 });
  raised.see({ ...charging, registerWh: 50_210 });
  for (let s = 1; s <= 70; s += 1) raised.pass(1000).see({ ...charging, registerWh: 50_210 + 3 * s });
  expect(raised.session.offeredMa).toBe(16_000);
});

describe('ED-09 a charge that ended meanwhile is closed from the meter', () => {
  test.each([
    [
      'the gun is still plugged, and the pile was alone for longer',
      600_000,
      plugged,
      'controller-outage',
      'softStop; commit(open)',
    ],
    [
      'the pile reports a fault',
      600_000,
      { ...plugged, status: 'fault' as const },
      'fault',
      'hardStop; commit(open, alarm.raised)',
    ],
    [
      'the gun is gone',
      600_000,
      { ...plugged, status: 'unplugged' as const },
      'gun-removed',
      'softStop; commit(open, alarm.raised)',
    ],
  ])('%s', (_, awayMs, reading, stopReason, orders) => {
    const rig = restart(running(), awayMs);
    expect(describeOrders(rig.see({ ...reading, registerWh: 50_190 }))).toBe(orders);
    rig.pass(100).send({ kind: 'written', write: rig.rung });
    rig.pass(100).see({ ...reading, registerWh: 50_190 });
    rig.pass(1500).see({ ...reading, registerWh: 50_190 });
    expect(rig.cdr).toMatchObject({ stopReason, energyWh: 190, marks: ['adopted'], voidReason: null });
  });
});

test('ED-09 a vehicle that took nothing for a moment has its minute, counted over the restart', () => {
  const rig = restart(running(), 10_000);
  expect(describeOrders(rig.see({ ...plugged, registerWh: 50_010 }))).toBe('commit(open)');
  expect(rig.state.phase).toMatchObject({ kind: 'charging', flow: { kind: 'suspended', by: 'vehicle' } });
  for (let second = 0; second < 49; second += 1) rig.pass(1000).see({ ...plugged, registerWh: 50_010 });
  expect(rig.phase).toBe('charging');
  rig.pass(1000).see({ ...plugged, registerWh: 50_010 });
  expect(rig.session.stop).toMatchObject({ reason: 'vehicle' });
});

test('ED-07 ED-09 a stop that was under way latches what it must, though the power went before that was on disk', () => {
  const rig = new Rig().toCharging().acknowledge();
  rig.see({ ...charging, fault: 'residual-current' });
  const next = restart(rig.session);
  next.see({ ...plugged, fault: 'residual-current' });
  expect(next.state.latched).toEqual(['residual-current']);
});

describe('ED-09 a start that was not confirmed when the controller went down', () => {
  const starting = (): Session => new Rig().toStarting().session;

  test('is confirmed when the pile charges and there is still time', () => {
    const rig = restart(starting(), 5000);
    expect(describeOrders(rig.see(charging))).toBe('commit(open, session.started, done)');
    expect(rig.session).toMatchObject({ confirmed: true, marks: ['adopted'] });
  });

  test.each([
    ['the pile does not charge', plugged, 5000, 0],
    ['it is too late', charging, 60_001, 0],
    ['it is too late, and the wall clock fell back two hours', charging, 60_001, -7_200_000],
  ])('is undone when %s', (_, reading, awayMs, wallJumpMs) => {
    const rig = restart(starting(), awayMs, { wallJumpMs });
    expect(describeOrders(rig.see(reading))).toBe('softStop; commit(open, failed pile.no_confirmation)');
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ voidReason: 'not-confirmed', marks: ['adopted'] });
  });

  test('OP-16 confirmed but not acknowledged: the deadline is still the same', () => {
    const session = new Rig().toCharging().session;
    const rig = restart(session, 30_000, { wallJumpMs: -7_200_000 });
    rig.see(charging);
    expect(rig.phase).toBe('charging');
    rig.charge(29);
    expect(rig.phase).toBe('stopping');
    expect(rig.session.stop?.voidReason).toBe('not-confirmed');
  });
});

describe('ED-09 a charge that was being stopped goes on being stopped, for the same reason', () => {
  const stopped = (reason: 'partner' | 'staff' | 'not-confirmed' = 'partner'): Session => {
    const rig = new Rig().toCharging().acknowledge().charge(10);
    rig.command(stopCommand(rig.session.sessionId, { reason }));
    return rig.session;
  };

  test('the reason and whoever waits for the answer survive', () => {
    const rig = restart(stopped('staff'));
    expect(describeOrders(rig.see({ ...charging, registerWh: 50_040 }))).toBe('softStop; commit(open)');
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ stopReason: 'staff', marks: ['adopted'] });
    expect(rig.recordsOf('command.reported')).toEqual([
      expect.objectContaining({ commandId: uuid(10), status: 'done' }),
    ]);
  });

  test('OP-16 a record that was to be void stays void though the pile is silent now', () => {
    const rig = restart(stopped('not-confirmed'));
    for (let i = 0; i < 6; i += 1) rig.pass(1000).lose();
    expect(rig.phase).toBe('stopping');
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ voidReason: 'not-confirmed', stopReason: 'not-confirmed' });
  });

  test('SY-04 the same stop, handed in again from the inbox, is answered once', () => {
    const session = stopped('staff');
    const rig = restart(session);
    rig.command(stopCommand(session.sessionId, { reason: 'staff' }));
    expect(rig.phase).toBe('stopping');
    rig.proveOff();
    expect(rig.recordsOf('command.reported')).toHaveLength(1);
    expect(rig.cdr.stopReason).toBe('staff');
  });

  test('SY-04 another stop before the first look: both are answered, the first names the reason', () => {
    const session = stopped('not-confirmed');
    const rig = restart(session);
    rig.command(stopCommand(session.sessionId, { commandId: uuid(11), reason: 'partner' }));
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ stopReason: 'not-confirmed', voidReason: 'not-confirmed' });
    expect(rig.recordsOf('command.reported').map((r) => r.commandId)).toEqual([uuid(10), uuid(11)]);
  });

  test('SY-04 a cancel before the first look: void, and the stop is still answered', () => {
    const rig = restart(stopped());
    rig.send(cancel);
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ stopReason: 'partner', voidReason: 'cancelled' });
    expect(rig.recordsOf('command.reported')).toEqual([expect.objectContaining({ commandId: uuid(10) })]);
  });
});

describe('before the first look at an adopted charge', () => {
  test('a stop is obeyed at once', () => {
    const session = running();
    const rig = restart(session);
    expect(describeOrders(rig.command(stopCommand(session.sessionId)))).toBe('softStop; commit(open)');
  });

  test('ED-05.k a pile that stays silent for 5 s is stopped as lost', () => {
    const rig = restart(running());
    expect(describeOrders(rig.pass(4999).lose())).toBe('');
    expect(describeOrders(rig.pass(1).lose())).toBe('softStop; commit(open, alarm.raised)');
    for (let i = 0; i < 602; i += 1) rig.pass(1000).lose();
    expect(rig.cdr).toMatchObject({ stopReason: 'communication-lost', energyWh: 180 });
    expect([...rig.cdr.marks].sort()).toEqual(['adopted', 'end-estimated', 'stop-not-proven']);
  });
});

test('ED-09 a stop that comes before the first look after a restart: the record still says adopted', () => {
  const rig = restart(running());
  rig.command(stopCommand(rig.session.sessionId));
  rig.proveOff();
  expect(rig.cdr).toMatchObject({ marks: ['adopted'], stopReason: 'partner' });
});
