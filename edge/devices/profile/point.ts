import { z } from 'zod';

export const addressSchema = z.int().min(0).max(0xffff);
const factorSchema = z.int().positive();

/** Register types. Values wider than a register are high word first unless `wordOrder` says otherwise. */
const pointTypes = ['bit', 'u16', 'i16', 'u32', 'i32', 'u64', 'i64', 'f32', 'f64', 'ascii', 'utf16'] as const;
export type PointType = (typeof pointTypes)[number];
export const textTypes: readonly PointType[] = ['ascii', 'utf16'];
export const floatTypes: readonly PointType[] = ['f32', 'f64'];

export const wordOrderSchema = z.enum(['high-first', 'low-first']).default('high-first');

/**
 * One register, a run of them, or one bit (functions 01 and 02), that can be read.
 * `value = raw × multiply / divide` in `unit`. Whole-number types are floored and never pass through floating point;
 * floating-point types are rounded to the nearest whole number.
 */
export const pointSchema = z.strictObject({
  fc: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
  address: addressSchema,
  type: z.enum(pointTypes),
  /** How many registers a text takes. */
  words: z.int().min(1).max(60).optional(),
  wordOrder: wordOrderSchema,
  /** Takes a field out of the raw value before anything else: `(raw >> shift) & mask`. */
  shift: z.int().min(0).max(63).optional(),
  mask: z.int().positive().optional(),
  multiply: factorSchema.default(1),
  divide: factorSchema.default(1),
  unit: z.enum(['none', 'mA', 'mV', 'W', 'Wh', 'dC', 'ms', 'percent']),
  /** Raw values by which the device says "not available". They are never a reading; neither is a NaN. */
  notAvailable: z.array(z.int().min(0)).min(1).optional(),
  /** The values that the vendor's table lists; each must fulfil a state rule. Only for points that tell the state. */
  listed: z
    .array(z.union([z.int(), z.string()]))
    .min(1)
    .optional(),
  /** A device may lack it: a refused read of it alone is "no value", not a failure. */
  optional: z.boolean().default(false),
  /**
   * `set-up`: read at the first contact and after a restart only, because it does not change between. `cards`: about a
   * person, and read by itself where the site takes the cards of this pile.
   */
  read: z.enum(['poll', 'set-up', 'cards']).default('poll'),
  /** Same address whatever the socket: it belongs to the device as a whole. */
  wholeDevice: z.boolean().default(false),
  /** Modbus unit that holds it, where it is not the unit of the socket. */
  unitId: z.int().min(0).max(255).optional(),
  note: z.string().optional(),
});
export type Point = z.infer<typeof pointSchema>;

const fixedWords: Record<Exclude<PointType, 'ascii' | 'utf16'>, number> = {
  bit: 1,
  u16: 1,
  i16: 1,
  u32: 2,
  i32: 2,
  u64: 4,
  i64: 4,
  f32: 2,
  f64: 4,
};

/** How many registers (or bits) a point takes. */
export const wordsOf = (point: Pick<Point, 'type' | 'words'>): number =>
  point.type === 'ascii' || point.type === 'utf16' ? (point.words ?? 1) : fixedWords[point.type];
