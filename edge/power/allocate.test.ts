import { describe, expect, test } from 'vitest';
import { PAUSED_AT_LEAST_MS } from './admit.ts';
import { type Allocation, allocate } from './allocate.ts';
import type { Demand, Share, Shares } from './demand.ts';
import { type Network, nameOfCell } from './network.ts';
import { charging, network, node, outlet, starting, wanting } from './testing.ts';

const TURN_MS = 900_000;
const at = (
  nowMonoMs: number,
  of: Network,
  demands: Demand[],
  shares: Shares = new Map(),
  mayRaise = true,
): Allocation =>
  allocate(of, new Map(demands.map((demand) => [demand.connectorId, demand])), shares, {
    nowMonoMs,
    limitsMa: of.nodes.flatMap(({ limitMa }) => limitMa),
    mayRaise,
    turnMs: TURN_MS,
  });
const amps = ({ grants }: Allocation) => [...grants.values()].map(({ limitMa }) => limitMa / 1000);
const why = ({ grants }: Allocation) => [...grants.values()].map(({ because }) => because.kind);
const share = (grantMa: number, change: Partial<Share> = {}): Share => ({
  grantMa,
  onSinceMonoMs: grantMa > 0 ? 0 : null,
  waitsSinceMonoMs: grantMa > 0 ? null : 0,
  askedMonoMs: 0,
  pausedMonoMs: null,
  risesSinceMonoMs: null,
  ...change,
});

describe('ED-14 reserve before grant', () => {
  const two = network(20_000, outlet('A'), outlet('B'));

  test('a start has its share at once where it is free; two at once never share an ampere', () => {
    expect(amps(at(0, two, [starting('A')]))).toEqual([16, 0]);
    expect(amps(at(0, two, [starting('A'), starting('B')]))).toEqual([10, 10]);
    const tight = network(11_000, outlet('A'), outlet('B'));
    expect(amps(at(0, tight, [starting('A'), starting('B')]))).toEqual([11, 0]);
  });

  test('a connector without a charge holds nothing', () => {
    expect(
      amps(at(0, two, [wanting('A', { wants: 'nothing' }), starting('B')], new Map([['A', share(16_000)]]))),
    ).toEqual([0, 16]);
  });

  test('a start that is on its way is granted no more than it was', () => {
    const before = new Map([['A', share(6000)]]);
    expect(amps(at(60_000, two, [starting('A', { isStarting: true })], before))).toEqual([6, 0]);
  });
});

describe('ED-14 lower first, raise only after the lowering is confirmed', () => {
  const two = network(20_000, outlet('A'), outlet('B'));
  const running = new Map([['A', share(16_000)]]);

  test('a start waits until what others may still take leaves room for it', () => {
    const first = at(1000, two, [charging('A', 16_000), starting('B')], running);
    expect(amps(first)).toEqual([10, 0]);
    expect(why(first)[1]).toBe('others-first');
    const told = at(2000, two, [charging('A', 16_000), starting('B')], first.shares);
    expect(amps(told)).toEqual([10, 0]);
    const followed = at(8000, two, [charging('A', 10_000), starting('B')], told.shares);
    expect(amps(followed)).toEqual([10, 10]);
  });

  test('one that delivers by itself, or cannot be read, counts with what it may take', () => {
    const stray = wanting('A', { wants: 'nothing', mayTakeMa: 15_000, floorMa: 15_000 });
    expect(amps(at(0, two, [stray, starting('B')]))).toEqual([0, 0]);
    expect(why(at(0, two, [stray, starting('B')]))).toEqual(['idle', 'full']);
  });

  test('what one does not give up is taken from the others', () => {
    const stuck = charging('A', 16_000, { floorMa: 16_000 });
    const of = network(26_000, outlet('A'), outlet('B'));
    const both = new Map([
      ['A', share(13_000)],
      ['B', share(13_000)],
    ]);
    expect(amps(at(1000, of, [stuck, charging('B', 13_000)], both))).toEqual([10, 10]);
  });

  test('a charge of which nobody knows what it has is reserved nothing but what it may take', () => {
    const of = network(20_000, outlet('A'));
    const first = at(0, of, [charging('A', 16_000, { isFound: true })], new Map(), false);
    expect([amps(first), first.shares.size]).toEqual([[16], 0]);
    expect(amps(at(1000, of, [charging('A', 6000)], first.shares))).toEqual([6]);
  });

  test('after a restart what runs is counted as it was found, and nothing is raised before all of it has been', () => {
    const found = [charging('A', 6000), starting('B')];
    const first = at(0, two, found, new Map(), false);
    expect([amps(first), why(first)]).toEqual([
      [6, 0],
      ['not-all-seen', 'not-all-seen'],
    ]);
  });
});

