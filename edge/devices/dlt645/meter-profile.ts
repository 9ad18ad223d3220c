import { z } from 'zod';
import type { AddIssue } from '../profile/checks.ts';
import { energySchema, provenanceShape, serialSettingsShape, timingSchema } from '../profile/device-shape.ts';
import { MOST_WAKE_UP_BYTES } from './frame.ts';

/** Import and export added up as the meter is set: nothing to bill by. DL/T 645-2007, annex A, table A.1. */
const COMBINED_TOTAL_DI = '00000000';

/** As the standard writes them; values are told in a thousandth: Wh, W, mA, mV. */
const units = ['kWh', 'kW', 'A', 'V'] as const;
export type MeterUnit = (typeof units)[number];

/** One value that the meter holds: `digits` decimal digits, the last `decimals` of them after the point. */
const meterPointSchema = z.strictObject({
  di: z.string().regex(/^[0-9A-F]{8}$/, 'eight hexadecimal digits DI3 to DI0, e.g. "00010000"'),
  digits: z.int().min(2).max(12).multipleOf(2),
  decimals: z.int().min(0).max(6),
  /** The top bit is a sign. */
  signed: z.boolean(),
  unit: z.enum(units),
  /** A meter may lack it: a refused read of it is "no value", not a failure. */
  optional: z.boolean().default(false),
  note: z.string().optional(),
});
export type MeterPoint = z.infer<typeof meterPointSchema>;

const shapeSchema = z.strictObject({
  kind: z.literal('dlt645-meter'),
  ...provenanceShape,
  /** A gateway that passes bytes through does as well as a port of our own; TCP of its own the protocol has none. */
  transports: z.array(z.enum(['serial', 'rtu-over-tcp'])).min(1),
  /** As delivered; the line's own settings are in the site file. */
  serial: z.strictObject(serialSettingsShape),
  timing: timingSchema,
  /** How many FE go before each question. */
  wakeUpBytes: z.int().min(0).max(MOST_WAKE_UP_BYTES),
  points: z.record(z.string(), meterPointSchema),
  measures: z.strictObject({
    energy: energySchema,
    power: z.string().optional(),
    currents: z.array(z.string()).max(3).default([]),
    voltages: z.array(z.string()).max(3).default([]),
  }),
});
type Shape = z.infer<typeof shapeSchema>;

function needPoint(profile: Shape, name: string, unit: MeterUnit, path: (string | number)[], add: AddIssue): void {
  const point = profile.points[name];
  if (point === undefined) add(path, `no point is named "${name}"`);
  else if (point.unit !== unit) add(path, `"${name}" is in ${point.unit}, needed is ${unit}`);
}

function checkEnergy({ points, measures: { energy } }: Shape, add: AddIssue): void {
  const point = points[energy.point];
  if (point === undefined) return;
  const path = ['points', energy.point];
  if (point.di === COMBINED_TOTAL_DI) add([...path, 'di'], 'import and export together: import alone is 00010000');
  if (point.signed) add([...path, 'signed'], 'a register that is billed only counts up');
  if (point.optional) add([...path, 'optional'], 'what is billed cannot be missing');
  const rollsOverAtWh = wholeValue(10 ** point.digits, point);
  if (energy.rollsOverAtWh !== null && energy.rollsOverAtWh !== rollsOverAtWh)
    add(['measures', 'energy', 'rollsOverAtWh'], `${point.digits} digits begin again at ${rollsOverAtWh}`);
}

/** A DL/T 645-2007 meter model as data. */
export const dlt645MeterProfileSchema = shapeSchema.superRefine((profile, context) => {
  const add: AddIssue = (path, message) => context.addIssue({ code: 'custom', path, message });
  const { measures, points, timing } = profile;
  for (const [name, point] of Object.entries(points))
    if (point.decimals > point.digits) add(['points', name, 'decimals'], `not more than digits (${point.digits})`);
  needPoint(profile, measures.energy.point, 'kWh', ['measures', 'energy', 'point'], add);
  checkEnergy(profile, add);
  if (measures.power !== undefined) needPoint(profile, measures.power, 'kW', ['measures', 'power'], add);
  measures.currents.forEach((name, i) => {
    needPoint(profile, name, 'A', ['measures', 'currents', i], add);
  });
  measures.voltages.forEach((name, i) => {
    needPoint(profile, name, 'V', ['measures', 'voltages', i], add);
  });
  if (timing.slowestReplyMs < timing.responseTimeoutMs)
    add(['timing', 'slowestReplyMs'], `not less than responseTimeoutMs (${timing.responseTimeoutMs})`);
});
export type Dlt645MeterProfile = z.infer<typeof dlt645MeterProfileSchema>;

/** The meter's digits in Wh, W, mA or mV: whole numbers, what is finer is cut off. */
export function wholeValue(raw: number, { decimals }: Pick<MeterPoint, 'decimals'>): number {
  const thousandths = BigInt(raw) * 1000n;
  return Number(thousandths / 10n ** BigInt(decimals));
}
