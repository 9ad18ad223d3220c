import { z } from 'zod';
import type { Stamp } from '#shared/stamp.ts';
import { describeDifference, differencesBetween } from './differences.ts';
import { type DocumentHistory, documentDigest, type StoredDocument } from './document-history.ts';
import type { DocumentReader } from './document-kind.ts';
import { readDocument } from './read-document.ts';

export const at: Stamp = {
  wallMs: 1_767_225_600_000,
  monoMs: 1000,
  bootId: '00000000-0000-4000-8000-000000000900',
  clock: 'trusted',
};

/** A version as it is stored; its text is made of its number. */
export function stored(version: number, change: Partial<StoredDocument> = {}): StoredDocument {
  const text = change.text ?? `{ "version": ${version} }`;
  return {
    kind: 'tariffs',
    version,
    text,
    digest: documentDigest(text),
    source: 'cloud',
    state: 'former',
    reason: null,
    trial: null,
    takenAt: at,
    ...change,
  };
}

/** Versions and how they stand: "3 active, 2 former". */
export const standing = (history: DocumentHistory): string =>
  history.map(({ version, state }) => `${version} ${state}`).join(', ');

const noteSchema = z.strictObject({ version: z.int().positive(), note: z.string().optional() });
export type Note = z.infer<typeof noteSchema>;

/** A kind of documents that state their version. */
export const noteReader: DocumentReader<Note> = {
  read: (text, name) => readDocument(text, name, noteSchema).value,
  readAgain: (text, name) => readDocument(text, name, noteSchema).value,
  versionOf: ({ version }) => version,
  differences: (before, after) => differencesBetween(before, after).map(describeDifference),
};
