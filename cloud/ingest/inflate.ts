import { gunzipSync } from 'node:zlib';
import { PilegateError } from '#shared/errors.ts';
import { MAX_MESSAGE_BYTES } from '#shared/wire/decode.ts';

/** How a payload may be compressed. The welcome names them, and a site uses one of them or none. */
export const ENCODINGS = ['gzip'];

/** RFC 1952, 2.3.1. No JSON document begins like this, so nothing else has to tell the two apart. */
const isGzip = (payload: Uint8Array): boolean => payload[0] === 0x1f && payload[1] === 0x8b;

/**
 * What a payload says, compressed or not. Never more than a message may have comes out of it, however small it came in.
 *
 * @throws PilegateError `wire.schema` when it is too big; `wire.not_json` when it cannot be inflated
 */
export function inflated(payload: Uint8Array): Uint8Array {
  if (!isGzip(payload)) return payload;
  const tooBig = `more than ${MAX_MESSAGE_BYTES} bytes`;
  if (payload.byteLength > MAX_MESSAGE_BYTES) throw new PilegateError('wire.schema', tooBig);
  try {
    return gunzipSync(payload, { maxOutputLength: MAX_MESSAGE_BYTES });
  } catch (cause) {
    const isTooBig = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    if (isTooBig) throw new PilegateError('wire.schema', `${tooBig} when inflated`, { cause });
    throw new PilegateError('wire.not_json', 'cannot be inflated', { cause });
  }
}
