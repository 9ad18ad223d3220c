import { Engine } from 'json-rules-engine';
import { describe, expect, test, vi } from 'vitest';
import type { Comparison, Condition } from './condition.ts';
import { engineFor } from './engine.ts';
import type { Facts, FactValue } from './facts.ts';
import type { Rule } from './rule-set.ts';
import { above, is, rule, ruleSetOf, snapshotOf } from './testing.ts';

const noBreath = () => Promise.resolve();

/** Whether one rule holds at a connector with these facts. */
async function holds(change: Partial<Rule>, facts: Facts): Promise<boolean> {
  const evaluate = engineFor(ruleSetOf(rule(change)), noBreath);
  const holding = await evaluate(snapshotOf({ 'A-1': facts }));
  return holding.get('A-1')?.has('R1') === true;
}

describe('ED-06 a comparison holds as it says', () => {
  test.each<[Comparison, FactValue, FactValue]>([
    [{ fact: 'powerW', operator: 'equal', value: 5 }, 5, 6],
    [{ fact: 'powerW', operator: 'notEqual', value: 5 }, 6, 5],
    [{ fact: 'powerW', operator: 'lessThan', value: 5 }, 4, 5],
    [{ fact: 'powerW', operator: 'lessThanInclusive', value: 5 }, 5, 6],
    [{ fact: 'powerW', operator: 'greaterThan', value: 5 }, 6, 5],
    [{ fact: 'powerW', operator: 'greaterThanInclusive', value: 5 }, 5, 4],
    [{ fact: 'powerW', operator: 'in', value: [5, 7] }, 7, 6],
    [{ fact: 'powerW', operator: 'notIn', value: [5, 7] }, 6, 7],
    [{ fact: 'status', operator: 'equal', value: 'charging' }, 'charging', 'plugged'],
    [{ fact: 'plugged', operator: 'notEqual', value: true }, false, true],
    [{ fact: 'faults', operator: 'contains', value: 'pile-fault' }, ['pile-fault'], ['over-current']],
    [{ fact: 'faults', operator: 'doesNotContain', value: 'pile-fault' }, [], ['pile-fault']],
  ])('%j', async (comparison, held, free) => {
    const conditions = { all: [comparison] };
    expect(await holds({ conditions }, { [comparison.fact]: held })).toBe(true);
    expect(await holds({ conditions }, { [comparison.fact]: free })).toBe(false);
    // Nobody told: what the rule says, and under a "not" as well.
    for (const shape of [conditions, { not: comparison }, { not: { not: { any: [comparison] } } }]) {
      expect(await holds({ conditions: shape, whenMissing: 'ignore' }, {})).toBe(false);
      expect(await holds({ conditions: shape, whenMissing: 'trip' }, {})).toBe(true);
    }
  });
});

test('ED-06 all, any and not mean what they say, five levels deep', async () => {
  const conditions: Condition = {
    all: [
      { any: [above('powerW', 10), { not: { any: [{ all: [is('plugged', true), above('currentMa', 5)] }] } }] },
      is('linkUp', false),
    ],
  };
  const facts = { powerW: 0, plugged: true, currentMa: 6, linkUp: false };
  expect(await holds({ conditions }, facts)).toBe(false);
  expect(await holds({ conditions }, { ...facts, powerW: 11 })).toBe(true);
  expect(await holds({ conditions }, { ...facts, currentMa: 5 })).toBe(true);
  expect(await holds({ conditions }, { ...facts, currentMa: 5, linkUp: true })).toBe(false);
});

test('ED-06 a fact of another kind than declared is an error, not a comparison that never holds', async () => {
  await expect(holds({}, { currentMa: '21000' })).rejects.toThrow('needed is a number, got string');
  await expect(holds({}, { currentMa: Number.NaN })).rejects.toThrow('needed is a number');
});

test('ED-06 a fact that the snapshot does not have is an error', async () => {
  const evaluate = engineFor(ruleSetOf(rule()), noBreath);
  const connectors = new Map([['A-1', { powerW: 1 }]]);
  await expect(evaluate({ takenMonoMs: 0, connectors })).rejects.toThrow('Undefined fact: currentMa');
});

test('ED-06 an engine that leaves a rule out is an error', async () => {
  const run = vi.spyOn(Engine.prototype, 'run');
  run.mockImplementationOnce(async function (this: Engine, facts) {
    const result = await new Engine([], {}).run(facts);
    return result;
  });
  await expect(holds({}, { currentMa: 1 })).rejects.toThrow('0 of 1 rules were evaluated');
  run.mockRestore();
});

describe('ED-06 the work is bounded', () => {
  /** 100 rules, 5 levels deep, 500 comparisons: the most that a document may hold. */
  const heaviest = ruleSetOf(
    ...Array.from({ length: 100 }, (_, i) =>
      rule({
        ruleId: `R${i}`,
        conditions: {
          any: [
            { all: [{ not: { any: [{ all: [above('currentMa', i), above('powerW', i)] }] } }, is('plugged', false)] },
            above('sitePowerW', i),
            is('linkUp', false),
          ],
        },
      }),
    ),
  );

  test('connectors of which nothing has changed are not evaluated again, and each breathes', async () => {
    const run = vi.spyOn(Engine.prototype, 'run');
    let breaths = 0;
    const evaluate = engineFor(heaviest, () => {
      breaths += 1;
      return Promise.resolve();
    });
    const facts = { currentMa: 16_000, powerW: 3600, plugged: true, sitePowerW: 7000, linkUp: true };
    const first = await evaluate(snapshotOf({ 'A-1': facts, 'B-1': { ...facts, currentMa: 0 } }));
    expect([run.mock.calls.length, breaths]).toEqual([2, 2]);
    // A fact that no rule asks for.
    const again = await evaluate(snapshotOf({ 'A-1': facts, 'B-1': { ...facts, currentMa: 0, temperatureDc: 999 } }));
    expect([run.mock.calls.length, breaths]).toEqual([2, 2]);
    expect(again).toEqual(first);
    await evaluate(snapshotOf({ 'A-1': { ...facts, linkUp: false }, 'B-1': { ...facts, currentMa: 0 } }));
    expect([run.mock.calls.length, breaths]).toEqual([3, 3]);
    run.mockRestore();
  });

  test('ten times the rules take about ten times as long, not a hundred times', async () => {
    const fewer = { ...heaviest, rules: heaviest.rules.slice(0, 10) };
    /** The shortest of many: what else the machine does only adds. */
    const shortestMs = async (ruleSet: typeof heaviest) => {
      const evaluate = engineFor(ruleSet, noBreath);
      let shortest = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 60; i += 1) {
        const began = performance.now();
        await evaluate(snapshotOf({ 'A-1': { currentMa: i, powerW: 0, plugged: false, sitePowerW: 0, linkUp: true } }));
        shortest = Math.min(shortest, performance.now() - began);
      }
      return shortest;
    };
    await shortestMs(heaviest);
    expect((await shortestMs(heaviest)) / (await shortestMs(fewer))).toBeLessThan(30);
  });
});
