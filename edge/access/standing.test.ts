import { expect, test } from 'vitest';
import { type ConnectorState, newConnector, nothingRemembered, type Phase } from '../control/connector.ts';
import { charging, facts, localWish, plugged, Rig } from '../control/testing.ts';
import { standingOf } from './standing.ts';

const stateOf = (change: Partial<ConnectorState> = {}): ConnectorState => ({
  ...newConnector(nothingRemembered, new Rig().now),
  reading: plugged,
  ...change,
});
const checking: Phase = { kind: 'checking', wish: localWish(), receivedMonoMs: 0, confirmByMonoMs: 1 };

test.each<[string, Partial<ConnectorState>, string]>([
  ['one that is plugged in', {}, 'waiting'],
  ['one that is latched', { latched: ['stop-not-proven'] }, 'held'],
  ['one out of service', { service: { disabledBy: 'local:wang', failedStarts: 0 } }, 'held'],
  ['one whose pile reports a fault', { reading: { ...plugged, status: 'fault' } }, 'held'],
  ['one that delivers without a charge', { reading: charging }, 'held'],
  ['an empty one', { reading: { ...plugged, status: 'unplugged' } }, 'unplugged'],
  ['one that does not answer', { reading: null }, 'unseen'],
  ['one where a charge is about to begin', { phase: checking }, 'charging'],
])('ED-10 %s is found so', (_name, change, is) => {
  expect(standingOf(stateOf(change), facts).is).toBe(is);
});

test('ED-10 a charge is known by its request, from its wish to its last reading, and not ended twice', () => {
  const rig = new Rig();
  rig.send({ kind: 'begin', wish: localWish(), withinMs: 60_000 });
  const seen = [standingOf(rig.state, facts)];
  rig.pass(100).see(plugged);
  seen.push(standingOf(rig.state, facts));
  rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
  rig.pass(800).see(charging);
  seen.push(standingOf(rig.state, facts));
  rig.send({ kind: 'end', requestId: 'LOCAL-1', by: { kind: 'technician', reference: 'T' } });
  seen.push(standingOf(rig.state, facts));
  expect(seen.map(({ is, charge }) => [is, charge?.requestId])).toEqual([
    ['charging', 'LOCAL-1'],
    ['charging', 'LOCAL-1'],
    ['charging', 'LOCAL-1'],
    ['busy', 'LOCAL-1'],
  ]);
});
