import { createHash } from 'node:crypto';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

function ordered(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map(ordered);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, member]) => [key, ordered(member)]),
  );
}

const isList = (value: readonly Json[] | { readonly [key: string]: Json }): value is readonly Json[] =>
  Array.isArray(value);

/** JSON with the keys of every object in order, so that equal documents have equal bytes. */
export const canonicalJson = (document: unknown): string =>
  JSON.stringify(ordered(JSON.parse(JSON.stringify(document)) as Json));

/** SHA-256 of text or bytes, in hex. */
export const sha256Hex = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The digest by which two documents are held to be the same, whatever the order of their keys. */
export const digestOf = (document: unknown): string => sha256Hex(canonicalJson(document));
