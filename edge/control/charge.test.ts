import { expect, test } from 'vitest';
import { recordBodySchema } from '#shared/wire/records.ts';
import { charging, describeOrders, plugged, Rig, START_WALL_MS, startCommand, stopCommand, uuid } from './testing.ts';

test('ED-08 a charge from start to bill: nothing is written before it is durable, nothing told before it is true', () => {
  const rig = new Rig();
  rig.see(plugged);
  expect(describeOrders(rig.command(startCommand()))).toBe('poll-now');
  expect(rig.phase).toBe('checking');

  rig.pass(100);
  expect(describeOrders(rig.see(plugged))).toBe('commit(open)');
  expect(rig.phase).toBe('preparing');
  expect(rig.session).toMatchObject({ confirmed: false, limitMa: 16_000, requestId: 'REQ-1', stop: null });
  expect(rig.writes).toEqual([]);

  expect(describeOrders(rig.send({ kind: 'durable', sessionId: rig.session.sessionId }))).toBe('start 16000 mA');
  expect(rig.phase).toBe('starting');
  expect(describeOrders(rig.pass(300).send({ kind: 'written', write: 'start', limitMa: 16_000 }))).toBe('poll-now');
  expect(describeOrders(rig.pass(100).see(plugged))).toBe('');
  expect(rig.phase).toBe('starting');

  const confirmed = rig.pass(1000).see(charging);
  expect(describeOrders(confirmed)).toBe('commit(open, session.started, done)');
  expect(rig.phase).toBe('charging');
  expect(rig.recordsOf('session.started')).toEqual([
    expect.objectContaining({ meterStartWh: 50_000, limitMa: 16_000, commandId: uuid(1), orderId: uuid(2) }),
  ]);

  rig.acknowledge().charge(100);
  const { sessionId } = rig.session;
  const stop = rig.command(stopCommand(sessionId));
  expect(describeOrders(stop)).toBe('softStop; commit(open)');
  expect(rig.phase).toBe('stopping');
  expect(stop[0]).toMatchObject({ requestId: 'REQ-1' });

  expect(describeOrders(rig.pass(200).send({ kind: 'written', write: 'softStop' }))).toBe('poll-now');
  expect(describeOrders(rig.pass(50).see({ ...plugged, registerWh: 50_300 }))).toBe('');
  // A register that shows the same twice in a moment may only not have been brought up to date yet.
  expect(describeOrders(rig.pass(1000).see({ ...plugged, registerWh: 50_300 }))).toBe('');
  expect(describeOrders(rig.pass(1000).see({ ...plugged, registerWh: 50_302 }))).toBe('');
  expect(describeOrders(rig.pass(1000).see({ ...plugged, registerWh: 50_302 }))).toBe(
    'commit(closed, session.ended, done)',
  );
  expect(rig.phase).toBe('closing');

  expect(rig.cdr).toMatchObject({
    sessionId,
    energyWh: 302,
    meterStartWh: 50_000,
    meterEndWh: 50_302,
    durationMs: rig.wallMs - (START_WALL_MS + 100),
    stopReason: 'partner',
    faultCode: null,
    voidReason: null,
    marks: [],
    rating: expect.objectContaining({ energyWh: 302, totalMinor: 30 }),
  });
  expect(rig.recordsOf('command.reported').map(({ commandId, status }) => [commandId, status])).toEqual([
    [uuid(1), 'done'],
    [uuid(10), 'done'],
  ]);
  rig.send({ kind: 'durable', sessionId });
  expect(rig.phase).toBe('idle');
  for (const record of rig.records) expect(recordBodySchema.safeParse(record).error).toBeUndefined();
});

test('ED-07 a reading that was asked for before the stop was written proves nothing', () => {
  const rig = new Rig().toCharging();
  rig.command(stopCommand(rig.session.sessionId));
  const beforeWrite = rig.monoMs;
  rig.pass(200).send({ kind: 'written', write: 'softStop' });
  rig.pass(10).see(plugged, beforeWrite);
  expect(rig.state.phase).toMatchObject({ kind: 'stopping', provenMonoMs: null });
  rig.see(plugged);
  expect(rig.state.phase).toMatchObject({ kind: 'stopping', provenMonoMs: rig.monoMs });
});

