import { describe, expect, test } from 'vitest';
import { withoutSetUp } from './set-up.ts';
import { charging, describeOrders, plugged, Rig, restartFromDisk, startCommand, uuid } from './testing.ts';

/** The pile has been away, and has its set-up again. */
function comesBack(rig: Rig): void {
  rig.send({ kind: 'set-up', result: 'missing' });
  rig.pass(1000).see(plugged);
  rig.send({ kind: 'set-up', result: 'taken' });
}

describe('ED-09 a pile that restarts under a charge', () => {
  test('is told to go on when it has its set-up again and is at rest; the record says so', () => {
    const rig = new Rig().toCharging().acknowledge();
    comesBack(rig);
    expect(describeOrders(rig.pass(1000).see(plugged))).toBe('start 16000 mA; commit(open, alarm.raised)');
    expect(rig.recordsOf('alarm.raised')).toMatchObject([{ code: 'pile-restarted', severity: 'warning' }]);
    rig.pass(1000).see({ ...charging, registerWh: 50_003 });
    expect(rig.session.marks).toEqual(['pile-restarted']);
    expect(rig.state.phase).toMatchObject({ kind: 'charging', flow: { kind: 'delivering' } });
  });

  test.each([
    ['only the controller restarted: a vehicle at rest is not told to go on', {}, 'commit(open)', ''],
    [
      'the power was away from both: it is told to go on',
      { bootId: uuid(901), monoMs: 30_000 },
      'commit(open)',
      'start 16000 mA; commit(open, alarm.raised)',
    ],
  ])('%s', (_, boot, adopted, told) => {
    const rig = restartFromDisk(new Rig().toCharging().acknowledge(), 5000, boot);
    rig.state = { ...rig.state, setUp: withoutSetUp(rig.monoMs) };
    expect(describeOrders(rig.see(plugged))).toBe(adopted);
    rig.send({ kind: 'set-up', result: 'taken' });
    expect(describeOrders(rig.pass(1000).see(plugged))).toBe(told);
  });

  test('is left alone while it has no set-up: nobody knows what its watchdog would do', () => {
    const rig = new Rig().toCharging().acknowledge();
    rig.send({ kind: 'set-up', result: 'missing' });
    expect(describeOrders(rig.pass(1000).see(plugged))).toBe('');
  });

  test('is left alone when it delivers: it was the line that was away', () => {
    const rig = new Rig().toCharging().acknowledge();
    rig.send({ kind: 'set-up', result: 'missing' });
    rig.send({ kind: 'set-up', result: 'taken' });
    rig.pass(1000).see({ ...charging, registerWh: 50_003 });
    expect(describeOrders(rig.pass(1000).see({ ...plugged, registerWh: 50_003 }))).toBe('');
    expect(rig.session.marks).toEqual([]);
  });

  test('is told again when it did not take that', () => {
    const rig = new Rig().toCharging().acknowledge();
    comesBack(rig);
    rig.pass(1000).see(plugged);
    rig.send({ kind: 'write-failed', write: 'start', limitMa: 16_000 });
    expect(describeOrders(rig.pass(1000).see(plugged))).toContain('start 16000 mA');
  });

  test('a fourth time is a fault', () => {
    const rig = new Rig().toCharging().acknowledge();
    for (const time of [1, 2, 3]) {
      comesBack(rig);
      expect(describeOrders(rig.pass(1000).see(plugged)), `${time}`).toContain('start 16000 mA');
      rig.pass(1000).see(charging);
    }
    comesBack(rig);
    expect(describeOrders(rig.pass(1000).see(plugged))).toBe('hardStop; commit(open, alarm.raised)');
    expect(rig.session.stop).toMatchObject({ reason: 'fault', fault: 'pile-fault' });
  });
});

describe('ED-22 another pile or meter than before', () => {
  const known = { ...plugged, serialNumber: 'S1', meterId: 'S1', firmware: '1.0' };

  test('is said, with the readings that the old one was left at and the new one begins with', () => {
    const rig = new Rig();
    expect(describeOrders(rig.see(known))).toBe('commit(device)');
    expect(describeOrders(rig.pass(1000).see({ ...known, registerWh: 50_010 }))).toBe('');
    const orders = rig.pass(1000).see({ ...known, serialNumber: 'S2', meterId: 'S2', registerWh: 12 });
    expect(describeOrders(orders)).toBe('commit(alarm.raised, device)');
    const [{ code, detail } = { code: '', detail: '' }] = rig.recordsOf('alarm.raised');
    expect(code).toBe('pile-replaced');
    expect(detail).toContain('S1 at 50010 Wh, then S2 at 12 Wh');
  });

  test('a meter alone is told apart from the pile', () => {
    const rig = new Rig();
    rig.see({ ...known, meterId: 'M1' });
    rig.pass(1000).see({ ...known, meterId: 'M2', registerWh: 7 });
    expect(rig.recordsOf('alarm.raised')).toMatchObject([{ code: 'meter-replaced' }]);
  });

  test('another firmware is noted, and no alarm', () => {
    const rig = new Rig();
    rig.see(known);
    expect(describeOrders(rig.pass(1000).see({ ...known, firmware: '1.1' }))).toBe('commit(device)');
    expect(rig.recordsOf('alarm.raised')).toEqual([]);
  });

  test('a name that is not told for a moment changes nothing', () => {
    const rig = new Rig();
    rig.see(known);
    expect(describeOrders(rig.pass(1000).see({ ...known, serialNumber: null, meterId: null }))).toBe('');
    expect(describeOrders(rig.pass(1000).see(known))).toBe('');
  });

  test('the record of a charge takes the seal reading along', () => {
    const rig = new Rig();
    rig.see(known);
    rig.toCharging().acknowledge();
    rig.send({ kind: 'cancel', commandId: startCommand().commandId });
    rig.proveOff();
    const last = rig.orders.at(-1);
    expect(last).toMatchObject({ transaction: { device: { device: { serialNumber: 'S1', registerWh: 50_000 } } } });
  });
});
