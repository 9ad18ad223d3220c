import type { Condition } from './condition.ts';
import { type Facts, factNames } from './facts.ts';
import { type Rule, type RuleSet, type RuleSite, readRuleSet } from './rule-set.ts';
import type { Snapshot } from './snapshot.ts';

export const site: RuleSite = {
  connectors: [
    { connectorId: 'A-1', pileId: 'A' },
    { connectorId: 'B-1', pileId: 'B' },
  ],
  inputIds: ['smoke'],
};

const message = { en: 'Too much.', zh: '过大。' };
export const stop = { kind: 'stop', message } as const;
export const refuse = { kind: 'refuse', message } as const;
export const sound = { kind: 'alarm', message } as const;
export const derate = (toMa: number) => ({ kind: 'derate', toMa, message }) as const;

export const above = (fact: string, value: number): Condition => ({ fact, operator: 'greaterThan', value });
export const is = (fact: string, value: string | boolean | number): Condition => ({ fact, operator: 'equal', value });

/** A rule that stops above 20 A, as a document has it. */
export const rule = (change: Partial<Rule> = {}): Rule => ({
  ruleId: 'R1',
  scope: 'all',
  conditions: { all: [above('currentMa', 20_000)] },
  whenMissing: 'ignore',
  effect: stop,
  ...change,
});

export const documentOf = (rules: readonly unknown[], change: object = {}): string =>
  JSON.stringify({ rulesVersion: 1, rules, ...change });

export const ruleSetOf = (...rules: readonly Rule[]): RuleSet => readRuleSet(documentOf(rules), 'rules.json', site);

/** Nobody has told anything but what is given here. */
export const factsOf = (change: Facts = {}): Facts => ({
  ...Object.fromEntries([...factNames, 'inputs.smoke'].map((name) => [name, null])),
  ...change,
});

export const snapshotOf = (facts: Readonly<Record<string, Facts>>, takenMonoMs = 1000): Snapshot => ({
  takenMonoMs,
  connectors: new Map(Object.entries(facts).map(([connectorId, own]) => [connectorId, factsOf(own)])),
});
