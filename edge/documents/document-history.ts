import { createHash } from 'node:crypto';
import type { DocumentKind, DocumentSource } from '#shared/documents.ts';
import type { Stamp } from '#shared/stamp.ts';

/**
 * `waiting`: taken, and to be applied when it may be. `trying`: applied, and not proven yet. `active`: in force, and good.
 * `former`: was good, until a later one took its place. `rolled-back`: was left for an earlier one. `withdrawn`: waited,
 * and was never applied. Of each kind one at most is active, and one at most waits or is tried.
 */
export type DocumentState = 'waiting' | 'trying' | 'active' | 'former' | 'rolled-back' | 'withdrawn';

/** What a version on trial has to bring back. */
export interface Trial {
  /** What answered before it was applied; null when nobody knows. */
  readonly before: HealthBefore | null;
}

export interface HealthBefore {
  /** Lines that were open. */
  readonly lineIds: readonly string[];
  /** Connectors whose pile answered. */
  readonly connectorIds: readonly string[];
  readonly isLinkUp: boolean;
}

/** One version of a document as it was taken. */
export interface StoredDocument {
  readonly kind: DocumentKind;
  readonly version: number;
  /** Byte for byte as it came. */
  readonly text: string;
  readonly digest: string;
  readonly source: DocumentSource;
  readonly state: DocumentState;
  /** Why it waits, or was left; null when there is nothing to say. */
  readonly reason: string | null;
  readonly trial: Trial | null;
  readonly takenAt: Stamp;
}

/** All that is kept of one kind, newest first. */
export type DocumentHistory = readonly StoredDocument[];

/** What of a history is written: rows that are new or changed, and versions that are no longer kept. */
export interface DocumentChange {
  readonly kind: DocumentKind;
  readonly put: readonly StoredDocument[];
  readonly drop: readonly number[];
}

/** So many versions are kept of each kind; beside them what is in use, and the last that came from a file. */
export const MAX_DOCUMENT_VERSIONS = 10;

export const documentDigest = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

const inState = (history: DocumentHistory, ...states: readonly DocumentState[]): StoredDocument | null =>
  history.find(({ state }) => states.includes(state)) ?? null;

/** The version that is in force, and proven. */
export const activeIn = (history: DocumentHistory): StoredDocument | null => inState(history, 'active');

/** The version that is to be applied, or is being proven. */
export const pendingIn = (history: DocumentHistory): StoredDocument | null => inState(history, 'waiting', 'trying');

export const knownAs = (history: DocumentHistory, version: number): StoredDocument | null =>
  history.find((stored) => stored.version === version) ?? null;

/** The version to roll back to: the last good one before the one in force. Null when there is none. */
export function formerIn(history: DocumentHistory): StoredDocument | null {
  const active = activeIn(history);
  const before = active === null ? history : history.filter(({ version }) => version < active.version);
  return inState(before, 'former');
}

/** What was last taken from a file. */
export const lastFromFile = (history: DocumentHistory): StoredDocument | null =>
  history.find(({ source }) => source === 'file') ?? null;

export const highestVersion = (history: DocumentHistory): number => history[0]?.version ?? 0;

/** Puts a version in force at once. Those above it were left for it. */
export function withActive(history: DocumentHistory, document: StoredDocument): DocumentHistory {
  const others = history.map((stored) => {
    if (stored.state === 'waiting' || stored.state === 'trying') return { ...stored, state: 'withdrawn' as const };
    if (stored.state !== 'active') return stored;
    return { ...stored, state: stored.version > document.version ? ('rolled-back' as const) : ('former' as const) };
  });
  return kept(others, { ...document, state: 'active', reason: null, trial: null });
}

/** Takes a version that is to be applied later, in place of one that is pending. The one in force stays so. */
export function withWaiting(
  history: DocumentHistory,
  document: StoredDocument,
  reason: string | null,
): DocumentHistory {
  const others = history.map((stored) =>
    stored.state === 'waiting' || stored.state === 'trying'
      ? { ...stored, state: 'withdrawn' as const, reason: 'another version came', trial: null }
      : stored,
  );
  return kept(others, { ...document, state: 'waiting', reason, trial: null });
}

/** The version that waits is begun with: what comes after is its trial. */
export const withTrial = (history: DocumentHistory, version: number, before: HealthBefore | null): DocumentHistory =>
  changed(history, version, { state: 'trying', reason: null, trial: { before } });

/** The version on trial is proven. */
export function withProven(history: DocumentHistory, version: number): DocumentHistory {
  const proven = knownAs(history, version);
  return proven === null ? history : withActive(without(history, version), proven);
}

/** A version that is pending is left: the one in force stays, or comes back. */
export const withLeft = (
  history: DocumentHistory,
  version: number,
  state: 'rolled-back' | 'withdrawn',
  reason: string,
): DocumentHistory => changed(history, version, { state, reason, trial: null });

/** What has to be written so that the store holds `after` where it held `before`. */
export function changeBetween(kind: DocumentKind, before: DocumentHistory, after: DocumentHistory): DocumentChange {
  return {
    kind,
    put: after.filter((stored) => !before.includes(stored)),
    drop: before.filter(({ version }) => knownAs(after, version) === null).map(({ version }) => version),
  };
}

const without = (history: DocumentHistory, version: number): DocumentHistory =>
  history.filter((stored) => stored.version !== version);

const changed = (
  history: DocumentHistory,
  version: number,
  change: Pick<StoredDocument, 'state' | 'reason' | 'trial'>,
): DocumentHistory => history.map((stored) => (stored.version === version ? { ...stored, ...change } : stored));

function kept(history: DocumentHistory, document: StoredDocument): DocumentHistory {
  const all = [...without(history, document.version), document].toSorted((a, b) => b.version - a.version);
  const former = formerIn(all);
  const needed = [activeIn(all), pendingIn(all), former, lastFromFile(all)];
  return all.filter((stored, i) => i < MAX_DOCUMENT_VERSIONS || needed.includes(stored));
}
