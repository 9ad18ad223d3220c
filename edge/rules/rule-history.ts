/** One version of the rules as it was taken. At most one is active. */
export interface StoredRules {
  readonly version: number;
  readonly document: unknown;
  readonly isActive: boolean;
}

/** Newest first. Versions only rise, so those above the active one are those that were rolled back. */
export type RuleHistory = readonly StoredRules[];

export const MAX_VERSIONS = 10;

export const activeIn = (history: RuleHistory): StoredRules | null => history.find(({ isActive }) => isActive) ?? null;

export const knownAs = (history: RuleHistory, version: number): StoredRules | null =>
  history.find((stored) => stored.version === version) ?? null;

/** The version to roll back to; null when there is none. */
export function formerIn(history: RuleHistory): StoredRules | null {
  const active = activeIn(history);
  return active === null ? null : (history.find(({ version }) => version < active.version) ?? null);
}

/**
 * Makes a version the active one. A new one takes the place of those that were rolled back: nobody returns to them by
 * going back from it.
 */
export function withActive(history: RuleHistory, version: number, document: unknown): RuleHistory {
  const active = activeIn(history);
  const isKnown = knownAs(history, version) !== null;
  const kept = history.filter(
    (stored) => stored.version !== version && (isKnown || active === null || stored.version <= active.version),
  );
  return [...kept.map((stored) => ({ ...stored, isActive: false })), { version, document, isActive: true }]
    .toSorted((a, b) => b.version - a.version)
    .slice(0, MAX_VERSIONS);
}
