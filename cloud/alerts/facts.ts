import { type ErrorCode, errorCatalogue } from '#shared/errors.ts';
import { type FaultCode, faultCatalogue } from '#shared/faults.ts';
import { localTimeIn } from '#shared/local-time.ts';
import { iso } from '../http/iso.ts';
import type { AlertLevel } from './levels.ts';
import { type PlatformAlarm, platformAlarms } from './platform-alarms.ts';
import type { AlertRow } from './tables.ts';

/** What is told of an alert, frozen when it is: every attempt says the same. */
export interface AlertFacts {
  readonly alert_id: string;
  readonly code: string;
  readonly level: AlertLevel;
  readonly subject: { readonly kind: string; readonly id: string };
  readonly site: { readonly site_id: string; readonly name: string; readonly timezone: string } | null;
  readonly pile_id: string | null;
  readonly connector_id: string | null;
  readonly partner_id: string | null;
  readonly alarm_count: number;
  /** Of its first alarm. */
  readonly raised_at: string;
  /** The same on the clock of the site; without a site in UTC. */
  readonly raised_local: string;
  readonly detail: string;
  readonly title: { readonly en: string; readonly zh: string };
  readonly what_to_do: { readonly en: string; readonly zh: string };
  /** Nobody has acknowledged it, and it is told again. */
  readonly is_repeat: boolean;
  readonly link: string | null;
}

const has = <Key extends string>(catalogue: Readonly<Record<Key, unknown>>, code: string): code is Key =>
  Object.hasOwn(catalogue, code);

/** The catalogue's words for a code: of a fault, of an alarm of the platform, of an error. One that none of them knows is told by its code. */
export function wordsFor(code: string): PlatformAlarm {
  if (has<FaultCode>(faultCatalogue, code)) return faultCatalogue[code];
  const own = Object.hasOwn(platformAlarms, code) ? platformAlarms[code] : undefined;
  if (own !== undefined) return own;
  if (has<ErrorCode>(errorCatalogue, code)) return errorCatalogue[code];
  return { en: code, zh: code, doEn: 'Look at its detail.', doZh: '请查看详情。' };
}

/** `2026-11-22 12:30`, on the clock of a place. */
export function localText(atMs: number, timezone: string): string {
  const { date, minuteOfDay } = localTimeIn(timezone)(atMs);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${date} ${two(Math.floor(minuteOfDay / 60))}:${two(minuteOfDay % 60)}`;
}

export function factsOf(
  alert: AlertRow,
  site: AlertFacts['site'],
  { isRepeat, publicUrl }: { readonly isRepeat: boolean; readonly publicUrl: string | null },
): AlertFacts {
  const { en, zh, doEn, doZh } = wordsFor(alert.code);
  return {
    alert_id: alert.alert_id,
    code: alert.code,
    level: alert.level,
    subject: { kind: alert.subject_kind, id: alert.subject_id },
    site,
    pile_id: alert.pile_id,
    connector_id: alert.connector_id,
    partner_id: alert.partner_id,
    alarm_count: alert.alarm_count,
    raised_at: iso(alert.first_raised_at_ms),
    raised_local: localText(alert.first_raised_at_ms, site?.timezone ?? 'UTC'),
    detail: alert.detail,
    title: { en, zh },
    what_to_do: { en: doEn, zh: doZh },
    is_repeat: isRepeat,
    link: publicUrl === null ? null : `${publicUrl.replace(/\/$/, '')}/staff/v1/alerts/${alert.alert_id}`,
  };
}
