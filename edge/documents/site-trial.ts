import type { SiteConfig } from '../config/site.ts';
import { differencesBetween } from './differences.ts';
import type { HealthBefore } from './document-history.ts';

/** What of a site works now. */
export interface SiteHealth {
  readonly openLineIds: ReadonlySet<string>;
  /** Connectors whose pile answers. */
  readonly answeringIds: ReadonlySet<string>;
  readonly isLinkUp: boolean;
}

/** What a configuration has to bring up before it counts as good. */
export interface Expected {
  readonly lineIds: readonly string[];
  readonly connectorIds: readonly string[];
  readonly isLinkUp: boolean;
}

/** So long a version is watched at least, though everything is there at once: a process that falls over does so early. */
export const TRIAL_AT_LEAST_MS = 10_000;
/** By then everything has to be there. */
export const TRIAL_AT_MOST_MS = 60_000;

/**
 * Lines that are new or changed, and whatever worked before and is still part of the site. What was broken before may stay so: a
 * dead pile must not keep its site from being changed.
 *
 * @param before null when nobody knows what worked
 */
export function expectedOf(before: HealthBefore | null, former: SiteConfig | null, site: SiteConfig): Expected {
  const isNew = (line: SiteConfig['lines'][number]) => {
    const known = former?.lines.find(({ lineId }) => lineId === line.lineId);
    return differencesBetween({ ...known }, line).some(({ path }) => !path.startsWith('frameLog'));
  };
  const worked = before?.lineIds ?? [];
  return {
    lineIds: site.lines
      .filter((line) => isAsked(site, line.lineId) && (worked.includes(line.lineId) || isNew(line)))
      .map(({ lineId }) => lineId),
    connectorIds: site.piles
      .map(({ connectorId }) => connectorId)
      .filter((connectorId) => before?.connectorIds.includes(connectorId) === true),
    isLinkUp: before?.isLinkUp === true,
  };
}

/** A line is opened by whoever asks something on it. */
function isAsked({ piles, meters, parking, io, power }: SiteConfig, lineId: string): boolean {
  const read = [...piles.map(({ meterId }) => meterId), power?.gridMeter?.meterId];
  const asked = [...piles, ...parking, ...io, ...meters.filter(({ meterId }) => read.includes(meterId))];
  return asked.some((device) => device.lineId === lineId);
}

export type TrialVerdict =
  | { readonly kind: 'proven' }
  | { readonly kind: 'going-on' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Judges a version on trial. @param forMs since the process began with it */
export function judgeTrial(expected: Expected, health: SiteHealth, forMs: number): TrialVerdict {
  const missing = missingOf(expected, health);
  if (missing.length === 0) return { kind: forMs >= TRIAL_AT_LEAST_MS ? 'proven' : 'going-on' };
  if (forMs < TRIAL_AT_MOST_MS) return { kind: 'going-on' };
  return { kind: 'failed', reason: `after ${TRIAL_AT_MOST_MS / 1000} s: ${missing.join('; ')}` };
}

function missingOf({ lineIds, connectorIds, isLinkUp }: Expected, health: SiteHealth): string[] {
  const closed = lineIds.filter((lineId) => !health.openLineIds.has(lineId));
  const silent = connectorIds.filter((connectorId) => !health.answeringIds.has(connectorId));
  return [
    ...closed.map((lineId) => `line ${lineId} does not open`),
    ...silent.map((connectorId) => `${connectorId} answered before, and does not`),
    ...(isLinkUp && !health.isLinkUp ? ['the cloud was there before, and is not'] : []),
  ];
}
