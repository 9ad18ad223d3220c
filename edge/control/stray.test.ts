import { expect, test } from 'vitest';
import { charging, describeOrders, plugged, Rig, startCommand } from './testing.ts';

test('ED-07 a pile that delivers without a session is stopped by both ways in turn, and said once', () => {
  const rig = new Rig();
  expect(describeOrders(rig.see(charging))).toBe('softStop; commit(alarm.raised)');
  expect(rig.recordsOf('alarm.raised')).toMatchObject([{ code: 'energy-without-session', severity: 'critical' }]);
  expect(describeOrders(rig.pass(1000).see(charging))).toBe('');
  expect(describeOrders(rig.pass(4000).see(charging))).toBe('hardStop');
  expect(describeOrders(rig.pass(5000).see(charging))).toBe('softStop');
  expect(describeOrders(rig.pass(1000).see(plugged))).toBe('');
  expect(rig.phase).toBe('idle');
  expect(describeOrders(rig.pass(1000).see(charging))).toBe('softStop; commit(alarm.raised)');
});

test('ED-07 current without a charging state counts as delivering; an idle pile is left alone', () => {
  const rig = new Rig();
  expect(describeOrders(rig.see({ ...plugged, currentMa: 999 }))).toBe('');
  expect(describeOrders(rig.see({ ...plugged, currentMa: 1000 }))).toBe('softStop; commit(alarm.raised)');
});

test('OP-13 a start on a pile that delivers to somebody else is refused', () => {
  const rig = new Rig();
  rig.see(charging);
  rig.command(startCommand());
  rig.pass(100).see(charging);
  expect(rig.recordsOf('command.reported')).toMatchObject([{ status: 'failed', code: 'connector.occupied' }]);
});
