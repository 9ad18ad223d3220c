import { type FaultCode, faultCatalogue } from '#shared/faults.ts';
import type { CloudContext } from '../context.ts';
import type { Trx } from '../db/transaction.ts';
import { storable } from '../ingest/storable.ts';

/** An alarm about a site that the cloud raises itself: what a site cannot know, or cannot say. */
export async function raiseSiteAlarm(
  context: Pick<CloudContext, 'random' | 'logger'>,
  trx: Trx,
  alarm: { readonly siteId: string; readonly code: FaultCode; readonly detail: string; readonly nowMs: number },
): Promise<void> {
  const { siteId, code, nowMs } = alarm;
  const { severity } = faultCatalogue[code];
  const detail = storable(alarm.detail, 500);
  await trx
    .insertInto('alarms')
    .values({
      alarm_id: context.random.uuid(),
      source: 'platform',
      code,
      severity,
      site_id: siteId,
      detail,
      raised_at_ms: nowMs,
      received_at_ms: nowMs,
    })
    .execute();
  context.logger[severity === 'critical' ? 'error' : 'warn']({ siteId, code, detail }, 'alarm about a site');
}
