import { z } from 'zod';
import { type FactKind, type FactValue, factKindOf, factNames } from './facts.ts';

export const MAX_DEPTH = 5;
export const MAX_CONDITIONS_PER_RULE = 20;

const operatorSchema = z.enum([
  'equal',
  'notEqual',
  'in',
  'notIn',
  'lessThan',
  'lessThanInclusive',
  'greaterThan',
  'greaterThanInclusive',
  'contains',
  'doesNotContain',
]);
/** The names are those of json-rules-engine. */
export type Operator = z.infer<typeof operatorSchema>;

const wordSchema = z.string().min(1).max(64);
const valueSchema = z.union([
  z.int(),
  z.boolean(),
  wordSchema,
  z
    .array(z.union([z.int(), wordSchema]))
    .min(1)
    .max(64),
]);
type Value = z.infer<typeof valueSchema>;

/** One fact compared with one value. */
export interface Comparison {
  readonly fact: string;
  readonly operator: Operator;
  readonly value: Value;
}

export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | Comparison;

const comparisonShape = {
  fact: z
    .string()
    .max(64)
    .meta({ examples: [...factNames, 'inputs.<inputId>'] })
    .optional(),
  operator: operatorSchema.optional(),
  value: valueSchema.optional(),
} as const;

/** What is written at one place of the tree, before it is known which of the kinds it is. */
interface Node {
  readonly all?: readonly Condition[] | undefined;
  readonly any?: readonly Condition[] | undefined;
  readonly not?: Condition | undefined;
  readonly fact?: string | undefined;
  readonly operator?: Operator | undefined;
  readonly value?: Value | undefined;
}

const tooDeep = z.never({ error: `conditions are at most ${MAX_DEPTH} levels deep` }).optional();

/**
 * Conditions so many levels deep, and no deeper: the schema has an end, so no document can lead it on for ever. There is
 * no `path`, no `params` and no reference to a condition elsewhere.
 */
function conditionSchema(levels: number): z.ZodType<Condition> {
  if (levels === 0)
    return z
      .strictObject({ all: tooDeep, any: tooDeep, not: tooDeep, ...comparisonShape })
      .transform((node, context) => conditionOf(node, (path, message) => complain(context, path, message)));
  const inner = conditionSchema(levels - 1);
  const list = z.array(inner).min(1).max(MAX_CONDITIONS_PER_RULE).optional();
  return z
    .strictObject({ all: list, any: list, not: inner.optional(), ...comparisonShape })
    .transform((node, context) => conditionOf(node, (path, message) => complain(context, path, message)));
}

type AddIssue = (path: string[], message: string) => void;

function complain(context: z.core.$RefinementCtx, path: string[], message: string): void {
  context.addIssue({ code: 'custom', path, message });
}

/** The conditions of a rule: json-rules-engine wants "all", "any" or "not" at the top. */
export const conditionsSchema = conditionSchema(MAX_DEPTH).superRefine((condition, context) => {
  if ('fact' in condition) complain(context, [], 'begin with "all", "any" or "not"');
  const count = comparisonsIn(condition).length;
  if (count > MAX_CONDITIONS_PER_RULE)
    complain(context, [], `${count} comparisons; a rule has at most ${MAX_CONDITIONS_PER_RULE}`);
});

function conditionOf(node: Node, add: AddIssue): Condition {
  const { all, any, not, fact, operator, value } = node;
  const isComparison = fact !== undefined || operator !== undefined || value !== undefined;
  const kinds = [all !== undefined, any !== undefined, not !== undefined, isComparison].filter(Boolean).length;
  if (kinds !== 1) add([], 'say one of "all", "any", "not", or a "fact" with its "operator" and "value"');
  else if (all !== undefined) return { all };
  else if (any !== undefined) return { any };
  else if (not !== undefined) return { not };
  else if (fact === undefined) add(['fact'], 'needed: what to look at');
  else if (operator === undefined) add(['operator'], 'needed: how to compare');
  else if (value === undefined) add(['value'], 'needed: what to compare with');
  else {
    checkComparison({ fact, operator, value }, add);
    return { fact, operator, value };
  }
  return z.NEVER;
}

const ordering: readonly Operator[] = ['lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive'];
const choosing: readonly Operator[] = ['in', 'notIn'];
const operatorsFor: Readonly<Record<FactKind['kind'], readonly Operator[]>> = {
  number: ['equal', 'notEqual', ...choosing, ...ordering],
  'yes-no': ['equal', 'notEqual'],
  word: ['equal', 'notEqual', ...choosing],
  words: ['contains', 'doesNotContain'],
};

/** A comparison that can never hold is a mistake of its author, and would be found out on the day it is needed. */
function checkComparison({ fact, operator, value }: Comparison, add: AddIssue): void {
  const kind = factKindOf(fact);
  if (kind === null)
    return add(['fact'], `no fact is named "${fact}"; there are ${factNames.join(', ')}, inputs.<inputId>`);
  const operators = operatorsFor[kind.kind];
  if (!operators.includes(operator)) return add(['operator'], `"${fact}" is compared by ${operators.join(', ')}`);
  const isList = choosing.includes(operator);
  if (isList !== Array.isArray(value))
    return add(['value'], isList ? `"${operator}" needs a list` : `"${operator}" needs one value, not a list`);
  for (const one of Array.isArray(value) ? value : [value]) checkValue(one, kind, add);
}

function checkValue(value: number | boolean | string, kind: FactKind, add: AddIssue): void {
  if (kind.kind === 'number' && typeof value !== 'number') add(['value'], 'needed is a whole number');
  if (kind.kind === 'yes-no' && typeof value !== 'boolean') add(['value'], 'needed is true or false');
  if ('words' in kind && !kind.words.some((word) => word === value))
    add(['value'], `needed is one of ${kind.words.join(', ')}`);
}

export function comparisonsIn(condition: Condition): readonly Comparison[] {
  if ('all' in condition) return condition.all.flatMap(comparisonsIn);
  if ('any' in condition) return condition.any.flatMap(comparisonsIn);
  return 'not' in condition ? comparisonsIn(condition.not) : [condition];
}

/**
 * Whether a fact that is told compares as said.
 *
 * @throws TypeError when the fact is not of the kind that it was declared to be
 */
export function compare(fact: Exclude<FactValue, null>, operator: Operator, value: Value): boolean {
  switch (operator) {
    case 'equal':
      return fact === value;
    case 'notEqual':
      return fact !== value;
    case 'in':
      return wordsIn(value).includes(fact);
    case 'notIn':
      return !wordsIn(value).includes(fact);
    case 'contains':
      return wordsIn(fact).includes(value);
    case 'doesNotContain':
      return !wordsIn(fact).includes(value);
    case 'lessThan':
      return numberIn(fact) < numberIn(value);
    case 'lessThanInclusive':
      return numberIn(fact) <= numberIn(value);
    case 'greaterThan':
      return numberIn(fact) > numberIn(value);
    case 'greaterThanInclusive':
      return numberIn(fact) >= numberIn(value);
  }
}

function wordsIn(list: FactValue | Value): readonly unknown[] {
  if (Array.isArray(list)) return list;
  throw new TypeError(`needed is a list, got ${typeof list}`);
}

function numberIn(value: FactValue | Value): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new TypeError(`needed is a number, got ${typeof value}`);
}

export const operators = operatorSchema.options;
