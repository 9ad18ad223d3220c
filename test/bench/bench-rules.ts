const RULES = 50;
const COMPARISONS = 10;
const effects = ['stop', 'refuse', 'derate', 'alarm'] as const;
const message = { en: 'Bench.', zh: '基准测试。' };
/** Above anything that a box tells: the rules are looked at in full, and none of them trips. */
const NEVER = 900_000;
const facts = ['currentMa', 'powerW', 'temperatureDc', 'sessionEnergyWh', 'sessionMinutes'];

/** Fifty rules for all connectors with ten comparisons each: as many comparisons as a rule set may have. */
export function benchRules(): string {
  const rules = Array.from({ length: RULES }, (_, i) => ({
    ruleId: `R${i + 1}`,
    scope: 'all',
    conditions: {
      any: Array.from({ length: COMPARISONS }, (__, j) => ({
        fact: facts[(i + j) % facts.length],
        operator: 'greaterThan',
        value: NEVER + i,
      })),
    },
    whenMissing: 'ignore',
    forMs: 0,
    clearAfterMs: 60_000,
    effect: effectOf(effects[i % effects.length] ?? 'stop'),
  }));
  return JSON.stringify({ rulesVersion: 1, rules });
}

const effectOf = (kind: (typeof effects)[number]) =>
  kind === 'derate' ? { kind, toMa: 6000, message } : { kind, message };
