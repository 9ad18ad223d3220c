import { raisePlatformAlarm } from '../alarms/raise-alarm.ts';
import type { CloudContext } from '../context.ts';
import type { Trx } from '../db/transaction.ts';
import { iso } from '../http/iso.ts';
import { recordEvent } from './record-event.ts';

/**
 * Nothing more is sent there; what was waiting is cancelled and can be seen in the list of deliveries.
 *
 * @returns the endpoint as it is now; null when it had been disabled before
 */
export async function disableEndpoint(trx: Trx, endpointId: string, reason: string, nowMs: number) {
  const endpoint = await trx
    .updateTable('webhook_endpoints')
    .set({ disabled_at_ms: nowMs, disabled_reason: reason })
    .where('endpoint_id', '=', endpointId)
    .where('disabled_at_ms', 'is', null)
    .returningAll()
    .executeTakeFirst();
  await trx
    .updateTable('webhook_deliveries')
    .set({ status: 'cancelled', last_error: reason, finished_at_ms: nowMs })
    .where('delivery_id', 'in', (pending) =>
      pending
        .selectFrom('webhook_deliveries')
        .select('delivery_id')
        .where('endpoint_id', '=', endpointId)
        .where('status', '=', 'pending')
        // In the order in which others lock them.
        .orderBy('delivery_id')
        .forUpdate(),
    )
    .execute();
  return endpoint ?? null;
}

/** Disables an endpoint that its partner did not ask to disable: staff hear of it, and so do the partner's other endpoints. */
export async function disableWithNotice(
  context: Pick<CloudContext, 'random' | 'logger'>,
  trx: Trx,
  endpointId: string,
  reason: string,
  nowMs: number,
): Promise<void> {
  const endpoint = await disableEndpoint(trx, endpointId, reason, nowMs);
  if (endpoint === null) return;
  const { partner_id: partnerId, environment, url } = endpoint;
  await recordEvent(
    { trx, random: context.random, nowMs },
    {
      partnerId,
      environment,
      orderId: null,
      type: 'webhook.endpoint_disabled',
      data: { endpoint_id: endpointId, url, reason, disabled_at: iso(nowMs) },
      onlyEndpointId: null,
    },
  );
  await raisePlatformAlarm(context, trx, {
    partnerId,
    about: `webhook-endpoint/${endpointId}`,
    code: 'webhook.endpoint_disabled',
    severity: 'warning',
    detail: `endpoint ${endpointId}: ${reason}`,
    nowMs,
  });
}
