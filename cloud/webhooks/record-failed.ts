import { sql } from 'kysely';
import { raisePlatformAlarm } from '../alarms/raise-alarm.ts';
import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import type { ClaimedDelivery } from './claim.ts';
import { disableWithNotice } from './disable.ts';
import type { Attempted } from './record-delivered.ts';
import { nextAttemptAtMs } from './retry-plan.ts';
import { addTry, type Try } from './tries.ts';

const GONE = 410;
export const DISABLE_AFTER_MS = 5 * 86_400_000;

type FailureContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'settings'>;

/**
 * Writes down an attempt that failed: it is put off as planned, or given up, and after five days without any success so is its endpoint.
 *
 * @param waitMs what the receiver has asked for; null: nothing
 */
export async function recordFailed(
  context: FailureContext,
  { delivery, attempt }: Attempted,
  waitMs: number | null,
): Promise<void> {
  const nowMs = context.clock.wallMs();
  await transaction(context.db, async (trx) => {
    const endpoint = await trx
      .updateTable('webhook_endpoints')
      .set({
        failing_since_ms: sql`case when url = ${delivery.url} then coalesce(failing_since_ms, ${nowMs}::bigint) else failing_since_ms end`,
      })
      .where('endpoint_id', '=', delivery.endpoint_id)
      .returning(['failing_since_ms', 'partner_id', 'url'])
      .executeTakeFirstOrThrow();
    const failedForMs = nowMs - (endpoint.failing_since_ms ?? nowMs);
    // What another address answered, from which the endpoint has been moved meanwhile, is nothing that it can be disabled for.
    if (endpoint.url === delivery.url && (attempt.http_status === GONE || failedForMs >= DISABLE_AFTER_MS)) {
      const reason =
        attempt.http_status === GONE ? 'the receiver answered 410 Gone' : 'every attempt failed for 5 days';
      await giveUp(trx, delivery, attempt, nowMs);
      await disableWithNotice(context, trx, delivery.endpoint_id, reason, nowMs);
      return;
    }
    const attempts = delivery.attempts + 1;
    const plan = context.settings.webhookRetryMs;
    const nextMs = nextAttemptAtMs(plan, attempts, nowMs, context.random.fraction(), waitMs);
    if (nextMs === null) {
      if (!(await giveUp(trx, delivery, attempt, nowMs))) return;
      await raisePlatformAlarm(context, trx, {
        partnerId: endpoint.partner_id,
        about: `webhook-endpoint/${delivery.endpoint_id}`,
        code: 'webhook.delivery_failed',
        severity: 'warning',
        detail: `event ${delivery.event_id} to endpoint ${delivery.endpoint_id}: ${attempt.error}`,
        nowMs,
      });
      return;
    }
    await putOff(trx, delivery, attempt, nextMs);
    const fields = { eventId: delivery.event_id, endpointId: delivery.endpoint_id, attempts, error: attempt.error };
    context.logger.warn(fields, 'webhook fails and will be tried again');
  });
}

const resultOf = (delivery: ClaimedDelivery, attempt: Try) => ({
  attempts: delivery.attempts + 1,
  leased_until_ms: null,
  last_http_status: attempt.http_status,
  last_error: attempt.error,
  tries: addTry(delivery.tries, attempt),
});

/** Only as long as this process holds the lease: another one may have taken over meanwhile. */
const ownDelivery = (trx: Trx, delivery: ClaimedDelivery, statuses: readonly ('pending' | 'cancelled')[]) =>
  trx
    .updateTable('webhook_deliveries')
    .where('delivery_id', '=', delivery.delivery_id)
    .where('status', 'in', statuses)
    .where('leased_until_ms', '=', delivery.leased_until_ms);

/** Returns whether it was ours to give up. */
async function giveUp(trx: Trx, delivery: ClaimedDelivery, attempt: Try, nowMs: number): Promise<boolean> {
  const { numUpdatedRows } = await ownDelivery(trx, delivery, ['pending', 'cancelled'])
    .set({ ...resultOf(delivery, attempt), status: 'failed', finished_at_ms: nowMs })
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** What is behind it in its lane is put off together with it, so that nobody looks at it in vain. */
async function putOff(trx: Trx, delivery: ClaimedDelivery, attempt: Try, nextMs: number): Promise<void> {
  await ownDelivery(trx, delivery, ['pending'])
    .set({ ...resultOf(delivery, attempt), next_attempt_at_ms: nextMs })
    .execute();
  await trx
    .updateTable('webhook_deliveries')
    .set({ next_attempt_at_ms: nextMs })
    .where('endpoint_id', '=', delivery.endpoint_id)
    .where('lane', '=', delivery.lane)
    .where('status', '=', 'pending')
    .where('delivery_id', '>', delivery.delivery_id)
    .where('next_attempt_at_ms', '<', nextMs)
    .execute();
}
