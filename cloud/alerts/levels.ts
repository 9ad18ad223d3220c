import { type FaultCode, faultCatalogue } from '#shared/faults.ts';

/** From the least to the most. */
export const alertLevels = ['info', 'warning', 'critical', 'emergency'] as const;
export type AlertLevel = (typeof alertLevels)[number];

export const rankOf = (level: AlertLevel): number => alertLevels.indexOf(level);
export const higherOf = (one: AlertLevel, other: AlertLevel): AlertLevel =>
  rankOf(one) >= rankOf(other) ? one : other;

/** Current flows that nobody can stop, or people are in danger: whoever is told goes at once. */
const emergencies: ReadonlySet<string> = new Set<FaultCode>([
  'contactor-welded',
  'stop-not-proven',
  'stop-refused',
  'trip-failed',
  'energy-without-session',
  'emergency-stop',
  'site-emergency-stop',
  'fire',
  'smoke',
  'flood',
]);

/** Good to know, and nothing to do: they are listed, and by themselves tell nobody. */
const notices: ReadonlySet<string> = new Set<FaultCode | string>([
  'pile-restarted',
  'gun-removed',
  'max-duration',
  'max-energy',
  'credentials-revoked',
]);

/** Of the platform itself, where the severity that they are raised with says too little. */
const ofPlatform: Readonly<Record<string, AlertLevel>> = {
  'alert.channel_disabled': 'critical',
  'alert.channel_failing': 'warning',
};

/** What a level means beyond its name. */
export interface LevelPolicy {
  /** An alert closes by itself when for so long nothing was added to it; null: only a person closes it. */
  readonly closesAfterMs: number | null;
}
const DAY_MS = 86_400_000;
export const levelPolicies: Readonly<Record<AlertLevel, LevelPolicy>> = {
  info: { closesAfterMs: DAY_MS },
  warning: { closesAfterMs: 7 * DAY_MS },
  critical: { closesAfterMs: null },
  emergency: { closesAfterMs: null },
};

/**
 * The level of an alarm: what staff have set for its code, or else what the code and its severity mean. A severity that is not known counts
 * as critical: nothing is missed because it was misspelt.
 */
export function levelOf(
  { code, severity }: { readonly code: string; readonly severity: string },
  overrides: ReadonlyMap<string, AlertLevel>,
): AlertLevel {
  const set = overrides.get(code);
  if (set !== undefined) return set;
  if (emergencies.has(code)) return 'emergency';
  const own = ofPlatform[code];
  if (own !== undefined) return own;
  if (severity === 'warning' || severity === 'info') return notices.has(code) ? 'info' : severity;
  return 'critical';
}

/** What the program gives a code, at least and at most: the severity of what the catalogue of faults does not have is not known before it comes. */
export function programLevels(code: string): { readonly least: AlertLevel; readonly most: AlertLevel } {
  const known = faultCatalogue[code as FaultCode]?.severity;
  const of = (severity: string): AlertLevel => levelOf({ code, severity: known ?? severity }, new Map());
  return { least: of('info'), most: of('critical') };
}

/** The codes that a fault catalogue knows, by level as it is without any override: for the documentation and for whoever sets one. */
export const levelOfFault = (code: FaultCode): AlertLevel =>
  levelOf({ code, severity: faultCatalogue[code].severity }, new Map());
