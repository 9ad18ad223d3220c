import type { Complaint } from '#shared/errors.ts';
import type { Stamp } from '#shared/stamp.ts';
import { obstaclesTo } from '../config/change-effect.ts';
import type { SiteConfig } from '../config/site.ts';
import { differencesBetween } from './differences.ts';
import {
  activeIn,
  type DocumentHistory,
  documentDigest,
  highestVersion,
  lastFromFile,
  type StoredDocument,
  withActive,
  withLeft,
  withTrial,
  withWaiting,
} from './document-history.ts';

/** A version that ends the process so often before it is proven is left. */
export const MOST_STARTS = 3;

/** A configuration that has been read and found good; `Checked` is what was made of it. */
export type SiteCheck<Checked> = (
  text: string,
  name: string,
) =>
  | { readonly kind: 'good'; readonly checked: Checked }
  | { readonly kind: 'refused'; readonly reason: string; readonly complaints: readonly Complaint[] };

/** What a process that begins finds. */
export interface SiteFound<Checked extends { readonly site: SiteConfig }> {
  /** Of the kind `site`. */
  readonly history: DocumentHistory;
  /** The site's file; null where it cannot be read. */
  readonly file: { readonly path: string; readonly text: string } | null;
  /** Processes that began with the version on trial before this one. */
  readonly startsOf: (version: number) => number;
  /** Connectors whose charge is still open. */
  readonly charging: ReadonlySet<string>;
  readonly check: SiteCheck<Checked>;
  /** Of a version that was in force before: what newer software asks of new ones alone must not keep a site from beginning. */
  readonly checkAgain: SiteCheck<Checked>;
  readonly at: Stamp;
}

/** What a process begins with. */
export interface SiteAtStart<Checked> {
  readonly checked: Checked;
  readonly version: number;
  readonly text: string;
  /** What of the history has changed by this start. */
  readonly history: DocumentHistory;
  readonly isTrial: boolean;
  /** The trial begins with this start: whatever was counted of an earlier one does not count. */
  readonly isFirstTry: boolean;
  /** Versions that were left by this start, and why. */
  readonly left: readonly StoredDocument[];
  /** Why the file, or a version that is in force, is not what the process begins with. */
  readonly refused: readonly string[];
}

/**
 * Chooses what a process begins with: a new file, else the version on trial, else one that waits and may be applied, else the
 * one in force. What is broken is passed over for the last good one. The choice depends on what is stored and on nothing else, so
 * a start that was cut off makes the same choice again.
 *
 * @returns null when there is nothing good to begin with; `refused` of the caller's own check of the file says why
 */
export function siteAtStart<Checked extends { readonly site: SiteConfig }>(
  found: SiteFound<Checked>,
): SiteAtStart<Checked> | null {
  const refused: string[] = [];
  const offered = withFile(found, refused);
  const { history, left } = withoutFailures(offered, found);
  const pending = pendingChoice(history, found);
  const chosen = pending ?? goodChoice(history, found, refused);
  return chosen === null ? null : { ...chosen, left, refused };
}

type Choice<Checked> = Omit<SiteAtStart<Checked>, 'left' | 'refused'>;

/** A file counts when it is another one than was taken last. */
function withFile<Checked extends { readonly site: SiteConfig }>(
  { history, file, check, at }: SiteFound<Checked>,
  refused: string[],
): DocumentHistory {
  if (file === null) return history;
  const { path, text } = file;
  const digest = documentDigest(text);
  if (lastFromFile(history)?.digest === digest) return history;
  const checked = check(text, path);
  if (checked.kind === 'refused') {
    refused.push(checked.reason);
    return history;
  }
  const version = highestVersion(history) + 1;
  const taken = {
    kind: 'site',
    version,
    text,
    digest,
    source: 'file',
    reason: null,
    trial: null,
    takenAt: at,
  } as const;
  // There is nothing better: nobody could go back from it.
  if (activeIn(history) === null) return withActive(history, { ...taken, state: 'active' });
  return withWaiting(history, { ...taken, state: 'waiting' }, null);
}

/** Leaves the version on trial when it was begun with too often, and what this software cannot read. */
function withoutFailures<Checked extends { readonly site: SiteConfig }>(
  history: DocumentHistory,
  { startsOf, check }: SiteFound<Checked>,
): { history: DocumentHistory; left: readonly StoredDocument[] } {
  const pending = history.find(({ state }) => state === 'trying' || state === 'waiting');
  if (pending === undefined) return { history, left: [] };
  const { version, text, state } = pending;
  const starts = state === 'trying' ? startsOf(version) : 0;
  const checked = check(text, `version ${version}`);
  const reason =
    starts >= MOST_STARTS
      ? `${starts} processes began with it, and none has proven it`
      : checked.kind === 'refused'
        ? checked.reason
        : null;
  if (reason === null) return { history, left: [] };
  const after = withLeft(history, version, 'rolled-back', reason.slice(0, 1000));
  return { history: after, left: after.filter((stored) => stored.version === version) };
}

function pendingChoice<Checked extends { readonly site: SiteConfig }>(
  history: DocumentHistory,
  { check, checkAgain, charging }: SiteFound<Checked>,
): Choice<Checked> | null {
  const pending = history.find(({ state }) => state === 'trying' || state === 'waiting');
  if (pending === undefined) return null;
  const { version, text, state } = pending;
  const checked = check(text, `version ${version}`);
  if (checked.kind === 'refused') return null;
  const chosen = { checked: checked.checked, version, text, isTrial: true, isFirstTry: state === 'waiting' };
  if (state === 'trying') return { ...chosen, history };
  const active = activeIn(history);
  const former = active === null ? null : checkAgain(active.text, `version ${active.version}`);
  if (former?.kind === 'good') {
    const sites = { before: former.checked.site, after: checked.checked.site };
    if (obstaclesTo(differencesBetween(sites.before, sites.after), sites, charging).length > 0) return null;
  }
  return { ...chosen, history: withTrial(history, version, null) };
}

/** The version in force, or the last good one before it that this software can read. */
function goodChoice<Checked extends { readonly site: SiteConfig }>(
  history: DocumentHistory,
  { checkAgain }: SiteFound<Checked>,
  refused: string[],
): Choice<Checked> | null {
  const active = activeIn(history);
  if (active === null) return null;
  const candidates = history.filter(
    ({ version, state }) => version === active.version || (version < active.version && state === 'former'),
  );
  for (const { version, text } of candidates) {
    const checked = checkAgain(text, `version ${version}`);
    if (checked.kind === 'good')
      return { checked: checked.checked, version, text, history, isTrial: false, isFirstTry: false };
    refused.push(checked.reason);
  }
  return null;
}
