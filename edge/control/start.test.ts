import { describe, expect, test } from 'vitest';
import { noInfluence } from './influence.ts';
import type { Reading } from './reading.ts';
import { charging, describeOrders, plugged, Rig, START_WALL_MS, startCommand, stopCommand, uuid } from './testing.ts';

const checked = (reading: Reading) => {
  const rig = new Rig();
  rig.command(startCommand());
  return { rig, told: describeOrders(rig.pass(100).see(reading)) };
};

describe('OP-13 a start that cannot be is refused by name, and nothing is written', () => {
  test.each<[string, Reading, string]>([
    ['no gun is plugged in', { ...plugged, status: 'unplugged' }, 'connector.not_plugged'],
    ['the pile charges somebody already', charging, 'connector.occupied'],
    ['the pile reports a fault', { ...plugged, status: 'fault' }, 'connector.faulted'],
    ['the pile is in a state nobody knows', { ...plugged, status: 'unknown' }, 'connector.faulted'],
    ['the meter tells nothing: null is not zero', { ...plugged, registerWh: null }, 'connector.faulted'],
    ['the pile is too hot', { ...plugged, temperatureDc: 800 }, 'connector.faulted'],
    ['the pile does not tell its temperature', { ...plugged, temperatureDc: null }, 'connector.faulted'],
    ['the pile does not tell its current', { ...plugged, currentMa: null }, 'connector.faulted'],
    [
      'current flows though the pile says that it does not charge',
      { ...plugged, currentMa: 1000 },
      'connector.faulted',
    ],
  ])('%s', (_, reading, code) => {
    const { rig, told } = checked(reading);
    expect(told).toBe(`commit(failed ${code})`);
    expect(rig.phase).toBe('idle');
    expect(rig.writes).toEqual([]);
  });

  test('a pile that does not answer within 3 s is offline', () => {
    const rig = new Rig();
    rig.command(startCommand());
    expect(describeOrders(rig.pass(2999).lose())).toBe('');
    expect(describeOrders(rig.pass(1).lose())).toBe('commit(failed connector.offline)');
    expect(rig.phase).toBe('idle');
  });

  test.each(['checking', 'preparing', 'starting', 'charging', 'stopping'])('while another is %s', (phase) => {
    const rig = new Rig();
    if (phase === 'checking') rig.command(startCommand());
    if (phase === 'preparing') rig.toPreparing();
    if (phase === 'starting') rig.toStarting();
    if (phase === 'charging' || phase === 'stopping') rig.toCharging();
    if (phase === 'stopping') rig.command(stopCommand(rig.session.sessionId));
    expect(rig.phase).toBe(phase);
    const told = describeOrders(rig.command(startCommand({ commandId: uuid(9) })));
    expect(told).toBe('commit(failed connector.occupied)');
    expect(rig.phase).toBe(phase);
  });

  test('SY-04 the same start again changes nothing', () => {
    const rig = new Rig();
    rig.command(startCommand());
    expect(describeOrders(rig.command(startCommand()))).toBe('');
    rig.pass(100).see(plugged);
    expect(describeOrders(rig.command(startCommand()))).toBe('');
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    expect(describeOrders(rig.command(startCommand()))).toBe('');
    expect(rig.writes).toEqual(['start']);
  });

  test('ED-07 a latched fault needs a technician first', () => {
    const rig = new Rig({ latched: ['over-current'] });
    expect(describeOrders(rig.command(startCommand()))).toBe('commit(failed connector.faulted)');
    expect(rig.recordsOf('command.reported')[0]?.detail).toContain('over-current');
    rig.see(plugged);
    expect(describeOrders(rig.send({ kind: 'reset' }))).toBe('commit(latched [], service, 0 failed starts)');
    expect(describeOrders(rig.command(startCommand({ commandId: uuid(9) })))).toBe('poll-now');
  });
});

describe('SY-04 expiry: by absolute time and by time to live, whichever comes first', () => {
  test.each([
    ['by the wall clock', { expiresAtMs: START_WALL_MS }],
    ['long ago', { expiresAtMs: START_WALL_MS - 1 }],
  ])('a start that expired %s is refused', (_, change) => {
    const rig = new Rig();
    expect(describeOrders(rig.command(startCommand(change)))).toBe('commit(failed command.expired)');
    expect(rig.phase).toBe('idle');
  });

  test('ED-12 without a clock the expiry cannot be judged: refused', () => {
    const rig = new Rig();
    rig.clock = 'none';
    expect(describeOrders(rig.command(startCommand()))).toBe('commit(failed command.expired)');
  });

  test.each([
    ['time to live', { ttlMs: 1000, expiresAtMs: START_WALL_MS + 60_000 }],
    ['absolute time', { ttlMs: 60_000, expiresAtMs: START_WALL_MS + 1000 }],
  ])('a disk that answers after the %s has run out starts nothing', (_, change) => {
    const rig = new Rig();
    rig.toPreparing(startCommand(change));
    rig.pass(900);
    expect(describeOrders(rig.send({ kind: 'durable', sessionId: rig.session.sessionId }))).toBe(
      'softStop; commit(open, failed command.expired)',
    );
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ voidReason: 'not-confirmed', energyWh: 0 });
    expect(rig.writes).not.toContain('start');
  });
});

