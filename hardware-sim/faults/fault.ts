import { z } from 'zod';

/** How often a wire fault strikes: at most `count` times, each time with `probability` (default: always, without end). */
const chance = {
  count: z.int().min(1).optional(),
  probability: z.number().gt(0).max(1).optional(),
};

const silence = z.strictObject({ kind: z.literal('silence'), ...chance });
const delay = z.strictObject({ kind: z.literal('delay'), delayMs: z.number().positive().max(60_000), ...chance });
const crcError = z.strictObject({ kind: z.literal('crc-error'), ...chance });
const wrongUnit = z.strictObject({ kind: z.literal('wrong-unit'), unit: z.int().min(0).max(255), ...chance });
const exception = z.strictObject({ kind: z.literal('exception'), code: z.int().min(1).max(255), ...chance });
const truncate = z.strictObject({
  kind: z.literal('truncate'),
  keepBytes: z.int().min(0).max(255).optional(),
  ...chance,
});

/** Faults of the wire: they strike single exchanges of a pile or of all piles on a line. */
export const wireFaultSchema = z.discriminatedUnion('kind', [silence, delay, crcError, wrongUnit, exception, truncate]);

/** Acknowledges a write without effect. Strikes single exchanges, but of one pile only. */
const ignoreWrites = z.strictObject({ kind: z.literal('ignore-writes'), ...chance });

const stateFaults = [
  z.strictObject({ kind: z.literal('over-temperature'), temperatureC: z.number().min(-60).max(250) }),
  z.strictObject({ kind: z.literal('over-current'), factor: z.number().min(1).max(10) }),
  /** `vehicleKeepsDrawing` (default true): the vehicle ignores the pilot, so current goes on flowing through the weld. */
  z.strictObject({
    kind: z.literal('welded-contactor'),
    vehicleKeepsDrawing: z.boolean().default(true),
    detectedByPile: z.boolean().default(false),
  }),
  z.strictObject({ kind: z.literal('stuck-meter') }),
  z.strictObject({ kind: z.literal('soft-stop-ignored') }),
  z.strictObject({ kind: z.literal('emergency-stop') }),
  z.strictObject({ kind: z.literal('pile-error'), errorCode: z.int().min(1).max(0xffff).default(1) }),
] as const;

/** Faults of a pile: those of the wire, and those that hold until they are removed. */
export const pileFaultSchema = z.discriminatedUnion('kind', [
  silence,
  delay,
  crcError,
  wrongUnit,
  exception,
  truncate,
  ignoreWrites,
  ...stateFaults,
]);

export type WireFault = z.infer<typeof wireFaultSchema>;
export type PileFault = z.infer<typeof pileFaultSchema>;
export type StateFault = z.infer<(typeof stateFaults)[number]>;
/** A fault that strikes single exchanges. */
export type ExchangeFault = Extract<PileFault, { count?: unknown }> | WireFault;

const EXCHANGE_KINDS: ReadonlySet<string> = new Set([
  'silence',
  'delay',
  'crc-error',
  'wrong-unit',
  'exception',
  'truncate',
  'ignore-writes',
]);

/** True for faults that strike single exchanges and may carry `count` and `probability`. */
export function isExchangeFault(fault: PileFault): fault is ExchangeFault {
  return EXCHANGE_KINDS.has(fault.kind);
}