describe('ED-14 where more flows than the network carries, the others cover for one who may not follow', () => {
  const all = (limitMa: number, flowsMa: number[], change: Partial<Demand> = {}) => {
    const names = flowsMa.map((_, i) => 'ABCDE'.charAt(i));
    const of = network(limitMa, ...names.map((name) => outlet(name)));
    const demands = names.map((name, i) => charging(name, flowsMa[i] ?? 0, i === 0 ? change : {}));
    return at(0, of, demands, new Map(names.map((name, i) => [name, share(flowsMa[i] ?? 0)])));
  };

  test('whoever goes on with what he takes: the rest fits beside him', () => {
    // 5 % of 64 A are kept free: 16 A and four times 11.2 A fit below.
    const shared = amps(all(64_000, [16_000, 16_000, 16_000, 16_000, 16_000]));
    expect(shared).toEqual([11.2, 11.2, 11.2, 11.2, 11.2]);
  });

  test('until he is seen to have followed', () => {
    expect(amps(all(40_000, [16_000, 16_000, 16_000]))).toEqual([11, 11, 11]);
    expect(amps(all(40_000, [13_300, 13_300, 13_300]))).toEqual([13.3, 13.3, 13.3]);
    expect(amps(all(40_000, [16_000, 13_300, 13_300], { flowsMa: 13_300 }))).toEqual([13.3, 13.3, 13.3]);
  });

  test('nobody is sent away for it, and one alone gives up no more than is needed', () => {
    expect(amps(all(20_000, [16_000, 16_000]))).toEqual([6, 6]);
    expect(amps(all(10_000, [16_000]))).toEqual([10]);
    expect(amps(all(18_000, [16_000, 16_000, 6000]))).toEqual([6, 6, 6]);
  });

  test('one who cannot give anything up is not covered twice, and one who has been told to stop is', () => {
    expect(amps(all(40_000, [16_000, 12_900, 12_900], { floorMa: 16_000 }))).toEqual([12, 11.9, 11.9]);
    const stopping = { wants: 'nothing' as const, floorMa: 0 };
    expect(amps(all(40_000, [16_000, 13_000, 13_000], stopping))).toEqual([0, 11, 11]);
  });

  test('in the cells that carry too much, and nowhere else', () => {
    const of: Network = {
      nodes: [node('site', null, 60_000), node('F1', 0, 24_000)],
      outlets: [outlet('A', { path: [1, 0] }), outlet('B', { path: [1, 0] }), outlet('C')],
    };
    const demands = ['A', 'B', 'C'].map((name) => charging(name, 16_000));
    const made = at(0, of, demands, new Map(['A', 'B', 'C'].map((name) => [name, share(16_000)])));
    expect(amps(made)).toEqual([6.8, 6.8, 16]);
    const because = made.grants.get('A')?.because;
    expect(because?.kind === 'full' && nameOfCell(of, because.cell)).toMatch(/^F1 /);
  });
});

describe('ED-14 every limit of the network holds by itself', () => {
  test('phases and feeders', () => {
    const of: Network = {
      nodes: [node('site', null, 40_000), node('F1', 0, [10_000, 40_000, 40_000])],
      outlets: [
        outlet('A', { path: [1, 0], loads: [true, false, false], order: [0] }),
        outlet('B', { path: [1, 0], loads: [false, true, false], order: [1] }),
        outlet('C', { path: [0] }),
      ],
    };
    const made = at(0, of, [starting('A'), starting('B'), starting('C')]);
    expect(amps(made)).toEqual([10, 16, 16]);
    expect(made.grants.get('A')?.because).toEqual({ kind: 'full', cell: 3 });
  });

  test('the steps of a pile are kept, downwards', () => {
    const of = network(17_999, outlet('A', { stepMa: 1000 }), outlet('B', { stepMa: 500 }));
    expect(amps(at(0, of, [starting('A'), starting('B')]))).toEqual([8, 8.5]);
  });

  test('who has priority is served first, and the others keep their least', () => {
    const of = network(24_000, outlet('A'), outlet('B', { priority: 1 }));
    expect(amps(at(0, of, [starting('A'), starting('B')]))).toEqual([8, 16]);
  });
});

