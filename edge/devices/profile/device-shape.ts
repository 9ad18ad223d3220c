import { z } from 'zod';
import { conditionSchema } from './condition.ts';
import { addressSchema, pointSchema } from './point.ts';

const profileIdSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{1,63}$/, 'lower-case letters, digits and "-"');

/** Where the facts come from, and who the device is. Part of every kind of profile. */
export const provenanceShape = {
  $schema: z.string().optional(),
  profileId: profileIdSchema,
  vendor: z.string().min(1),
  model: z.string().min(1),
  /** Vendor document, trace or driver that the facts were read in. */
  source: z.string().min(1),
} as const;

/** What a device asks of its master. */
export const timingSchema = z.strictObject({
  /** Idle time the device needs between requests. */
  gapMs: z.int().min(0).max(1000),
  /** Typical time from the end of a request to the beginning of the reply; the planner counts with it. */
  turnaroundMs: z.int().min(0).max(2000),
  /** The longest time a reply is waited for; waiting adapts to the device below this. */
  responseTimeoutMs: z.int().min(20).max(5000),
  /** No reply comes later than this after its request; until then a line without transaction ids stays silent. */
  slowestReplyMs: z.int().min(20).max(10_000),
  pollMs: z.int().min(200).max(60_000),
});

export const serialSettingsShape = {
  baud: z.union([1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200].map((baud) => z.literal(baud))),
  parity: z.enum(['none', 'even', 'odd']),
  stopBits: z.union([z.literal(1), z.literal(2)]),
} as const;

export const transports = ['serial', 'tcp', 'rtu-over-tcp'] as const;

/** One exchange as seen on the wire, with its meaning. The linter runs it against the profile. */
const vectorSchema = z.strictObject({
  name: z.string().min(1),
  /** `rtu`: unit, PDU, CRC. `mbap`: Modbus TCP. */
  framing: z.enum(['rtu', 'mbap']),
  /** Bytes in hex; spaces are for the eye. */
  request: z.string().min(1),
  reply: z.string().min(1).optional(),
  socket: z.int().min(1).optional(),
  /** Values read at set-up that choose a variant of the profile; without them its first meaning holds. */
  given: z.record(z.string(), z.union([z.int(), z.string()])).optional(),
  /** Points that the reply holds, with their values after scaling. */
  reads: z.record(z.string(), z.union([z.int(), z.string(), z.null()])).optional(),
  /** The write that the request is, with its raw value, or with the limit that it sets. */
  writes: z
    .strictObject({ write: z.string(), raw: z.number().optional(), limitMa: z.int().min(0).optional() })
    .refine(({ raw, limitMa }) => (raw === undefined) !== (limitMa === undefined), 'say either "raw" or "limitMa"')
    .optional(),
  note: z.string().optional(),
});
export type Vector = z.infer<typeof vectorSchema>;

/** Everything that a Modbus device has, pile or meter. */
export const modbusShape = {
  ...provenanceShape,
  transports: z.array(z.enum(transports)).min(1),
  /** As delivered. Needed where the device is reached over a serial line. */
  serial: z.strictObject(serialSettingsShape).optional(),
  timing: timingSchema,
  maxReadRegisters: z.int().min(1).max(125),
  /** Largest hole between two points that one read may bridge; 0 where unmapped registers are refused. */
  maxReadGap: z.int().min(0).max(50),
  /** Addresses (first, last) that no read may touch, not even in passing. */
  forbidden: z.array(z.tuple([addressSchema, addressSchema])).default([]),
  /** Several sockets in one device: an address is `socket × stride + address`. 0: sockets have units of their own. */
  sockets: z.strictObject({ count: z.int().min(1).max(48), stride: z.int().min(0).max(10_000) }).optional(),
  points: z.record(z.string(), pointSchema),
  /** Points that say who the device is. */
  identity: z
    .strictObject({ serial: z.string().optional(), firmware: z.string().optional(), model: z.string().optional() })
    .default({}),
  /** Points that differ by firmware or model: the first variant whose conditions hold replaces them. */
  variants: z
    .array(
      z.strictObject({
        when: z.array(conditionSchema).min(1),
        points: z.record(z.string(), pointSchema),
        note: z.string().optional(),
      }),
    )
    .default([]),
  vectors: z.array(vectorSchema).default([]),
} as const;

/** The register that is billed, and what its count means. */
export const energySchema = z.strictObject({
  point: z.string(),
  /** `since-power-on` and `per-session` counters begin again at 0 by themselves; `cumulative` ones never do. */
  kind: z.enum(['cumulative', 'since-power-on', 'per-session']),
  /** The count, in Wh, at which the register begins again at 0; null where the vendor does not say. */
  rollsOverAtWh: z.int().positive().nullable(),
});
export type EnergyFacts = z.infer<typeof energySchema>;
