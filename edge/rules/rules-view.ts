import type { Outcome } from './outcome.ts';
import type { RuleHistory } from './rule-history.ts';
import { type RuleSet, textOfRule } from './rule-set.ts';

/** One rule as the technician sees it. */
export interface RuleView {
  readonly ruleId: string;
  /** "stop", "derate to 10000 mA". */
  readonly effect: string;
  readonly message: string;
  /** Connectors at which it has its effect. */
  readonly on: readonly string[];
  /** Connectors at which it is about to begin or to end. */
  readonly turning: readonly string[];
}

/** The site rules as the technician sees them. */
export interface RulesView {
  /** Null while no rules are in force. */
  readonly version: number | null;
  readonly rules: readonly RuleView[];
  /** Newest first. Those above the one in force were rolled back. */
  readonly versions: readonly number[];
  /** Why the rules are not looked at as they should be; null when they are. */
  readonly trouble: string | null;
  /** Why the last rules that were offered were refused; null when they were taken. */
  readonly refused: string | null;
}

export function viewOfRules(parts: {
  readonly ruleSet: RuleSet | null;
  readonly outcome: Outcome;
  readonly history: RuleHistory;
  readonly trouble: string | null;
  readonly refused: string | null;
}): RulesView {
  const { ruleSet, outcome, history, trouble, refused } = parts;
  const where = (ruleId: string, is: (state: { isOn: boolean; turningSinceMonoMs: number | null }) => boolean) =>
    [...outcome.states].flatMap(([connectorId, rules]) => {
      const state = rules.get(ruleId);
      return state !== undefined && is(state) ? [connectorId] : [];
    });
  return {
    version: ruleSet === null ? null : ruleSet.rulesVersion,
    rules: (ruleSet?.rules ?? []).map((rule) => ({
      ruleId: rule.ruleId,
      effect: rule.effect.kind === 'derate' ? `derate to ${rule.effect.toMa} mA` : rule.effect.kind,
      message: textOfRule(rule),
      on: where(rule.ruleId, ({ isOn }) => isOn),
      turning: where(rule.ruleId, ({ turningSinceMonoMs }) => turningSinceMonoMs !== null),
    })),
    versions: history.map(({ version }) => version),
    trouble,
    refused,
  };
}
