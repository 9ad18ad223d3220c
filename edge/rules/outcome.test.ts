import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Influence, mergeInfluences, noInfluence } from '../control/influence.ts';
import { engineFor } from './engine.ts';
import {
  afterBlindness,
  afterLook,
  carriedOver,
  influenceAt,
  nothingYet,
  type Outcome,
  turnsBetween,
} from './outcome.ts';
import type { Rule, RuleSet } from './rule-set.ts';
import { above, derate, is, refuse, rule, ruleSetOf, site, snapshotOf, sound, stop } from './testing.ts';

const objection = (ruleId: string) => ({ fault: 'site-rule', detail: `${ruleId}: Too much. / 过大。` });

/** One look: the rules that hold at A-1, and at B-1. */
function look(before: Outcome, ruleSet: RuleSet, atMs: number, atA: string[], atB: string[] = []): Outcome {
  const holding = new Map([
    ['A-1', new Set(atA)],
    ['B-1', new Set(atB)],
  ]);
  return afterLook(before, ruleSet, site.connectors, holding, atMs);
}

const isOn = (outcome: Outcome, ruleId = 'R1', connectorId = 'A-1') =>
  outcome.states.get(connectorId)?.get(ruleId)?.isOn;

describe('ED-06 each effect is one way of tightening', () => {
  test.each([
    ['stop', stop, { ...noInfluence, stop: objection('R1') }],
    ['refuse', refuse, { ...noInfluence, refuse: [objection('R1')] }],
    ['derate', derate(10_000), { ...noInfluence, ceilingMa: 10_000 }],
    ['derate to a pause', derate(0), { ...noInfluence, ceilingMa: 0 }],
    ['alarm', sound, noInfluence],
  ])('%s', (_, effect, influence) => {
    const ruleSet = ruleSetOf(rule({ effect, clearAfterMs: 60_000 }));
    const outcome = look(nothingYet(0), ruleSet, 0, ['R1']);
    expect(influenceAt(outcome, 'A-1', ruleSet)).toEqual(influence);
    expect(influenceAt(outcome, 'B-1', ruleSet)).toEqual(noInfluence);
  });

  test('together: the first stop is named, every refusal counts, the lowest ceiling holds', () => {
    const effects = [derate(16_000), refuse, derate(8000), stop, refuse, stop, derate(12_000)];
    const ruleSet = ruleSetOf(...effects.map((effect, i) => rule({ ruleId: `R${i}`, effect })));
    const outcome = look(
      nothingYet(0),
      ruleSet,
      0,
      ruleSet.rules.map(({ ruleId }) => ruleId),
    );
    expect(influenceAt(outcome, 'A-1', ruleSet)).toEqual({
      refuse: [objection('R1'), objection('R4')],
      stop: objection('R3'),
      ceilingMa: 8000,
      grantMa: null,
    });
  });
});

test('ED-06 a rule has its effect only in its scope', () => {
  const ruleSet = ruleSetOf(
    rule({ ruleId: 'R1', scope: { connectors: ['A-1'] } }),
    rule({ ruleId: 'R2', scope: { piles: ['B'] }, effect: derate(0) }),
  );
  const outcome = look(nothingYet(0), ruleSet, 0, ['R1', 'R2'], ['R1', 'R2']);
  expect(influenceAt(outcome, 'A-1', ruleSet)).toEqual({ ...noInfluence, stop: objection('R1') });
  expect(influenceAt(outcome, 'B-1', ruleSet)).toEqual({ ...noInfluence, ceilingMa: 0 });
});

