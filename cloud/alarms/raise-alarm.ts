import { type FaultCode, faultCatalogue } from '#shared/faults.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { storable } from '../ingest/storable.ts';

/** What the cloud raises itself. */
export interface RaisedAlarm {
  readonly code: string;
  readonly severity: 'warning' | 'critical';
  /** Left out: of no site in particular. */
  readonly siteId?: string;
  /** Left out, or null: of nobody who is known. */
  readonly partnerId?: string | null;
  /** `kind/id`, of what is neither partner nor site. */
  readonly about?: string;
  readonly detail: string;
  readonly nowMs: number;
}

/** Tells staff of something, in the transaction of what it is about. */
export async function raisePlatformAlarm(
  { random, logger }: Pick<CloudContext, 'random' | 'logger'>,
  db: Pick<Db, 'insertInto'>,
  { code, severity, siteId, partnerId, about, detail, nowMs }: RaisedAlarm,
): Promise<void> {
  await db
    .insertInto('alarms')
    .values({
      alarm_id: random.uuid(),
      source: 'platform',
      code,
      severity,
      site_id: siteId ?? null,
      partner_id: partnerId ?? null,
      about: about ?? null,
      detail: storable(detail, 500),
      raised_at_ms: nowMs,
      received_at_ms: nowMs,
    })
    .execute();
  const level = severity === 'critical' ? 'error' : 'warn';
  logger[level]({ siteId, partnerId, about, code, detail }, 'the platform raises an alarm');
}

/** An alarm of the fault catalogue about a site: what that site cannot know, or cannot say. */
export const raiseSiteAlarm = (
  context: Pick<CloudContext, 'random' | 'logger'>,
  db: Pick<Db, 'insertInto'>,
  alarm: { readonly siteId: string; readonly code: FaultCode; readonly detail: string; readonly nowMs: number },
): Promise<void> => raisePlatformAlarm(context, db, { ...alarm, severity: faultCatalogue[alarm.code].severity });
