import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Network, PerPhase } from './network.ts';
import type { PowerFacts } from './round.ts';
import { node, outlet } from './testing.ts';
import { World } from './testing-world.ts';

const names = ['A', 'B', 'C', 'D', 'E'] as const;

/** A supply with a grid meter, and a feeder below it; one pile of one phase, one that cannot pause. */
const site: Network = {
  nodes: [
    { ...node('site', null, [40_000, 40_000, 36_000]), bands: [band(0, 40_000), band(600, 22_000)] },
    node('F1', 0, [20_000, 24_000, 24_000]),
  ],
  outlets: [
    outlet('A'),
    outlet('B', { path: [1, 0], order: [1, 2, 0] }),
    outlet('C', { path: [1, 0], loads: [false, true, false], order: [1] }),
    outlet('D', { path: [1, 0], canPause: false }),
    outlet('E', { stepMa: 1000 }),
  ],
};
const facts: PowerFacts = { network: site, turnMs: 300_000, grid: { node: 0, fallbackMa: [14_000, 14_000, 14_000] } };

function band(fromMinute: number, limitMa: number) {
  return { fromMinute, limitMa: [limitMa, limitMa, limitMa] as const };
}

const name = fc.constantFrom(...names);
const seconds = fc.integer({ min: 1, max: 20 });
const long = fc.integer({ min: 1, max: 40 });
const houseMa = fc.tuple(fc.nat(30_000), fc.nat(30_000), fc.nat(30_000));
type Step = (world: World) => void;
const often = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });
const steps: fc.Arbitrary<Step> = fc.oneof(
  often(
    6,
    name.map((of) => (world) => world.start(of)),
  ),
  often(
    6,
    seconds.map((of) => (world) => world.pass(of)),
  ),
  often(
    2,
    seconds.map((of) => (world) => world.pass(of, 'unheard')),
  ),
  often(
    1,
    fc.integer({ min: 1, max: 6 }).map((of) => (world) => world.pass(of, 'refused')),
  ),
  often(
    2,
    name.map((of) => (world) => world.pile(of).stop(world.nowMs)),
  ),
  often(
    3,
    houseMa.map((of) => (world) => {
      world.houseMa = of;
    }),
  ),
  often(
    1,
    fc.integer({ min: 1, max: 30 }).map((of) => (world) => world.restart(of)),
  ),
  often(
    1,
    name.map((of) => (world) => world.pile(of).stray(world.nowMs)),
  ),
  often(
    1,
    fc.nat(1439).map((of) => (world) => {
      world.minute = of;
    }),
  ),
  often(
    1,
    fc.boolean().map((of) => (world) => {
      world.isClockTrusted = of;
    }),
  ),
  often(
    2,
    fc.tuple(name, fc.constantFrom('deaf' as const, 'mute' as const), long).map(([of, kind, s]) => (world) => {
      world.pile(of).silence = { kind, untilMs: world.nowMs + 1000 * s };
    }),
  ),
  often(
    1,
    fc.tuple(name, seconds).map(([of, s]) => (world) => {
      world.pile(of).refusesUntilMs = world.nowMs + 1000 * s;
    }),
  ),
  often(
    1,
    fc.tuple(fc.constantFrom('silent' as const, 'stuck' as const), long).map(([kind, s]) => (world) => {
      world.meter = { kind, untilMs: world.nowMs + 1000 * s };
    }),
  ),
  often(
    1,
    name.map((of) => (world) => world.pile(of).plug()),
  ),
);

/** Everything works again and stays so: lost piles are found, raised limits have been taken. */
function calm(world: World): void {
  for (const pile of world.piles.values()) {
    pile.silence = null;
    pile.refusesUntilMs = 0;
  }
  world.meter = null;
  world.pass(90);
}

const within = (carried: PerPhase, limit: PerPhase, houseMa: PerPhase): boolean =>
  ([0, 1, 2] as const).every((phase) => carried[phase] <= Math.max(limit[phase], houseMa[phase]));

test('ED-14 in whatever order writes, losses, restarts, strays, starts, ends, house and clock come, nothing is granted twice or above a limit', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 30, size: 'max' }), (course) => {
      const world = new World({ facts });
      for (const step of course) {
        step(world);
        expect(world.violations).toEqual([]);
      }
      calm(world);
      expect(world.violations).toEqual([]);
      const limit: PerPhase =
        world.minute >= 600 || !world.isClockTrusted ? [22_000, 22_000, 22_000] : [40_000, 40_000, 36_000];
      expect([world.carried(0), within(world.carried(0), limit, world.houseMa)]).toEqual([world.carried(0), true]);
      expect(within(world.carried(1), [20_000, 24_000, 24_000], [0, 0, 0])).toBe(true);
    }),
    { numRuns: 150 },
  );
});
