import { z } from 'zod';
import { faultCodes } from '#shared/faults.ts';

/** What a point is compared with: exactly one kind of comparison. */
export const conditionSchema = z
  .strictObject({
    point: z.string(),
    /** One of these numbers. */
    in: z.array(z.int()).min(1).optional(),
    /** True when `(value & bits) === equals`. */
    bits: z.int().positive().optional(),
    equals: z.int().min(0).optional(),
    /** True when `(value & anyOf) !== 0`. */
    anyOf: z.int().positive().optional(),
    /** A number not below, and one below. */
    atLeast: z.int().optional(),
    below: z.int().optional(),
    /** One of these texts, and the beginning of a text. */
    is: z.array(z.string()).min(1).optional(),
    startsWith: z.string().min(1).optional(),
  })
  .superRefine((condition, context) => {
    const kinds = [
      condition.in,
      condition.bits,
      condition.anyOf,
      condition.atLeast ?? condition.below,
      condition.is,
      condition.startsWith,
    ].filter((kind) => kind !== undefined).length;
    if (kinds !== 1 || (condition.bits === undefined) !== (condition.equals === undefined)) {
      context.addIssue({
        code: 'custom',
        message: 'say one of "in", "bits" with "equals", "anyOf", "atLeast"/"below", "is", "startsWith"',
      });
    }
  });
export type Condition = z.infer<typeof conditionSchema>;

const whenSchema = z.array(conditionSchema).min(1);

/** The first rule whose conditions all hold names the state; if none does, the state is unknown, which is a fault. */
export const stateRuleSchema = z.strictObject({
  when: whenSchema,
  is: z.enum(['unplugged', 'plugged', 'charging', 'fault']),
  note: z.string().optional(),
});
export type StateRule = z.infer<typeof stateRuleSchema>;

/** What a pile reports, in the terms of the fault catalogue. The first rule that holds counts. */
export const faultRuleSchema = z.strictObject({
  when: whenSchema,
  code: z.enum(faultCodes),
  note: z.string().optional(),
});
export type FaultRule = z.infer<typeof faultRuleSchema>;

/**
 * A register by which a pile reports errors. Every value in it that is neither harmless nor taken by a fault rule is a
 * fault that nobody knows: of numbers the whole value, of bit fields each bit.
 */
export const faultPointSchema = z
  .strictObject({
    point: z.string(),
    /** Numbers that mean "nothing is wrong". */
    harmless: z.array(z.int().min(0)).min(1).optional(),
    /** Of a bit field: the bits that are no error; 0 where every bit is one. */
    harmlessBits: z.int().min(0).optional(),
    /** The register counts only while these hold; else it tells of something that is over. */
    when: whenSchema.optional(),
    note: z.string().optional(),
  })
  .refine(
    ({ harmless, harmlessBits }) => (harmless === undefined) !== (harmlessBits === undefined),
    'say either "harmless" or "harmlessBits"',
  );
export type FaultPoint = z.infer<typeof faultPointSchema>;

/** A point's value: null when the device did not tell. */
export type PointValue = number | string | null;

/** Whether a comparison holds. A value that the device did not tell fulfils none. */
export function holds(condition: Condition, value: PointValue): boolean {
  if (value === null) return false;
  if (typeof value === 'string') {
    if (condition.is !== undefined) return condition.is.includes(value);
    return condition.startsWith !== undefined && value.startsWith(condition.startsWith);
  }
  const { in: numbers, bits, equals, anyOf, atLeast, below } = condition;
  if (numbers !== undefined) return numbers.includes(value);
  // As big integers: the language's own bit operators end at 31 bits.
  if (bits !== undefined) return equals !== undefined && (BigInt(value) & BigInt(bits)) === BigInt(equals);
  if (anyOf !== undefined) return (BigInt(value) & BigInt(anyOf)) !== 0n;
  if (atLeast === undefined && below === undefined) return false;
  return (atLeast === undefined || value >= atLeast) && (below === undefined || value < below);
}
