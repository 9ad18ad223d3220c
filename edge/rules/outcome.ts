import { type Influence, mergeInfluences, noInfluence, type Objection } from '../control/influence.ts';
import type { Holding } from './engine.ts';
import { isInScope, type Rule, type RuleSet, type RuleSite, textOfRule } from './rule-set.ts';

/** One rule at one connector. */
export interface RuleState {
  readonly isOn: boolean;
  /** Since when the conditions have been seen the other way round without a break; null when they are not. */
  readonly turningSinceMonoMs: number | null;
}

/** How the rules stand, by connector and rule. */
export interface Outcome {
  readonly lookedMonoMs: number;
  readonly states: ReadonlyMap<string, ReadonlyMap<string, RuleState>>;
}

/** A rule that has just begun, or ended, to have its effect. */
export interface Turn {
  readonly connectorId: string;
  readonly rule: Rule;
  readonly isOn: boolean;
}

export const nothingYet = (nowMonoMs: number): Outcome => ({ lookedMonoMs: nowMonoMs, states: new Map() });

/** Nobody has looked for so long: what a rule needs to be over must be seen anew. */
const LONGEST_GAP_MS = 10_000;
const off: RuleState = { isOn: false, turningSinceMonoMs: null };

type Connectors = RuleSite['connectors'];

/**
 * How the rules stand after one more look.
 *
 * @param takenMonoMs when what was looked at was so
 */
export function afterLook(
  before: Outcome,
  { rules }: RuleSet,
  connectors: Connectors,
  holding: Holding,
  takenMonoMs: number,
): Outcome {
  const isGap = takenMonoMs - before.lookedMonoMs > LONGEST_GAP_MS;
  const states = new Map(
    connectors.map((connector) => {
      const past = before.states.get(connector.connectorId);
      const held = holding.get(connector.connectorId);
      const inScope = rules.filter((rule) => isInScope(rule, connector));
      const next = inScope.map((rule) => {
        const was = past?.get(rule.ruleId) ?? off;
        // A connector that was not looked at keeps what it had.
        if (held === undefined) return [rule.ruleId, was] as const;
        return [rule.ruleId, turned(was, held.has(rule.ruleId), rule, takenMonoMs, isGap)] as const;
      });
      return [connector.connectorId, new Map(next)] as const;
    }),
  );
  return { lookedMonoMs: takenMonoMs, states };
}

function turned(was: RuleState, holds: boolean, rule: Rule, nowMonoMs: number, isGap: boolean): RuleState {
  if (holds === was.isOn) return { isOn: holds, turningSinceMonoMs: null };
  const begins = isGap && was.isOn ? null : was.turningSinceMonoMs;
  const sinceMonoMs = begins ?? nowMonoMs;
  const waitMs = (holds ? rule.forMs : rule.clearAfterMs) ?? 0;
  if (nowMonoMs - sinceMonoMs >= waitMs) return { isOn: holds, turningSinceMonoMs: null };
  return { isOn: was.isOn, turningSinceMonoMs: sinceMonoMs };
}

/** Nobody can tell any more: what a rule makes of missing facts is true at once; what had its effect keeps it. */
export function afterBlindness(before: Outcome, { rules }: RuleSet, connectors: Connectors): Outcome {
  const states = new Map(
    connectors.map((connector) => {
      const past = before.states.get(connector.connectorId);
      const next = rules
        .filter((rule) => isInScope(rule, connector))
        .map((rule) => {
          const was = past?.get(rule.ruleId) ?? off;
          const isOn = was.isOn || rule.whenMissing === 'trip';
          return [rule.ruleId, { isOn, turningSinceMonoMs: null }] as const;
        });
      return [connector.connectorId, new Map(next)] as const;
    }),
  );
  return { lookedMonoMs: before.lookedMonoMs, states };
}

/** What a new rule set takes over: rules that are word for word the same go on as they stand. */
export function carriedOver({ lookedMonoMs, states }: Outcome, before: RuleSet, after: RuleSet): Outcome {
  const same = new Set(
    after.rules
      .filter((rule) => before.rules.some((old) => JSON.stringify(old) === JSON.stringify(rule)))
      .map(({ ruleId }) => ruleId),
  );
  return {
    lookedMonoMs,
    states: new Map(
      [...states].map(([connectorId, rules]) => [
        connectorId,
        new Map([...rules].filter(([ruleId]) => same.has(ruleId))),
      ]),
    ),
  };
}

/** What has begun or ended from one look to the next. */
export function turnsBetween(before: Outcome, after: Outcome, { rules }: RuleSet): Turn[] {
  return [...after.states].flatMap(([connectorId, states]) =>
    rules.flatMap((rule) => {
      const was = before.states.get(connectorId)?.get(rule.ruleId)?.isOn ?? false;
      const isOn = states.get(rule.ruleId)?.isOn ?? false;
      return was === isOn ? [] : [{ connectorId, rule, isOn }];
    }),
  );
}

/** What the rules have to say to a connector. They can only tighten: no rule, no influence. */
export function influenceAt({ states }: Outcome, connectorId: string, { rules }: RuleSet): Influence {
  const on = rules.filter(({ ruleId }) => states.get(connectorId)?.get(ruleId)?.isOn === true);
  return mergeInfluences(on.map(influenceOf));
}

function influenceOf(rule: Rule): Influence {
  const objection: Objection = { fault: 'site-rule', detail: textOfRule(rule) };
  switch (rule.effect.kind) {
    case 'stop':
      return { ...noInfluence, stop: objection };
    case 'refuse':
      return { ...noInfluence, refuse: [objection] };
    case 'derate':
      return { ...noInfluence, ceilingMa: rule.effect.toMa };
    case 'alarm':
      return noInfluence;
  }
}