describe('ED-14 turns, where not all can have the least', () => {
  const three = network(13_000, outlet('A'), outlet('B'), outlet('C'));
  const both = (onSinceMonoMs: number): Shares =>
    new Map([
      ['A', share(6500, { onSinceMonoMs })],
      ['B', share(6500, { onSinceMonoMs: onSinceMonoMs + 1000 })],
      ['C', share(0, { waitsSinceMonoMs: 5000, pausedMonoMs: 5000 })],
    ]);
  const demands = [charging('A', 6500), charging('B', 6500), charging('C', 0)];

  test('nobody loses a turn before it is over; then who began first makes room for who has waited longest', () => {
    expect(amps(at(PAUSED_AT_LEAST_MS + 5000, three, demands, both(0)))).toEqual([6.5, 6.5, 0]);
    const over = at(TURN_MS, three, demands, both(0));
    expect(amps(over)).toEqual([0, 6.5, 0]);
    expect(why(over)).toEqual(['turn', 'full', 'rises-slowly']);
  });

  test('a pile that cannot pause is not sent out of turn', () => {
    const of = network(13_000, outlet('A', { canPause: false }), outlet('B', { canPause: false }), outlet('C'));
    expect(amps(at(TURN_MS * 2, of, demands, both(0)))).toEqual([6.5, 6.5, 0]);
  });

  test('a charge that was paused stays so for some time, and goes on only where there is a little more than its least', () => {
    const of = network(13_000, outlet('A'), outlet('C'));
    const shares = new Map([['C', share(0, { waitsSinceMonoMs: 1000, pausedMonoMs: 1000, risesSinceMonoMs: 1000 })]]);
    const soon = at(PAUSED_AT_LEAST_MS, of, [charging('C', 0)], shares);
    expect([amps(soon), why(soon)[1]]).toEqual([[0, 0], 'paused']);
    expect(amps(at(PAUSED_AT_LEAST_MS + 1000, of, [charging('C', 0)], shares))).toEqual([0, 13]);
    const tight = network(6999, outlet('C'));
    expect(amps(at(PAUSED_AT_LEAST_MS + 1000, tight, [charging('C', 0)], shares))).toEqual([0]);
  });
});

describe('ED-14 limits are not written for nothing', () => {
  const one = (limitMa: number) => network(limitMa, outlet('A'));
  const has = new Map([['A', share(10_000)]]);

  test('more is granted when it has been there for 10 s, and is worth it', () => {
    const first = at(0, one(14_000), [charging('A', 10_000)], has);
    expect([amps(first), why(first)]).toEqual([[10], ['rises-slowly']]);
    expect(amps(at(9999, one(14_000), [charging('A', 10_000)], first.shares))).toEqual([10]);
    const risen = at(10_000, one(14_000), [charging('A', 10_000)], first.shares);
    expect(amps(risen)).toEqual([14]);
    expect(amps(at(90_000, one(10_900), [charging('A', 10_000)], first.shares))).toEqual([10]);
    const gone = at(5000, one(10_000), [charging('A', 10_000)], first.shares);
    expect(gone.shares.get('A')?.risesSinceMonoMs).toBeNull();
  });

  test('less is granted at once where a limit needs it, and otherwise only when it is worth it', () => {
    expect(amps(at(0, one(9900), [charging('A', 10_000)], has))).toEqual([9]);
    const two = network(20_000, outlet('A'), outlet('B'));
    const uneven = new Map([
      ['A', share(10_400)],
      ['B', share(9600)],
    ]);
    expect(amps(at(0, two, [charging('A', 10_400), charging('B', 9600)], uneven))).toEqual([10.4, 9.6]);
  });

  test('a little that is needed is taken from a few, and not from all', () => {
    const names = ['A', 'B', 'C', 'D'];
    const of = network(39_000, ...names.map((name) => outlet(name)));
    const demands = names.map((name) => charging(name, 10_000));
    const shares = new Map(names.map((name) => [name, share(10_000)]));
    expect(amps(at(0, of, demands, shares))).toEqual([9, 10, 10, 10]);
  });
});
