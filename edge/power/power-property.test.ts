import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Network, PerPhase } from './network.ts';
import type { PowerFacts } from './round.ts';
import { network, node, outlet } from './testing.ts';
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
      const world = new World({ facts, untold: ['B', 'C'] });
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
    { numRuns: 80 },
  );
});

test('ED-14 a restart of the edge pauses nobody, also when a pile is read late and counts as house until then', () => {
  const world = new World({ facts });
  world.houseMa = [9000, 9000, 9000];
  world.pass(2).start('A').pass(12).start('B').pass(12).start('D').pass(60);
  expect(['A', 'B', 'D'].map((of) => world.pile(of).rig.phase)).toEqual(['charging', 'charging', 'charging']);
  const before = world.carried(0);
  world.pile('A').silence = { kind: 'mute', untilMs: world.nowMs + 6000 };
  world.restart(2).pass(60);
  expect([world.pauses.size, world.carried(0)]).toEqual([0, before]);
});

test('ED-14 after a restart nothing is granted before everything has been seen, or had its 10 s', () => {
  const world = new World({ facts: { ...facts, grid: null } });
  world.pass(2).start('A').pass(20);
  world.pile('A').silence = { kind: 'mute', untilMs: world.nowMs + 60_000 };
  world.restart(1).start('B').pass(5);
  expect([world.told.get('B'), world.last?.grants.get('B')?.because.kind]).toEqual([0, 'not-all-seen']);
  world.pass(6);
  expect(world.told.get('B')).toBeGreaterThan(0);
});

test('ED-14 after a restart what nobody has seen yet is no reason to lower what runs', () => {
  const world = new World({ facts });
  world.pass(2).start('C').pass(2).restart(1);
  expect(world.told.get('C')).toBe(16_000);
});

test('ED-14 the same course gives the same grants', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 15 }), (course) => {
      const run = () => {
        const world = new World({ facts });
        return course.map((step) => {
          step(world);
          return [...(world.last?.grants ?? [])];
        });
      };
      expect(run()).toEqual(run());
    }),
    { numRuns: 10 },
  );
});

/** Five piles of one kind; all of them want to charge, and the supply carries the least of two. */
const crowd: PowerFacts = {
  network: network(13_000, ...names.map((of) => outlet(of))),
  turnMs: 900_000,
  grid: null,
};

/** Opens a charge at each; those that have no share yet ask again. */
function crowded(world: World, hours: number, each: () => void): void {
  for (let second = 0; second < hours * 3600; second += 5) {
    for (const of of names) if (world.pile(of).rig.phase === 'idle') world.start(of);
    world.pass(5);
    each();
  }
}

test('ED-14 where not all can have the least, everybody has turns, and a contactor opens at most 12 times an hour', () => {
  const world = new World({ facts: crowd });
  const since = new Map<string, number>(names.map((of) => [of, world.nowMs]));
  const longestMs = new Map<string, number>();
  crowded(world, 1.25, () => {
    for (const of of names) {
      if ((world.told.get(of) ?? 0) > 0) since.set(of, world.nowMs);
      longestMs.set(of, Math.max(longestMs.get(of) ?? 0, world.nowMs - (since.get(of) ?? 0)));
    }
  });
  expect(world.violations).toEqual([]);
  // Five share two places for a quarter of an hour each: nobody waits for longer than the turns of the others.
  for (const of of names) expect(longestMs.get(of)).toBeLessThanOrEqual(3 * 900_000);
  for (const of of names) expect(world.pauses.get(of) ?? 0).toBeLessThanOrEqual(15);
});

test('ED-14 a house that comes and goes every minute wears no contactor out', () => {
  const house: PowerFacts = { ...crowd, network: network(32_000, ...names.map((of) => outlet(of))), grid: facts.grid };
  const world = new World({ facts: house });
  let seconds = 0;
  crowded(world, 0.5, () => {
    seconds += 5;
    const ma = seconds % 60 < 30 ? 0 : 20_000;
    world.houseMa = [ma, ma, ma];
  });
  expect(world.violations).toEqual([]);
  for (const of of names) expect(world.pauses.get(of) ?? 0).toBeLessThanOrEqual(6);
});

test('ED-14 when nothing changes any more, nobody of one priority has a step more than another who could have it', () => {
  const apart = fc.array(fc.tuple(name, seconds), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(apart, fc.integer({ min: 12_000, max: 70_000 }), (course, limitMa) => {
      const of: PowerFacts = { ...crowd, network: network(limitMa, ...names.map((one) => outlet(one))) };
      const world = new World({ facts: of });
      for (const [who, wait] of course) world.start(who).pass(wait);
      world.pass(120);
      const granted = [...world.told.values()].filter((ma) => ma > 0);
      expect(Math.max(...granted) - Math.min(...granted)).toBeLessThanOrEqual(2000);
      const isAllOn = names.every((one) => world.pile(one).rig.phase !== 'charging' || (world.told.get(one) ?? 0) > 0);
      const sumMa = granted.reduce((sum, ma) => sum + ma, 0);
      if (isAllOn)
        expect(sumMa).toBeGreaterThanOrEqual(Math.min(limitMa, 16_000 * granted.length) - 1000 * granted.length);
    }),
    { numRuns: 20 },
  );
});

test('ED-14 room for a house that switches on is made within the 5 s of the slowest vehicle and 2 s of our own', () => {
  fc.assert(
    fc.property(houseMa, fc.nat(4), (house, phase) => {
      const world = new World({ facts });
      for (const of of names.slice(0, 1 + phase)) world.start(of).pass(12);
      world.pass(30);
      world.houseMa = house;
      world.pass(7);
      expect([world.carried(0), within(world.carried(0), [40_000, 40_000, 36_000], house)]).toEqual([
        world.carried(0),
        true,
      ]);
    }),
    { numRuns: 40 },
  );
});

test('ED-14 what one vehicle does not give up the others give up in his place, in the same time', () => {
  const of: PowerFacts = { ...facts, network: network(80_000, ...names.map((one) => outlet(one))) };
  // Four at their least and one at its most leave room for a house of 40 A. An ampere is too little to be covered.
  const house = fc.integer({ min: 0, max: 40_000 });
  fc.assert(
    fc.property(house, name, (ma, who) => {
      const world = new World({ facts: of });
      for (const one of names) world.start(one).pass(12);
      world.pass(30);
      world.pile(who).insistsMa = 16_000;
      world.houseMa = [ma, ma, ma];
      world.pass(7);
      expect(world.carried(0)[0]).toBeLessThan(81_000);
    }),
    { numRuns: 40 },
  );
});