describe('ED-06 debounce and hysteresis', () => {
  const ruleSet = ruleSetOf(rule({ forMs: 3000, clearAfterMs: 5000 }));
  /** Looks once a second; "x": the conditions hold. Returns when the rule is on. */
  const course = (looks: string) => {
    let outcome = nothingYet(0);
    return [...looks]
      .map((sign, i) => {
        outcome = look(outcome, ruleSet, 1000 * i, sign === 'x' ? ['R1'] : []);
        return isOn(outcome) === true ? '#' : '.';
      })
      .join('');
  };

  test.each([
    ['conditions that hold too short a time have no effect', 'xxx.xxx.', '........'],
    ['they have it when they have held long enough', 'xxxxx', '...##'],
    ['it ends when they have not held long enough', 'xxxx.......', '...######..'],
    ['a return begins the end anew', 'xxxx....x......', '...###########.'],
  ])('%s', (_, looks, effect) => {
    expect(course(looks)).toBe(effect);
  });

  test('time in which nobody looked ends no effect', () => {
    const on = look(look(nothingYet(0), ruleSet, 0, ['R1']), ruleSet, 3000, ['R1']);
    const ending = look(on, ruleSet, 4000, []);
    expect(isOn(look(ending, ruleSet, 9000, []))).toBe(false);
    const later = look(ending, ruleSet, 60_000, []);
    expect(isOn(later)).toBe(true);
    expect(isOn(look(later, ruleSet, 65_000, []))).toBe(false);
  });

  test('without times a rule follows at once', () => {
    const quick = ruleSetOf(rule());
    const on = look(nothingYet(0), quick, 0, ['R1']);
    expect([isOn(on), isOn(look(on, quick, 1, []))]).toEqual([true, false]);
  });

  test('a connector that was not looked at keeps what it had', () => {
    const quick = ruleSetOf(rule());
    const on = look(nothingYet(0), quick, 0, ['R1']);
    expect(isOn(afterLook(on, quick, site.connectors, new Map(), 1000))).toBe(true);
  });
});

test('ED-06 turns are told once, by rule and connector', () => {
  const ruleSet = ruleSetOf(rule());
  const on = look(nothingYet(0), ruleSet, 0, ['R1']);
  const turns = (before: Outcome, after: Outcome) =>
    turnsBetween(before, after, ruleSet).map((turn) => [turn.connectorId, turn.rule.ruleId, turn.isOn]);
  expect(turns(nothingYet(0), on)).toEqual([['A-1', 'R1', true]]);
  expect(turns(on, look(on, ruleSet, 1, ['R1']))).toEqual([]);
  expect(turns(on, look(on, ruleSet, 1, [], ['R1']))).toEqual([
    ['A-1', 'R1', false],
    ['B-1', 'R1', true],
  ]);
});

test('ED-06 blind, a rule counts as its author said of missing facts, and what has its effect keeps it', () => {
  const ruleSet = ruleSetOf(
    rule({ ruleId: 'R1', whenMissing: 'trip', forMs: 60_000 }),
    rule({ ruleId: 'R2', effect: derate(8000) }),
    rule({ ruleId: 'R3', effect: refuse }),
  );
  const before = look(nothingYet(0), ruleSet, 0, ['R2']);
  const blind = afterBlindness(before, ruleSet, site.connectors);
  expect(influenceAt(blind, 'A-1', ruleSet)).toEqual({ ...noInfluence, stop: objection('R1'), ceilingMa: 8000 });
  expect(influenceAt(blind, 'B-1', ruleSet)).toEqual({ ...noInfluence, stop: objection('R1') });
});

test('ED-06 a rule that is the same in the next version goes on as it stands; a changed one begins anew', () => {
  const before = ruleSetOf(rule({ ruleId: 'R1', forMs: 5000 }), rule({ ruleId: 'R2' }), rule({ ruleId: 'R3' }));
  const after = ruleSetOf(rule({ ruleId: 'R1', forMs: 5000 }), rule({ ruleId: 'R2', note: 'changed' }));
  const outcome = carriedOver(look(nothingYet(0), before, 1000, ['R1', 'R2', 'R3']), before, after);
  expect([...(outcome.states.get('A-1') ?? [])]).toEqual([['R1', { isOn: false, turningSinceMonoMs: 1000 }]]);
});

