import { expect, test } from 'vitest';
import type { Reading } from './reading.ts';
import { resetRefusal } from './reset.ts';
import { charging, describeOrders, plugged, Rig, stopCommand } from './testing.ts';

const latched = (reading: Reading): Rig => {
  const rig = new Rig({ latched: ['stop-not-proven'] });
  rig.see(reading);
  rig.orders.splice(0);
  return rig;
};

test.each<[string, Reading, string]>([
  ['current flows', { ...charging, currentMa: 16_000 }, '16.0 A still flow'],
  ['the pile says that it charges', { ...plugged, status: 'charging' }, '0.0 A still flow'],
  ['the pile does not tell its current', { ...plugged, currentMa: null }, 'does not tell its current'],
])('ED-07 a latch is not cleared while %s', (_, reading, reason) => {
  const rig = latched(reading);
  expect(resetRefusal(rig.state)).toContain(reason);
  expect(describeOrders(rig.send({ kind: 'reset' }))).toBe('');
  expect(rig.state.latched).toEqual(['stop-not-proven']);
});

test('ED-07 a latch is not cleared unseen, nor in the middle of a stop', () => {
  const silent = latched(plugged);
  silent.lose();
  expect(resetRefusal(silent.state)).toContain('does not answer');
  const stopping = new Rig({ latched: [] }).toCharging().acknowledge();
  stopping.command(stopCommand(stopping.session.sessionId));
  stopping.state = { ...stopping.state, latched: ['over-current'] };
  expect(resetRefusal(stopping.state)).toContain('stopping');
});

test('ED-07 a pile that is seen to be off can be trusted again', () => {
  expect(describeOrders(latched(plugged).send({ kind: 'reset' }))).toBe('commit(latched [], service, 0 failed starts)');
  expect(resetRefusal(new Rig().state)).toBe('nothing is latched');
});
