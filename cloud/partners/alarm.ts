import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { storable } from '../ingest/storable.ts';

export interface PartnerAlarm {
  /** Null: of somebody who is not known. */
  readonly partnerId: string | null;
  /** `kind/id`, of what is neither partner nor site. */
  readonly about?: string;
  readonly code: string;
  readonly severity: 'warning' | 'critical';
  readonly detail: string;
  readonly nowMs: number;
}

/** Tells staff of something about a partner or a caller. */
export async function raisePartnerAlarm(
  context: Pick<CloudContext, 'random' | 'logger'>,
  db: Pick<Db, 'insertInto'>,
  { partnerId, about, code, severity, detail, nowMs }: PartnerAlarm,
): Promise<void> {
  await db
    .insertInto('alarms')
    .values({
      alarm_id: context.random.uuid(),
      source: 'platform',
      code,
      severity,
      partner_id: partnerId,
      about: about ?? null,
      detail: storable(detail, 500),
      raised_at_ms: nowMs,
      received_at_ms: nowMs,
    })
    .execute();
  context.logger[severity === 'critical' ? 'error' : 'warn'](
    { partnerId, about, code, detail },
    'alarm about a partner',
  );
}