describe('ED-06 no rule set can loosen anything', () => {
  const arbitraryRule: fc.Arbitrary<Omit<Rule, 'ruleId'>> = fc.record({
    scope: fc.constantFrom<Rule['scope']>('all', { connectors: ['A-1'] }, { piles: ['B'] }),
    whenMissing: fc.constantFrom('trip', 'ignore'),
    forMs: fc.nat(3000),
    clearAfterMs: fc.integer({ min: 60_000, max: 70_000 }),
    effect: fc.oneof(
      fc.constantFrom(stop, refuse, sound),
      fc.nat(100_000).map((toMa) => derate(toMa)),
    ),
    conditions: fc
      .letrec<{ node: Rule['conditions']; leaf: Rule['conditions'] }>((tie) => ({
        leaf: fc.oneof(
          fc.integer({ min: -5, max: 5 }).map((value) => above('currentMa', value)),
          fc.boolean().map((value) => is('plugged', value)),
        ),
        node: fc.oneof(
          { maxDepth: 3 },
          tie('leaf'),
          fc.array(tie('node'), { minLength: 1, maxLength: 2 }).map((all) => ({ all })),
          fc.array(tie('node'), { minLength: 1, maxLength: 2 }).map((any) => ({ any })),
          tie('node').map((not) => ({ not })),
        ),
      }))
      .node.map((inner) => ({ all: [inner] })),
  });
  const arbitraryFacts = fc.record({
    currentMa: fc.option(fc.integer({ min: -6, max: 6 })),
    plugged: fc.option(fc.boolean()),
  });
  const arbitraryInfluence = fc.record({
    refuse: fc.constantFrom<Influence['refuse']>([], [{ fault: 'parking-lock-fault', detail: 'G1' }]),
    stop: fc.constantFrom(null, { fault: 'emergency-stop' as const, detail: 'E1' }),
    ceilingMa: fc.option(fc.nat(100_000)),
    grantMa: fc.option(fc.nat(100_000)),
  });

  test('whatever the rules and facts, every stop, refusal and ceiling of another stays', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryRule, { minLength: 1, maxLength: 4 }),
        fc.array(arbitraryFacts, { minLength: 1, maxLength: 5 }),
        arbitraryInfluence,
        async (rules, course, other) => {
          const ruleSet = ruleSetOf(...rules.map((own, i) => ({ ruleId: `R${i}`, ...own })));
          const evaluate = engineFor(ruleSet, () => Promise.resolve());
          let outcome = nothingYet(0);
          for (const [i, facts] of course.entries()) {
            const snapshot = snapshotOf({ 'A-1': facts, 'B-1': facts }, 1000 * i);
            outcome = afterLook(outcome, ruleSet, site.connectors, await evaluate(snapshot), 1000 * i);
            for (const last of [outcome, afterBlindness(outcome, ruleSet, site.connectors)]) {
              const merged = mergeInfluences([other, influenceAt(last, 'A-1', ruleSet)]);
              expect(merged.ceilingMa ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(
                other.ceilingMa ?? Number.POSITIVE_INFINITY,
              );
              if (other.stop !== null) expect(merged.stop).toEqual(other.stop);
              expect(merged.refuse).toEqual(expect.arrayContaining([...other.refuse]));
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a fact that is not told never speaks against a rule that trips, nor for one that ignores', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryRule, arbitraryFacts, async (own, told) => {
        const at = async (whenMissing: Rule['whenMissing'], facts: object) => {
          const evaluate = engineFor(ruleSetOf({ ruleId: 'R1', ...own, whenMissing }), () => Promise.resolve());
          return (await evaluate(snapshotOf({ 'A-1': { ...facts } }))).get('A-1')?.has('R1') === true;
        };
        const holdsTold = await at('ignore', { currentMa: 0, plugged: true, ...toldOnly(told) });
        if (holdsTold) expect(await at('trip', told)).toBe(true);
        if (await at('ignore', told)) expect(holdsTold).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

const toldOnly = (facts: object) => Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== null));
