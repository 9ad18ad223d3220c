import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { MAX_BUNDLE_BYTES, PIECE_BYTES, type Piece } from '#shared/wire/messages.ts';
import { withoutSecrets } from '../documents/without-secrets.ts';

/** What a site tells of itself, by part. The parts that may be left out when it is too much come last. */
export type Facts = Readonly<Record<string, unknown>>;

export interface Bundle {
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly pieces: number;
}

/** Left out one after the other, until the bundle has the size that it may have. */
const MAY_BE_LEFT_OUT = ['frames', 'fieldLog', 'ledgerLog', 'lines', 'devices', 'requests'];

/**
 * Packs facts: JSON, gzip. Whatever looks like a login in an address, and every value whose name says that it is secret, is blotted
 * out, though none should be among them.
 */
export function packBundle(facts: Facts): Bundle {
  let kept = facts;
  for (const part of [null, ...MAY_BE_LEFT_OUT]) {
    if (part !== null) kept = { ...kept, [part]: 'left out: the bundle would be too large' };
    const bytes = gzipSync(withoutSecrets(JSON.stringify(kept, blot)));
    if (bytes.length > MAX_BUNDLE_BYTES) continue;
    return {
      bytes,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      pieces: Math.ceil(bytes.length / PIECE_BYTES),
    };
  }
  throw new RangeError('the facts of the site do not fit a bundle');
}

const SECRET = /passw|secret|token|privatekey|cardnumber/i;

function blot(name: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return SECRET.test(name) && typeof value === 'string' && !name.endsWith('File') ? '***' : value;
}

/** @returns null when the bundle has no such piece */
export function pieceOf(bundle: Bundle, piece: number): Pick<Piece, 'piece' | 'pieces' | 'sha256' | 'base64'> | null {
  if (piece >= bundle.pieces) return null;
  const { sha256, pieces } = bundle;
  const base64 = bundle.bytes.subarray(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES).toString('base64');
  return { piece, pieces, sha256, base64 };
}