describe('OP-13 the pile is looked at after the command came, not before', () => {
  test('an older look does not count', () => {
    const rig = new Rig();
    rig.see(plugged);
    const before = rig.monoMs;
    rig.pass(10).command(startCommand());
    expect(describeOrders(rig.pass(10).see(plugged, before))).toBe('poll-now');
    expect(rig.phase).toBe('checking');
    expect(describeOrders(rig.see(plugged))).toBe('commit(open)');
  });
});

describe('OP-16 a start that is not confirmed in time is undone on site and billed to nobody', () => {
  test('the pile does not begin to charge', () => {
    const rig = new Rig();
    rig.toStarting();
    for (let i = 0; i < 59; i += 1) rig.pass(1000).see(plugged);
    expect(rig.phase).toBe('starting');
    const told = describeOrders(rig.pass(1000).see(plugged));
    expect(told).toBe('softStop; commit(open, failed pile.no_confirmation); commit(service, 1 failed starts)');
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ voidReason: 'not-confirmed', stopReason: 'not-confirmed' });
    expect(rig.recordsOf('session.started')).toEqual([]);
  });

  test('the pile begins to charge after the time: too late is not in time', () => {
    const rig = new Rig();
    rig.toStarting();
    for (let i = 0; i < 59; i += 1) rig.pass(1000).see(plugged);
    expect(describeOrders(rig.pass(1000).see(charging))).toBe(
      'softStop; commit(open, failed pile.no_confirmation); commit(service, 1 failed starts)',
    );
    expect(rig.recordsOf('session.started')).toEqual([]);
  });

  test('ED-20 a pile that refuses the write is told three times, 2 s apart, and then rolled back', () => {
    const rig = new Rig();
    rig.toStarting();
    const refused = () => describeOrders(rig.pass(300).send({ kind: 'write-failed', write: 'start', limitMa: 16_000 }));
    for (const attempt of ['second', 'third']) {
      expect(refused(), attempt).toBe('');
      expect(describeOrders(rig.pass(1900).see(plugged)), attempt).toBe('');
      expect(describeOrders(rig.pass(100).see(plugged)), attempt).toBe('start 16000 mA');
    }
    expect(refused()).toBe('softStop; commit(open, failed pile.write_failed); commit(service, 1 failed starts)');
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ voidReason: 'not-confirmed' });
  });

  test('the cloud does not acknowledge the start', () => {
    const rig = new Rig().toCharging();
    rig.charge(58);
    expect(rig.phase).toBe('charging');
    rig.charge(1);
    expect(rig.phase).toBe('stopping');
    expect(rig.session.stop).toMatchObject({ voidReason: 'not-confirmed' });
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ voidReason: 'not-confirmed', stopReason: 'not-confirmed' });
    expect(rig.cdr.energyWh).toBeGreaterThan(0);
    expect(rig.recordsOf('command.reported')).toEqual([expect.objectContaining({ status: 'done' })]);
  });

  test('once acknowledged, the charge goes on', () => {
    const rig = new Rig().toCharging();
    rig.charge(57).acknowledge().charge(600);
    expect(rig.phase).toBe('charging');
  });

  test('the cloud says so first: a stop that is "not confirmed" voids the record', () => {
    const rig = new Rig().toCharging();
    rig.command(stopCommand(rig.session.sessionId, { reason: 'not-confirmed' }));
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ voidReason: 'not-confirmed', stopReason: 'not-confirmed' });
  });

  test('... also when the charge is stopping already', () => {
    const rig = new Rig().toCharging();
    const { sessionId } = rig.session;
    rig.command(stopCommand(sessionId));
    rig.command(stopCommand(sessionId, { commandId: uuid(11), reason: 'not-confirmed' }));
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ voidReason: 'not-confirmed', stopReason: 'partner' });
  });
});