test.each([
  ['current flows on', { ...plugged, currentMa: 1000 }],
  ['the current is not told: null is not zero', { ...plugged, currentMa: null }],
  ['the pile says that it charges', { ...charging, currentMa: 0 }],
])('ED-07 a stop is not proven while %s', (_, reading) => {
  const rig = new Rig().toCharging();
  rig.command(stopCommand(rig.session.sessionId));
  rig.pass(100).send({ kind: 'written', write: 'softStop' });
  for (let i = 0; i < 2; i += 1) {
    rig.pass(100).see(reading);
    expect(rig.state.phase).toMatchObject({ kind: 'stopping', provenMonoMs: null });
  }
  rig.see({ ...plugged, currentMa: 999 });
  expect(rig.state.phase).toMatchObject({ provenMonoMs: rig.monoMs });
});

test('ED-07 current that comes back after the proof puts the ladder up again', () => {
  const rig = new Rig().toCharging();
  rig.command(stopCommand(rig.session.sessionId));
  rig.pass(100).send({ kind: 'written', write: 'softStop' });
  rig.pass(100).see({ ...plugged, registerWh: 50_010 });
  rig.pass(7000).see({ ...charging, registerWh: 50_012 });
  expect(rig.state.phase).toMatchObject({ kind: 'stopping', provenMonoMs: null });
  expect(rig.writes).toEqual(['start', 'softStop', 'hardStop']);
});

test('ED-13 a register that never comes to rest is waited for 5 s, not for ever', () => {
  const rig = new Rig().toCharging();
  rig.command(stopCommand(rig.session.sessionId));
  rig.pass(100).send({ kind: 'written', write: 'softStop' });
  let registerWh = 50_005;
  rig.pass(100).see({ ...plugged, registerWh });
  for (let i = 0; i < 4; i += 1) {
    registerWh += 1;
    expect(describeOrders(rig.pass(1000).see({ ...plugged, registerWh }))).toBe('');
  }
  rig.pass(1000).see({ ...plugged, registerWh: registerWh + 1 });
  expect(rig.phase).toBe('closing');
  expect(rig.cdr.meterEndWh).toBe(registerWh + 1);
});

test('SY-04 a second stop starts nothing anew and gets its answer when the charge has ended', () => {
  const rig = new Rig().toCharging();
  const { sessionId } = rig.session;
  rig.command(stopCommand(sessionId));
  expect(describeOrders(rig.command(stopCommand(sessionId)))).toBe('');
  expect(describeOrders(rig.command(stopCommand(sessionId, { commandId: uuid(11) })))).toBe('commit(open)');
  expect(rig.writes).toEqual(['start', 'softStop']);
  rig.proveOff();
  expect(rig.recordsOf('command.reported').map((r) => `${r.commandId.slice(-2)} ${r.status}`)).toEqual([
    '01 done',
    '10 done',
    '11 done',
  ]);
  expect(describeOrders(rig.command(stopCommand(sessionId, { commandId: uuid(12) })))).toBe('commit(done)');
});

test('SY-04 a stop for another session, or after the end, fails by name and stops nobody', () => {
  const rig = new Rig().toCharging();
  expect(describeOrders(rig.command(stopCommand(uuid(77))))).toBe('commit(failed session.unknown)');
  expect(rig.phase).toBe('charging');
  const idle = new Rig();
  expect(describeOrders(idle.command(stopCommand(uuid(77))))).toBe('commit(failed session.unknown)');
});

test('a stop has no expiry: it is obeyed with a clock that tells nothing', () => {
  const rig = new Rig().toCharging();
  rig.clock = 'none';
  rig.wallMs = 0;
  expect(describeOrders(rig.command(stopCommand(rig.session.sessionId)))).toBe('softStop; commit(open)');
});

test('a vehicle that takes nothing for a minute has ended the charge; one that pauses has not', () => {
  const rig = new Rig().toCharging().acknowledge();
  rig.charge(59, plugged);
  rig.charge(1, charging);
  rig.charge(60, plugged);
  expect(rig.phase).toBe('charging');
  rig.charge(1, plugged);
  expect(rig.phase).toBe('stopping');
  rig.proveOff();
  expect(rig.cdr).toMatchObject({ stopReason: 'vehicle', voidReason: null, faultCode: null });
});

test('ED-09 ED-11 the meter is stored every two minutes while it charges', () => {
  const rig = new Rig().toCharging().acknowledge();
  const before = rig.orders.length;
  rig.charge(360);
  expect(describeOrders(rig.orders.slice(before))).toBe('commit(open); commit(open); commit(open)');
});
