import { expect, test } from 'vitest';
import { charging, facts, plugged, Rig } from '../control/testing.ts';
import { nothingSampled, type Sample, takeSamples } from './sampler.ts';

const EVERY_MS = 10_000;

/** Looks every two seconds for a while; returns what was taken and when, relative to the beginning. */
function watch(rig: Rig, forMs: number, from = nothingSampled) {
  let state = from;
  const taken: { afterMs: number; sample: Sample }[] = [];
  for (let afterMs = 0; afterMs < forMs; afterMs += 2000) {
    const next = takeSamples(state, [{ facts, state: rig.state }], rig.now, EVERY_MS);
    state = next.state;
    for (const sample of next.samples) taken.push({ afterMs, sample });
    rig.pass(2000);
  }
  return { state, taken };
}

test('ED-11 a connector is sampled once in every interval, and says what it was doing', () => {
  const rig = new Rig().toCharging();
  rig.see({ ...charging, registerWh: 50_004 });
  const { taken } = watch(rig, 60_000);
  expect(taken.length).toBeGreaterThanOrEqual(6);
  expect(taken.length).toBeLessThanOrEqual(7);
  expect(taken[0]?.sample).toEqual({
    connectorId: 'P1-1',
    at: expect.objectContaining({ bootId: rig.now.bootId, clock: 'trusted' }),
    status: 'charging',
    registerWh: 50_004,
    currentMa: charging.currentMa,
    powerW: charging.powerW,
    temperatureDc: 300,
    sessionId: rig.session.sessionId,
  });
});

test('ED-11 a change of status is sampled at once', () => {
  const rig = new Rig();
  rig.see(plugged);
  const { state } = watch(rig, 2000);
  expect(takeSamples(state, [{ facts, state: rig.state }], rig.now, EVERY_MS).samples).toEqual([]);
  rig.see({ ...plugged, status: 'unplugged' });
  const { samples } = takeSamples(state, [{ facts, state: rig.state }], rig.now, EVERY_MS);
  expect(samples.map(({ status }) => status)).toEqual(['available']);
});

test('ED-11 what a pile does not tell is null, and one that is silent is sampled as offline', () => {
  const { samples } = takeSamples(nothingSampled, [{ facts, state: new Rig().state }], new Rig().now, EVERY_MS);
  expect(samples).toMatchObject([
    { status: 'offline', registerWh: null, currentMa: null, powerW: null, temperatureDc: null, sessionId: null },
  ]);
});
