import { expect, test } from 'vitest';
import type { Reading } from '../control/reading.ts';
import { charging, Rig } from '../control/testing.ts';
import type { Outlet } from './network.ts';
import { type PileLooks, pileLooked, pilesTake } from './pile-looks.ts';
import { outlet } from './testing.ts';

const NOW_MS = 1_000_000;

/** What a pile counts as for the meter after these looks at it, a second apart. */
function taken(of: Outlet, ...readings: Partial<Reading>[]) {
  const rig = new Rig({ monoMs: NOW_MS });
  let looks: PileLooks | null = null;
  for (const reading of readings) {
    rig.pass(1000).see({ ...charging, ...reading });
    looks = pileLooked(looks, rig.state, of);
  }
  return pilesTake([{ state: rig.state, looks, mayTakeMa: 16_000 }], rig.monoMs);
}

test('ED-14 the phases of a pile are turned to those of the network', () => {
  const of = outlet('A', { order: [1, 2, 0] });
  expect(taken(of, { currentMa: 16_000, phasesMa: [16_000, 5000, 0] })).toMatchObject({
    mostMa: [0, 16_000, 5000],
    leastMa: [0, 16_000, 5000],
  });
});

test('ED-14 a pile of one phase takes from its own', () => {
  const of = outlet('A', { loads: [false, false, true], order: [2] });
  expect(taken(of, { currentMa: 12_000, phasesMa: null }).mostMa).toEqual([0, 0, 12_000]);
});

test('ED-14 one that tells its largest current only may take it from each phase, and need not', () => {
  expect(taken(outlet('A'), { currentMa: 12_000, phasesMa: null })).toMatchObject({
    mostMa: [12_000, 12_000, 12_000],
    leastMa: [0, 0, 0],
  });
});

test('ED-14 of two looks the larger counts for the house, the smaller against the meter', () => {
  const all = (ma: number) => ({ currentMa: ma, phasesMa: [ma, ma, ma] as const });
  expect(taken(outlet('A'), all(16_000), all(9000))).toMatchObject({
    mostMa: [16_000, 16_000, 16_000],
    leastMa: [9000, 9000, 9000],
  });
});

test('ED-14 what has not been read for long says nothing of what the meter shows', () => {
  const rig = new Rig({ monoMs: NOW_MS });
  rig.see({ ...charging, phasesMa: [16_000, 16_000, 16_000] });
  const looks = pileLooked(null, rig.state, outlet('A'));
  const at = (nowMs: number) => pilesTake([{ state: rig.state, looks, mayTakeMa: 16_000 }], nowMs).mostMa;
  expect([at(NOW_MS + 4000), at(NOW_MS + 4001)]).toEqual([
    [16_000, 16_000, 16_000],
    [0, 0, 0],
  ]);
});
