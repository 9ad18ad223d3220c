import { Engine, type RuleProperties } from 'json-rules-engine';
import { type Condition, compare, comparisonsIn, operators } from './condition.ts';
import type { Facts, FactValue } from './facts.ts';
import type { RuleSet } from './rule-set.ts';
import type { Snapshot } from './snapshot.ts';

/** By connector: the rules whose conditions hold at this moment, in scope or not. */
export type Holding = ReadonlyMap<string, ReadonlySet<string>>;

/** Looks at one snapshot after the other; never at two at once. */
export type Evaluate = (snapshot: Snapshot) => Promise<Holding>;

type EngineCondition = RuleProperties['conditions'];

/**
 * One engine for one rule set. Connectors are looked at one after the other, with a breath in between for what drives the
 * piles, and only those where a fact that some rule asks for has changed.
 *
 * @param breathe lets everything else that is due run first
 */
export function engineFor(ruleSet: RuleSet, breathe: () => Promise<void>): Evaluate {
  const engine = newEngine(ruleSet);
  const asked = [...new Set(ruleSet.rules.flatMap(({ conditions }) => comparisonsIn(conditions)).map((c) => c.fact))];
  let last = new Map<string, { readonly key: string; readonly holding: ReadonlySet<string> }>();
  return async ({ connectors }) => {
    const present: typeof last = new Map();
    for (const [connectorId, facts] of connectors) {
      const key = JSON.stringify(asked.map((fact) => facts[fact]));
      const known = last.get(connectorId);
      if (known?.key === key) {
        present.set(connectorId, known);
        continue;
      }
      present.set(connectorId, { key, holding: await holdingAt(engine, facts, ruleSet.rules.length) });
      await breathe();
    }
    last = present;
    return new Map([...present].map(([connectorId, { holding }]) => [connectorId, holding]));
  };
}

/** @throws Error when a rule was not evaluated: an engine that is run twice at once leaves rules out without a word */
async function holdingAt(engine: Engine, facts: Facts, rules: number): Promise<ReadonlySet<string>> {
  const { results, failureResults } = await engine.run(facts);
  if (results.length + failureResults.length !== rules)
    throw new Error(`${results.length + failureResults.length} of ${rules} rules were evaluated`);
  return new Set(results.map(({ name }) => name));
}

function newEngine({ rules }: RuleSet): Engine {
  const pathResolver = () => {
    throw new TypeError('site rules have no paths');
  };
  const engine = new Engine([], { pathResolver });
  for (const operator of operators) {
    for (const whenMissing of [true, false])
      engine.addOperator<FactValue, never>(operatorName(operator, whenMissing), (fact, value) =>
        fact === null ? whenMissing : compare(fact, operator, value),
      );
  }
  for (const { ruleId, conditions, whenMissing } of rules)
    engine.addRule({ name: ruleId, conditions: top(conditions, whenMissing === 'trip'), event: { type: 'holds' } });
  return engine;
}

/** The engine takes what stands before a ":" in an operator's name for something else. */
const operatorName = (operator: string, whenMissing: boolean): string =>
  `${operator}, ${whenMissing ? 'or missing' : 'and told'}`;

function top(condition: Condition, whenMissing: boolean): EngineCondition {
  if ('all' in condition) return { all: condition.all.map((inner) => translated(inner, whenMissing)) };
  if ('any' in condition) return { any: condition.any.map((inner) => translated(inner, whenMissing)) };
  if ('not' in condition) return { not: translated(condition.not, !whenMissing) };
  return { all: [translated(condition, whenMissing)] };
}

/**
 * The condition in the engine's words, copied key by key. Under a "not" a missing fact counts the other way round, so that
 * it speaks for the rule, or against it, wherever it stands.
 */
function translated(condition: Condition, whenMissing: boolean): Parameters<typeof asNested>[0] {
  if (!('fact' in condition)) return asNested(top(condition, whenMissing));
  const { fact, operator, value } = condition;
  return asNested({ fact, operator: operatorName(operator, whenMissing), value });
}

type Nested = Extract<EngineCondition, { not: unknown }>['not'];
const asNested = (condition: Nested): Nested => condition;
