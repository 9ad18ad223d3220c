import { z } from 'zod';
import { ioStateFaults, lockStateFaults, meterStateFaults, pileStateFaults } from './state-faults.ts';

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

/** A read reply that states a wrong byte count about itself, with a right checksum. */
const wrongByteCount = z.strictObject({
  kind: z.literal('wrong-byte-count'),
  offBy: z
    .int()
    .min(-250)
    .max(250)
    .refine((offBy) => offBy !== 0, 'must not be 0')
    .default(2),
  ...chance,
});
const duplicateReply = z.strictObject({ kind: z.literal('duplicate-reply'), ...chance });
/** Closes the connection instead of answering; a serial line stays silent. */
const hangUp = z.strictObject({ kind: z.literal('hang-up'), ...chance });
const split = z.strictObject({
  kind: z.literal('split'),
  pieces: z.int().min(2).max(16).default(3),
  pauseMs: z.number().min(0).max(10_000).default(20),
  ...chance,
});
/** A gateway keeps the reply beyond its own timeout and hands it out before the next one. */
const staleReply = z.strictObject({ kind: z.literal('stale-reply'), ...chance });
/** A gateway hands out the reply before the present one, for ever, until the socket is closed. */
const offByOne = z.strictObject({ kind: z.literal('off-by-one'), ...chance });

const noiseBytes = z.int().min(1).max(64).default(4);
const replyNoise = z.strictObject({
  kind: z.literal('noise'),
  mode: z.enum(['before', 'inside', 'after']),
  bytes: noiseBytes,
  ...chance,
});
/** Bursts between frames while nothing else is on the wire, one every `everyMs` on average. */
const idleNoise = z.strictObject({
  kind: z.literal('noise'),
  mode: z.literal('idle'),
  bytes: noiseBytes,
  everyMs: z.number().min(5).max(3_600_000).default(200),
  ...chance,
});

const exchangeFaults = [
  silence,
  delay,
  crcError,
  wrongUnit,
  exception,
  truncate,
  wrongByteCount,
  duplicateReply,
  hangUp,
  split,
  staleReply,
  offByOne,
] as const;

/** Faults of the wire: they strike single exchanges of a device or of all devices on a line. */
export const wireFaultSchema = z.discriminatedUnion('kind', [...exchangeFaults, replyNoise]);

/** The adapter is pulled out, or the network cable; it comes back after `durationMs`, or when the fault is removed. */
const unplugged = z.strictObject({
  kind: z.literal('unplugged'),
  durationMs: z.number().positive().max(86_400_000).optional(),
});

/** Faults of a line: those of the wire, noise by itself, and the plug. */
export const lineFaultSchema = z.discriminatedUnion('kind', [
  ...exchangeFaults,
  z.discriminatedUnion('mode', [replyNoise, idleNoise]),
  unplugged,
]);

/** Acknowledges a write without effect. Strikes single exchanges, but of one device only. */
const ignoreWrites = z.strictObject({ kind: z.literal('ignore-writes'), ...chance });

/** Faults of a pile: those of the wire, and those that hold until they are removed. */
export const pileFaultSchema = z.discriminatedUnion('kind', [
  ...wireFaultSchema.options,
  ignoreWrites,
  ...pileStateFaults,
]);

/** Faults of an external meter. */
export const meterFaultSchema = z.discriminatedUnion('kind', [...wireFaultSchema.options, ...meterStateFaults]);

/** Faults of a ground lock or barrier. */
export const lockFaultSchema = z.discriminatedUnion('kind', [...wireFaultSchema.options, ...lockStateFaults]);

/** Faults of a board with inputs and relays. */
export const ioFaultSchema = z.discriminatedUnion('kind', [...wireFaultSchema.options, ignoreWrites, ...ioStateFaults]);

export type WireFault = z.infer<typeof wireFaultSchema>;
export type LineFault = z.infer<typeof lineFaultSchema>;
export type Unplugged = z.infer<typeof unplugged>;
export type IdleNoiseFault = z.infer<typeof idleNoise>;
export type PileFault = z.infer<typeof pileFaultSchema>;
/** A fault of any device. */
export type Fault =
  | PileFault
  | LineFault
  | z.infer<typeof meterFaultSchema>
  | z.infer<typeof lockFaultSchema>
  | z.infer<typeof ioFaultSchema>;
/** A fault that strikes single exchanges. */
export type ExchangeFault = Extract<PileFault, { count?: unknown }> | WireFault | IdleNoiseFault;

const EXCHANGE_KINDS: ReadonlySet<string> = new Set([
  'silence',
  'delay',
  'crc-error',
  'wrong-unit',
  'exception',
  'truncate',
  'wrong-byte-count',
  'duplicate-reply',
  'hang-up',
  'split',
  'stale-reply',
  'off-by-one',
  'noise',
  'ignore-writes',
]);

/** True for faults that strike single exchanges and may carry `count` and `probability`. */
export function isExchangeFault(fault: Fault): fault is ExchangeFault {
  return EXCHANGE_KINDS.has(fault.kind);
}
