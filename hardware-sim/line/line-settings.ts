import { z } from 'zod';

/** How an id looks in a station file. */
export const idSchema = z.string().regex(/^[A-Za-z0-9_-]{1,40}$/, 'letters, digits, - and _ only, at most 40');
/** Time in ms that a device takes from the end of a request to the beginning of its reply. */
export const turnaroundMsSchema = z.number().min(0).max(10_000);

const baud = z.int().min(1200).max(115_200);
const listener = { host: z.string().min(1), port: z.int().min(0).max(65_535) };
const anyLine = {
  lineId: idSchema,
  turnaroundMs: turnaroundMsSchema,
  /** A recording (see shared/frame-log.ts) that answers in place of devices; its path starts at the station file. */
  replay: z.string().min(1).optional(),
};

const serialLine = z.strictObject({
  ...anyLine,
  transport: z.literal('serial'),
  baud,
  parity: z.enum(['none', 'even', 'odd']),
  stopBits: z.union([z.literal(1), z.literal(2)]),
  /** A symbolic link that always leads to the present pseudo-terminal. */
  path: z.string().startsWith('/', 'must be absolute').optional(),
});

const gatewayLine = z.strictObject({
  ...anyLine,
  ...listener,
  transport: z.literal('rtu-over-tcp'),
  baud,
  /** How long the gateway waits for a device before it takes the next request. */
  replyTimeoutMs: z.number().min(10).max(60_000).default(1000),
});

const tcpLine = z.strictObject({ ...anyLine, ...listener, transport: z.literal('tcp') });

/** One line of a station file. */
export const lineSettingsSchema = z.discriminatedUnion('transport', [serialLine, gatewayLine, tcpLine]);
export type LineSettings = z.infer<typeof lineSettingsSchema>;
