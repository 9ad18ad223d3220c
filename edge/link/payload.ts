import { gzipSync } from 'node:zlib';

/** Shorter messages gain nothing. */
const WORTHWHILE_BYTES = 512;

/** The bytes of a message as they go out: compressed, when the cloud has said that it reads that, and when it helps. */
export function payloadOf(text: string, encodings: readonly string[]): Uint8Array {
  const plain = Buffer.from(text);
  if (plain.byteLength < WORTHWHILE_BYTES || !encodings.includes('gzip')) return plain;
  const compressed = gzipSync(plain);
  return compressed.byteLength < plain.byteLength ? compressed : plain;
}
