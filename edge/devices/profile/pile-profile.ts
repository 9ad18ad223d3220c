import { z } from 'zod';
import { checkModbus, checkPile } from './checks.ts';
import { conditionSchema, faultRuleSchema, stateRuleSchema } from './condition.ts';
import { energySchema, modbusShape } from './device-shape.ts';
import { stepSchema, writeSchema } from './write.ts';

/**
 * What the pile does when its controller falls silent. `refreshedBy` decides what counts as a sign of life;
 * where reads do not, `feed` is written `FEEDS_PER_TIMEOUT` times in `timeoutMs`.
 */
const watchdogSchema = z.strictObject({
  timeoutMs: z.int().positive(),
  refreshedBy: z.enum(['any-traffic', 'reads', 'writes']),
  /** `limit` in it is the limit in force. */
  feed: z.array(stepSchema).min(1).optional(),
  fallback: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('stop') }),
    z.strictObject({ kind: z.literal('safe-current'), currentMa: z.int().positive() }),
    z.strictObject({ kind: z.literal('full-power') }),
  ]),
  note: z.string().optional(),
});

/** A watchdog is fed at least every third of its time, so that one lost cycle with retries still fits. */
export const FEEDS_PER_TIMEOUT = 3;

const commandsSchema = z.strictObject({
  /** Written after every (re)connection. It must not raise a limit. */
  setup: z.array(stepSchema),
  start: z.array(stepSchema).min(1),
  softStop: z.array(stepSchema).min(1),
  /** A second way to stop, not the first one again. Null: the device has none, and the site needs a trip output. */
  hardStop: z.array(stepSchema).min(1).nullable(),
});
export type CommandName = keyof z.infer<typeof commandsSchema>;

const limitsSchema = z.strictObject({
  maxCurrentMa: z.int().positive().max(125_000),
  /** Below this a pile offers nothing. IEC 61851-1: 6 A. */
  minCurrentMa: z.int().min(6000),
  /** A limit is a multiple of this. */
  stepMa: z.int().min(1),
  phases: z.union([z.literal(1), z.literal(3)]),
  /** Null when the pile does not tell a temperature. */
  overTemperatureDc: z.int().positive().nullable(),
});

const shapeSchema = z.strictObject({
  kind: z.literal('pile'),
  ...modbusShape,
  limits: limitsSchema,
  /** What a limit of 0 does. Other meanings than a pause need another soft stop. */
  zeroMeans: z.enum(['pause', 'end-session', 'auto-start', 'refused']),
  watchdog: watchdogSchema.nullable(),
  writes: z.record(z.string(), writeSchema),
  state: z.array(stateRuleSchema).min(1),
  faults: z.array(faultRuleSchema).default([]),
  /** Which points are the connector's measurements. Absent: the pile does not tell. */
  measures: z.strictObject({
    /** Empty: the pile measures none, and only the site's meter for it can tell. */
    currents: z.array(z.string()).max(3),
    power: z.string().optional(),
    temperature: z.string().optional(),
    /** The limit in force, as the pile tells it. */
    setpoint: z.string().optional(),
    /** Null: the pile has no meter of its own, and the site needs one for it. */
    energy: energySchema.nullable(),
  }),
  commands: commandsSchema,
  /** Read back after set-up; if they do not hold, the pile has not taken its set-up and nothing starts on it. */
  setupProof: z.array(conditionSchema).default([]),
});
export type PileShape = z.infer<typeof shapeSchema>;

/** A pile model as data. */
export const pileProfileSchema = shapeSchema.superRefine((profile, context) => {
  const add = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
  checkModbus(profile, add);
  checkPile(profile, add);
});
export type PileProfile = z.infer<typeof pileProfileSchema>;
