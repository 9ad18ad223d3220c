import { z } from 'zod';
import { BST_REASONS } from './bst-reasons.ts';

const meterFaults = [
  /** The register repeats itself; after removal it shows what it had missed. */
  z.strictObject({ kind: z.literal('stuck-meter') }),
  /** The register counts down what flows. What is lost stays lost. */
  z.strictObject({ kind: z.literal('meter-backward') }),
  /** Strikes once, when set: the register stands `belowEndWh` below the end of its width and wraps to 0 from there. */
  z.strictObject({ kind: z.literal('meter-rollover'), belowEndWh: z.number().positive().max(1_000_000).default(100) }),
  /** Strikes once, when set: the register makes a step that no power explains. */
  z.strictObject({ kind: z.literal('meter-jump'), stepWh: z.number().min(-100_000_000).max(100_000_000) }),
  /** Strikes once, when set: the register starts again at 0. */
  z.strictObject({ kind: z.literal('meter-reset') }),
  /** The register is not there: its not-available pattern, or an error reply. */
  z.strictObject({ kind: z.literal('meter-missing'), as: z.enum(['marker', 'error']).default('error') }),
] as const;

const phase = z.union([z.literal(1), z.literal(2), z.literal(3)]).optional();

const lockJammed = z.strictObject({
  kind: z.literal('lock-jammed'),
  /** For the plug lock of a pile: where it is stuck. A ground lock or barrier is stuck where it stands. */
  stuck: z.enum(['locked', 'unlocked']).default('locked'),
});

/** Faults of a pile that hold until they are removed, unless they say otherwise. */
export const pileStateFaults = [
  z.strictObject({
    kind: z.literal('over-temperature'),
    temperatureC: z.number().min(-60).max(250),
    /** Which sensor feels it; the board's when left out. */
    where: z.enum(['board', 'gun']).optional(),
  }),
  z.strictObject({ kind: z.literal('over-current'), factor: z.number().min(1).max(10) }),
  /** `vehicleKeepsDrawing` (default true): the vehicle ignores the pilot, so current goes on flowing through the weld. */
  z.strictObject({
    kind: z.literal('welded-contactor'),
    vehicleKeepsDrawing: z.boolean().default(true),
    detectedByPile: z.boolean().default(false),
  }),
  ...meterFaults,
  z.strictObject({ kind: z.literal('soft-stop-ignored') }),
  z.strictObject({ kind: z.literal('emergency-stop') }),
  /** The mains of the pile, or of one of its phases (1 to 3), stand at this voltage. */
  z.strictObject({ kind: z.literal('over-voltage'), voltageV: z.number().min(230).max(500), phase }),
  z.strictObject({ kind: z.literal('under-voltage'), voltageV: z.number().min(0).max(230), phase }),
  /** A protection of the pile has acted: contacts open under load, and its own code shows. */
  z.strictObject({ kind: z.enum(['residual-current', 'ground-fault', 'overload', 'insulation-fault']) }),
  /** The error register shows this raw value, which need not have a meaning, and the pile goes on as before. */
  z.strictObject({ kind: z.literal('vendor-fault'), code: z.int().min(0).max(0xffff_ffff) }),
  /** Reads that touch these registers show the words, whatever is so: another firmware, or a sensor that has come off. */
  z.strictObject({
    kind: z.literal('register-shows'),
    address: z.int().min(0).max(0xffff),
    words: z.array(z.int().min(0).max(0xffff)).min(1).max(16),
  }),
  z.strictObject({ kind: z.literal('pile-error'), errorCode: z.int().min(1).max(0xffff).default(1) }),
  /** The vehicle's BMS ends the charge and does not come back before the next plug. The reason shows on DC piles only. */
  z.strictObject({ kind: z.literal('bms-abort'), reason: z.enum(BST_REASONS).default('other') }),
  lockJammed,
  /** Strikes once, when set: the plug is torn out, lock or not. */
  z.strictObject({ kind: z.literal('gun-pulled') }),
  /** The pile is without power for `durationMs`, or until the fault is removed. */
  z.strictObject({ kind: z.literal('power-cut'), durationMs: z.number().positive().max(86_400_000).optional() }),
] as const;

/** Faults of an external meter that hold until they are removed, unless they say otherwise. */
export const meterStateFaults = [
  ...meterFaults,
  /** It answers, and everything that it shows repeats what it has shown last. */
  z.strictObject({ kind: z.literal('frozen-meter') }),
] as const;

/** Faults of a ground lock or barrier that hold until they are removed. */
export const lockStateFaults = [lockJammed, z.strictObject({ kind: z.literal('arm-damaged') })] as const;

/** Faults of a board with inputs and relays: the breakers and contactors behind it do not open. */
export const ioStateFaults = [z.strictObject({ kind: z.literal('trip-jammed') })] as const;

export type StateFault =
  | z.infer<(typeof pileStateFaults)[number]>
  | z.infer<(typeof meterStateFaults)[number]>
  | z.infer<(typeof lockStateFaults)[number]>
  | z.infer<(typeof ioStateFaults)[number]>;

/** A meter fault that strikes once, in the moment it is set. */
export type MeterStrike = Extract<StateFault, { kind: 'meter-rollover' | 'meter-jump' | 'meter-reset' }>;
