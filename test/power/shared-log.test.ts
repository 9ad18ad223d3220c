import { expect, test } from 'vitest';
import { noDemand } from '../../edge/power/demand.ts';
import { network, outlet, starting } from '../../edge/power/testing.ts';
import { madeAgain, unexplained, type Wiring } from './shared-log.ts';

/** What the power runs ask of the log, asked of logs that are wrong. */

const wiring: Wiring = {
  pileIds: ['A', 'B'],
  nodesAbove: () => ['site'],
  limitsA: new Map([['site', 20]]),
  loads: (pileId) => ({ phases: [0], draw: pileId === 'B' ? 1.5 : 1 }),
};

const line = (changes: readonly [string, number | null, number, string?][], mayTakeMa = 0) => ({
  msg: 'the supply is shared anew',
  time: 1,
  changes: changes.map(([pileId, fromMa, toMa, because = 'own limit']) => ({
    connectorId: `${pileId}-1`,
    fromMa,
    toMa,
    because,
  })),
  nowMonoMs: 1,
  mayRaise: true,
  limits: [{ nodeId: 'site', ma: [20_000, 0, 0] }],
  demands: [{ ...noDemand('A-1'), mayTakeMa }],
  shares: {},
});
const found = line([
  ['A', null, 0],
  ['B', null, 0],
]);

test('ED-14 a log that adds up is explained, through a restart that finds more than it would give', () => {
  const given = line([['A', 0, 8000, 'site L1 carries 20.0 A']]);
  expect(unexplained([found, given, line([['B', 0, 8000]], 8000)], wiring)).toEqual([]);
  expect(unexplained([line([['A', null, 32_000]]), line([['A', 32_000, 8000]], 32_000)], wiring)).toEqual([]);
});

test.each([
  ['more is given than fits', line([['B', 0, 14_000]]), 'site 0 carries 20000 mA, and 21000 are given'],
  ['what may still flow is not counted', line([['B', 0, 8000]], 9000), 'site 0 carries 20000 mA, and 21000 are given'],
  ['a change is missing', line([['A', 6000, 8000]]), 'A-1 had 0, and is changed from 6000'],
  ['a reason names another limit', line([['A', 0, 8000, 'site L1 carries 25.0 A, less']]), 'is not in its limits'],
])('ED-14 a log in which %s is not explained', (_name, wrong, complaint) => {
  expect(unexplained([found, wrong], wiring).join()).toContain(complaint);
});

test('ED-14 a decision is made again from its line, and one that was made otherwise is found', () => {
  const site = network(20_000, outlet('A-1', { loads: [true, false, false], order: [0] }));
  const of = (toMa: number) => ({ ...line([['A', 0, toMa]]), demands: [starting('A-1')] });
  expect(madeAgain([of(16_000), line([])], site, 900_000)).toEqual({ made: 2, wrong: [] });
  expect(madeAgain([of(15_000)], site, 900_000).wrong).toEqual(['at 1: A-1 was given 15000, and is given 16000 now']);
});
