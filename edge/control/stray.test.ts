import { expect, test } from 'vitest';
import { charging, describeOrders, plugged, Rig, startCommand, stopCommand } from './testing.ts';

test('ED-07 a pile that delivers without a session is stopped by both ways in turn, and said once', () => {
  const rig = new Rig();
  expect(describeOrders(rig.see(charging))).toBe('softStop; commit(alarm.raised)');
  expect(rig.recordsOf('alarm.raised')).toMatchObject([{ code: 'energy-without-session', severity: 'critical' }]);
  expect(describeOrders(rig.pass(1000).see(charging))).toBe('');
  expect(describeOrders(rig.pass(4000).see(charging))).toBe('hardStop');
  expect(describeOrders(rig.pass(5000).see(charging))).toBe(
    'softStop; commit(alarm.raised, latched [stop-not-proven])',
  );
  expect(describeOrders(rig.pass(5000).see(charging))).toBe('hardStop');
  expect(rig.phase).toBe('idle');
});

test('ED-07 one that comes and goes is the same trouble until it has been off for a minute', () => {
  const rig = new Rig();
  rig.see(charging);
  rig.pass(1000).see(plugged);
  expect(describeOrders(rig.pass(5000).see(charging))).toBe('hardStop');
  rig.pass(1000).see(plugged);
  rig.pass(59_000).see(plugged);
  expect(describeOrders(rig.pass(500).see(charging))).toContain('softStop; commit(alarm.raised, latched');
  rig.pass(1000).see(plugged);
  rig.pass(60_000).see(plugged);
  expect(describeOrders(rig.pass(1000).see(charging))).toBe('softStop; commit(alarm.raised)');
});

test('ED-07 a site that can cut it off does so when soft and hard stop were in vain', () => {
  const rig = new Rig({ facts: { hasTrip: true } });
  rig.see(charging);
  rig.pass(5000).see(charging);
  expect(describeOrders(rig.pass(5000).see(charging))).toBe('trip; commit(alarm.raised, latched [stop-refused])');
});

test('ED-07 ED-08 a record that waits for the disk does not leave its pile unwatched', () => {
  const rig = new Rig().toCharging().acknowledge();
  rig.command(stopCommand(rig.session.sessionId));
  rig.proveOff();
  expect(rig.phase).toBe('closing');
  expect(describeOrders(rig.pass(1000).see(charging))).toBe('softStop; commit(alarm.raised)');
  expect(describeOrders(rig.pass(5000).see(charging))).toBe('hardStop');
  expect(rig.phase).toBe('closing');
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
