import type { z } from 'zod';
import { complaintsOf, describeComplaints } from '../complaints.ts';
import { PilegateError } from '../errors.ts';

/** Bigger messages are refused before they are parsed. */
export const MAX_MESSAGE_BYTES = 1_048_576;

/**
 * Parses a payload at the border, once. Unknown keys are tolerated on the wire, so that a newer sender
 * can add fields.
 *
 * @throws PilegateError `wire.not_json` or `wire.schema`, naming the paths
 */
export function decode<Schema extends z.ZodType>(schema: Schema, payload: Uint8Array): z.infer<Schema> {
  if (payload.byteLength > MAX_MESSAGE_BYTES) {
    throw new PilegateError('wire.schema', `${payload.byteLength} bytes, at most ${MAX_MESSAGE_BYTES}`);
  }
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw new PilegateError('wire.not_json', cause instanceof Error ? cause.message : 'not JSON', { cause });
  }
  const parsed = schema.safeParse(document);
  if (!parsed.success) {
    const complaints = complaintsOf(parsed.error);
    throw new PilegateError('wire.schema', describeComplaints(complaints.slice(0, 5)), { complaints });
  }
  return parsed.data;
}

/** The bytes of a message. */
export const encode = (message: object): string => JSON.stringify(message);
