import { z } from 'zod';
import { cardNumberSchema } from '#shared/access/card-number.ts';
import { hexBytes, hexSchema } from '../framed/framing-schema.ts';
import type { AddIssue } from '../profile/checks.ts';
import { provenanceShape, serialSettingsShape } from '../profile/device-shape.ts';

/** A frame as the reader sends it, and the card that it tells; null: it is not to be believed. */
const vectorSchema = z.strictObject({
  name: z.string().min(1),
  bytes: hexSchema.min(2),
  card: cardNumberSchema.nullable(),
  note: z.string().optional(),
});

const shapeSchema = z.strictObject({
  kind: z.literal('card-reader'),
  ...provenanceShape,
  /** A reader speaks by itself, and at once: a gateway in between may keep what it has no question for. */
  transports: z.array(z.literal('serial')).min(1),
  serial: z.strictObject(serialSettingsShape),
  /** What it sends when a card is presented: start mark, number as hexadecimal digits in ASCII, checksum, end mark. */
  frame: z.strictObject({
    /** May be empty: then a frame begins after an end mark, or after a pause. */
    start: hexSchema,
    /** How many digits a number has, without the checksum. */
    digits: z.array(z.int().min(8).max(20).multipleOf(2)).min(1),
    /** `xor8`: two more digits, the exclusive or of the number's bytes. */
    checksum: z.enum(['none', 'xor8']),
    end: hexSchema.min(2),
  }),
  /** Which byte of the card's number the reader sends first, as the card itself does. */
  byteOrder: z.enum(['first-byte-first', 'last-byte-first']),
  /** A frame that pauses for longer has been cut. */
  cutAfterMs: z.int().min(10).max(1000),
  vectors: z.array(vectorSchema).min(1),
});
type Shape = z.infer<typeof shapeSchema>;

/** A card reader that speaks by itself on a serial line of its own, as data. */
export const cardReaderProfileSchema = shapeSchema.superRefine((profile, context) => {
  checkFrame(profile, (path, message) => context.addIssue({ code: 'custom', path, message }));
});
export type CardReaderProfile = z.infer<typeof cardReaderProfileSchema>;

const isHexDigit = (byte: number): boolean => /[0-9A-Fa-f]/.test(String.fromCharCode(byte));

/** A mark that could be a digit would cut numbers in two. */
function checkFrame({ frame }: Shape, add: AddIssue): void {
  for (const mark of ['start', 'end'] as const)
    if ([...hexBytes(frame[mark])].some(isHexDigit)) add(['frame', mark], 'a mark is no hexadecimal digit');
  if (new Set(frame.digits).size < frame.digits.length) add(['frame', 'digits'], 'each length once');
}
