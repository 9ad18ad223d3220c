import { z } from 'zod';
import { addressSchema, wordOrderSchema } from './point.ts';

const factorSchema = z.int().positive();

/**
 * One thing that can be written. A limit in mA becomes `mA × multiply / divide`, floored to whole numbers except for
 * `f32`, after the profile's `stepMa` has been applied: never rounded up.
 */
export const writeSchema = z.strictObject({
  fc: z.union([z.literal(5), z.literal(6), z.literal(16)]),
  address: addressSchema,
  type: z.enum(['coil', 'u16', 'u32', 'f32']),
  wordOrder: wordOrderSchema,
  multiply: factorSchema.default(1),
  divide: factorSchema.default(1),
  wholeDevice: z.boolean().default(false),
  unitId: z.int().min(0).max(255).optional(),
  note: z.string().optional(),
});
export type Write = z.infer<typeof writeSchema>;

/**
 * A step of a command: a fixed raw value; `limit`, the limit of the charge; or a pair that takes turns, for a
 * watchdog that wants to see a register change.
 */
export const stepSchema = z.strictObject({
  write: z.string(),
  value: z.union([
    z.int().min(0),
    z.literal('limit'),
    z.strictObject({ alternate: z.tuple([z.int().min(0), z.int().min(0)]) }),
  ]),
});
export type Step = z.infer<typeof stepSchema>;

/** The raw values that a step can write, with `limit` at its largest. */
export function rawValuesOf(step: Step, write: Write, maxCurrentMa: number): readonly number[] {
  if (step.value === 'limit') return [Math.floor((maxCurrentMa * write.multiply) / write.divide)];
  return typeof step.value === 'number' ? [step.value] : step.value.alternate;
}
