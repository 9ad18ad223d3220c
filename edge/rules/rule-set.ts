import { z } from 'zod';
import { complaintsOf, describeComplaints } from '#shared/complaints.ts';
import { type Complaint, PilegateError } from '#shared/errors.ts';
import { connectorIdSchema, pileIdSchema } from '#shared/ids.ts';
import { isKnownZone } from '#shared/local-time.ts';
import { comparisonsIn, conditionsSchema } from './condition.ts';
import { inputIdOf, isLocalTime } from './facts.ts';

export const MAX_RULES = 100;
/** In the whole document: one look at a connector evaluates all of them on the thread that drives the piles. */
export const MAX_CONDITIONS = 500;
export const MAX_DOCUMENT_BYTES = 65_536;
/** An alarm whose value swings about its limit would fill the outbox: it is over only after so long. */
export const ALARM_CLEARS_AFTER_MS = 60_000;
const A_DAY_MS = 86_400_000;

const ruleIdSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$/,
    'letters, digits, "-" and "_", at most 48, beginning with a letter or digit',
  );
const messageSchema = z.strictObject({ en: z.string().min(1).max(200), zh: z.string().min(1).max(200) });

const scopeSchema = z.union([
  z.literal('all'),
  z.strictObject({ connectors: z.array(connectorIdSchema).min(1).max(64) }),
  z.strictObject({ piles: z.array(pileIdSchema).min(1).max(64) }),
]);

/** There is no effect that allows anything. */
const effectSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('stop'), message: messageSchema }),
  /** `toMa`: the most that is offered, per phase; 0 pauses. */
  z.strictObject({ kind: z.literal('derate'), toMa: z.int().nonnegative().max(1_000_000), message: messageSchema }),
  z.strictObject({ kind: z.literal('refuse'), message: messageSchema }),
  z.strictObject({ kind: z.literal('alarm'), message: messageSchema }),
]);

const ruleSchema = z
  .strictObject({
    ruleId: ruleIdSchema,
    note: z.string().max(500).optional(),
    scope: scopeSchema,
    conditions: conditionsSchema,
    /** What a comparison with a fact that nobody told counts as: for the rule, or against it. No default in safety. */
    whenMissing: z.enum(['trip', 'ignore']),
    /** The conditions must hold for so long before the effect begins. */
    forMs: z.int().nonnegative().max(A_DAY_MS).optional(),
    /** They must not hold for so long before it ends. */
    clearAfterMs: z.int().nonnegative().max(A_DAY_MS).optional(),
    effect: effectSchema,
  })
  .superRefine(({ effect, clearAfterMs }, context) => {
    if (effect.kind === 'alarm' && (clearAfterMs ?? 0) < ALARM_CLEARS_AFTER_MS)
      context.addIssue({
        code: 'custom',
        path: ['clearAfterMs'],
        message: `an alarm needs at least ${ALARM_CLEARS_AFTER_MS}, or a value that swings would raise it without end`,
      });
  });
export type Rule = z.infer<typeof ruleSchema>;

export const ruleSetSchema = z
  .strictObject({
    /** The schema, for the editor. */
    $schema: z.string().optional(),
    /** Versions only rise, and one never changes. */
    rulesVersion: z.int().positive(),
    timezone: z.string().refine(isKnownZone, 'an IANA time zone such as Asia/Shanghai').optional(),
    rules: z.array(ruleSchema).max(MAX_RULES),
  })
  .superRefine(({ rules, timezone }, context) => {
    const add = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    rules.forEach(({ ruleId, conditions }, i) => {
      const first = rules.findIndex((other) => other.ruleId === ruleId);
      if (first < i) add(['rules', i, 'ruleId'], `"${ruleId}" is rules.${first} already`);
      const local = comparisonsIn(conditions).find(({ fact }) => isLocalTime(fact));
      if (local !== undefined && timezone === undefined)
        add(['timezone'], `needed: rules.${i} asks for "${local.fact}"`);
    });
    const count = rules.reduce((sum, { conditions }) => sum + comparisonsIn(conditions).length, 0);
    if (count > MAX_CONDITIONS) add(['rules'], `${count} comparisons; a rule set has at most ${MAX_CONDITIONS}`);
  });
export type RuleSet = z.infer<typeof ruleSetSchema>;

/** What of a site a rule may name. */
export interface RuleSite {
  readonly connectors: readonly { readonly connectorId: string; readonly pileId: string }[];
  readonly inputIds: readonly string[];
}

/**
 * Reads a rule set.
 *
 * @param file what it is called in a refusal
 * @param site null: the names in it are not checked
 * @throws PilegateError `config.invalid` with file, path and what was expected there
 */
export function readRuleSet(text: string, file: string, site: RuleSite | null): RuleSet {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DOCUMENT_BYTES)
    throw refusal(file, [
      { path: '(document)', reason: `${bytes} bytes; a rule set has at most ${MAX_DOCUMENT_BYTES}` },
    ]);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw refusal(
      file,
      [{ path: '(document)', reason: cause instanceof Error ? cause.message : String(cause) }],
      cause,
    );
  }
  const parsed = ruleSetSchema.safeParse(document);
  if (!parsed.success) throw refusal(file, complaintsOf(parsed.error));
  const unknown = site === null ? [] : parsed.data.rules.flatMap((rule, i) => unknownNames(rule, `rules.${i}`, site));
  if (unknown.length > 0) throw refusal(file, unknown);
  return parsed.data;
}

function refusal(file: string, complaints: readonly Complaint[], cause?: unknown): PilegateError {
  const options = cause === undefined ? { complaints } : { complaints, cause };
  return new PilegateError('config.invalid', `${file}: ${describeComplaints(complaints)}`, options);
}

/** A rule for a connector that is not there would silently do nothing. */
function unknownNames({ scope, conditions }: Rule, path: string, site: RuleSite): Complaint[] {
  const complaints: Complaint[] = [];
  const need = (part: string, key: 'connectorId' | 'pileId', names: readonly string[]) =>
    names.forEach((name, i) => {
      if (!site.connectors.some((connector) => connector[key] === name))
        complaints.push({ path: `${path}.scope.${part}.${i}`, reason: `the site has no "${name}"` });
    });
  if (scope !== 'all' && 'connectors' in scope) need('connectors', 'connectorId', scope.connectors);
  if (scope !== 'all' && 'piles' in scope) need('piles', 'pileId', scope.piles);
  for (const { fact } of comparisonsIn(conditions)) {
    const inputId = inputIdOf(fact);
    if (inputId !== null && !site.inputIds.includes(inputId))
      complaints.push({ path: `${path}.conditions`, reason: `"${fact}": the site has no input "${inputId}"` });
  }
  return complaints;
}

/** Whether a rule is for a connector. */
export function isInScope({ scope }: Rule, connector: RuleSite['connectors'][number]): boolean {
  if (scope === 'all') return true;
  return 'connectors' in scope
    ? scope.connectors.includes(connector.connectorId)
    : scope.piles.includes(connector.pileId);
}

/** "hot-bay: The bay is hot. / 车位过热。" */
export const textOfRule = ({ ruleId, effect }: Rule): string =>
  `${ruleId}: ${effect.message.en} / ${effect.message.zh}`;
