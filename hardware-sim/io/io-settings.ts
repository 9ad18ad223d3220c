import { z } from 'zod';
import { idSchema as id } from '../line/line-settings.ts';

export const IO_MODELS = ['waveshare-relay-8ch-d'] as const;
export const CHANNELS = 8;
const channel = z.int().min(1).max(CHANNELS);

const output = z.strictObject({
  channel,
  /** The piles behind the breaker or contactor that this relay acts on. */
  feeds: z.array(id).min(1),
  /** `trips`: a shunt trip opens the breaker, which stays open until a hand closes it. `holds`: a contactor follows the relay. */
  energised: z.enum(['trips', 'holds']),
  /** The relay is on when the simulator starts: somebody has energised it before. */
  startsOn: z.boolean().default(false),
  /** An auxiliary contact that is closed while the supply is on, wired to this input. */
  auxiliary: channel.optional(),
});

/** What a station file says about one board with inputs and relays. */
export const ioBoardSchema = z.strictObject({
  boardId: id,
  model: z.enum(IO_MODELS),
  lineId: id,
  unit: z.int().min(1).max(247),
  /** Contacts that are closed when the simulator starts; the others are open, or not wired. */
  closedInputs: z.array(channel).default([]),
  /** What every relay does by itself: 0 nothing, 1 follows the input of its number. */
  relayMode: z.union([z.literal(0), z.literal(1)]).default(0),
  outputs: z.array(output).default([]),
});

export type IoBoardSettings = z.infer<typeof ioBoardSchema>;
export type IoOutputSettings = IoBoardSettings['outputs'][number];
