import { z } from 'zod';
import { checkModbus, checkPile } from './checks.ts';
import { conditionSchema, faultPointSchema, faultRuleSchema, stateRuleSchema } from './condition.ts';
import { energySchema, modbusShape } from './device-shape.ts';
import { firmwareSchema } from './firmware.ts';
import { limitsSchema } from './limits.ts';
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
  /** Maintenance, where the vendor has a register for it: restarts the pile; releases the plug of one that is off. */
  reboot: z.array(stepSchema).min(1).optional(),
  unlock: z.array(stepSchema).min(1).optional(),
});
export type CommandName = keyof z.infer<typeof commandsSchema>;

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
  /** Where the pile reports errors by number or by bits: what no rule takes there is a fault that nobody knows. */
  faultPoints: z.array(faultPointSchema).default([]),
  /** Firmware that must not charge, or only within limits. */
  firmware: firmwareSchema,
  /** Which points are the connector's measurements. Absent: the pile does not tell. */
  measures: z.strictObject({
    /** Empty: the pile measures none, and only the site's meter for it can tell. */
    currents: z.array(z.string()).max(3),
    /** Of the phases against neutral; the output's of a DC pile. Empty: the pile tells none. */
    voltages: z.array(z.string()).max(3).default([]),
    power: z.string().optional(),
    temperature: z.string().optional(),
    /** The limit in force, as the pile tells it. */
    setpoint: z.string().optional(),
    /** State of charge of the vehicle. */
    soc: z.string().optional(),
    /** Null: the pile has no meter of its own, and the site needs one for it. */
    energy: energySchema.nullable(),
    /** The number of the card that was presented at the pile's own reader. A number counts as 8 hexadecimal digits. */
    card: z.strictObject({ point: z.string(), byteOrder: z.enum(['first-byte-first', 'last-byte-first']) }).optional(),
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