describe('SY-04 a cancel undoes a start in whatever phase it is', () => {
  const cancel = { kind: 'cancel', commandId: uuid(1) } as const;

  test('checking: nothing has happened and nothing will', () => {
    const rig = new Rig();
    rig.command(startCommand());
    expect(describeOrders(rig.send(cancel))).toBe('commit(failed command.cancelled)');
    expect(rig.phase).toBe('idle');
  });

  test.each(['preparing', 'starting'] as const)('%s: stopped, failed, void', (phase) => {
    const rig = new Rig();
    if (phase === 'preparing') rig.toPreparing();
    else rig.toStarting();
    expect(describeOrders(rig.send(cancel))).toBe('softStop; commit(open, failed command.cancelled)');
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    expect(rig.phase).toBe('stopping');
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ voidReason: 'cancelled' });
  });

  test('charging: stopped and void, the command stays done', () => {
    const rig = new Rig().toCharging().acknowledge().charge(10);
    expect(describeOrders(rig.send(cancel))).toBe('softStop; commit(open)');
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ voidReason: 'cancelled' });
    expect(rig.recordsOf('command.reported')).toEqual([expect.objectContaining({ status: 'done' })]);
  });

  test('stopping: goes on stopping, and becomes void', () => {
    const rig = new Rig().toCharging();
    rig.command(stopCommand(rig.session.sessionId));
    expect(describeOrders(rig.send(cancel))).toBe('commit(open)');
    expect(describeOrders(rig.send(cancel))).toBe('');
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ voidReason: 'cancelled', stopReason: 'partner' });
  });

  test('a cancel for another command is for nobody here', () => {
    const rig = new Rig().toCharging();
    expect(describeOrders(rig.send({ kind: 'cancel', commandId: uuid(9) }))).toBe('');
    expect(rig.phase).toBe('charging');
  });
});

describe('ED-08 a ledger that cannot store', () => {
  test('a start fails by name: nothing was written to the pile', () => {
    const rig = new Rig();
    rig.toPreparing();
    expect(describeOrders(rig.send({ kind: 'store-failed', sessionId: rig.session.sessionId }))).toBe(
      'commit(failed store.unavailable)',
    );
    expect(rig.phase).toBe('idle');
    expect(rig.writes).toEqual([]);
  });

  test('ED-11 a CDR is offered again every second and never dropped', () => {
    const rig = new Rig().toCharging();
    const { sessionId } = rig.session;
    rig.command(stopCommand(sessionId));
    rig.proveOff();
    const { cdr } = rig;
    for (let i = 0; i < 5; i += 1) {
      rig.send({ kind: 'store-failed', sessionId });
      expect(describeOrders(rig.pass(999).see(plugged))).toBe('');
      const again = rig.pass(1).lose();
      expect(describeOrders(again)).toBe('commit(closed, session.ended, done)');
      expect(again[0]).toMatchObject({ transaction: { records: [{ cdr }, {}] } });
      expect(describeOrders(rig.pass(5000).see(plugged))).toBe('');
    }
    rig.send({ kind: 'durable', sessionId });
    expect(rig.phase).toBe('idle');
  });
});

describe('OP-13 ED-07 between the look and the write the disk may take its time: everything is judged again', () => {
  const hold = (rig: Rig) => rig.send({ kind: 'durable', sessionId: rig.session.sessionId });

  test.each<[string, (rig: Rig) => unknown, string]>([
    ['the gun is pulled', (rig) => rig.see({ ...plugged, status: 'unplugged' }), 'connector.not_plugged'],
    ['the pile gets too hot', (rig) => rig.see({ ...plugged, temperatureDc: 900 }), 'connector.faulted'],
    ['the pile reports a fault', (rig) => rig.see({ ...plugged, fault: 'residual-current' }), 'connector.faulted'],
    ['the pile falls silent', (rig) => rig.lose(), 'connector.offline'],
    ['the pile loses its set-up', (rig) => rig.send({ kind: 'set-up', result: 'missing' }), 'connector.faulted'],
    [
      'the site leaves nothing',
      (rig) => rig.send({ kind: 'influenced', influence: { ...noInfluence, ceilingMa: 0 } }),
      'connector.faulted',
    ],
    [
      'the disk is full',
      (rig) =>
        rig.send({
          kind: 'influenced',
          influence: { ...noInfluence, refuse: [{ fault: 'storage-full', detail: 'no room' }] },
        }),
      'connector.faulted',
    ],
  ])('%s: nothing is written but a stop', (_, happens, code) => {
    const rig = new Rig().toPreparing();
    happens(rig.pass(1000));
    hold(rig.pass(1000));
    expect(rig.writes).toEqual(['softStop']);
    expect(rig.recordsOf('command.reported')).toMatchObject([{ status: 'failed', code }]);
  });

  test('a smaller offer is written as it is then', () => {
    const rig = new Rig().toPreparing();
    rig.send({ kind: 'influenced', influence: { ...noInfluence, ceilingMa: 8000 } });
    expect(describeOrders(hold(rig))).toBe('start 8000 mA');
    expect(rig.session.offeredMa).toBe(8000);
  });

  test('an objection that comes while the pile is looked at counts as well', () => {
    const rig = new Rig();
    rig.command(startCommand());
    rig.send({ kind: 'influenced', influence: { ...noInfluence, refuse: [{ fault: 'door-open', detail: 'D1' }] } });
    expect(describeOrders(rig.pass(100).see(plugged))).toBe('commit(failed connector.faulted)');
  });
});
