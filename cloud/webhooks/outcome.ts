import { sql } from 'kysely';
import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { storable } from '../ingest/storable.ts';
import { raisePartnerAlarm } from '../partners/alarm.ts';
import type { ClaimedDelivery } from './claim.ts';
import type { PostOutcome } from './post.ts';
import { nextAttemptAtMs } from './retry-plan.ts';

const GONE = 410;
const DISABLE_AFTER_MS = 5 * 86_400_000;

type OutcomeContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'settings'>;

/**
 * Writes down how an attempt went. Two hundred and something is success; a redirect is not, because the
 * receiver that was checked is the one that has to answer.
 */
export async function recordOutcome(
  context: OutcomeContext,
  delivery: ClaimedDelivery,
  outcome: PostOutcome,
): Promise<void> {
  const nowMs = context.clock.wallMs();
  const status = outcome.kind === 'answered' ? outcome.status : null;
  await transaction(context.db, async (trx) => {
    if (status !== null && status >= 200 && status < 300) {
      await finish(trx, delivery, 'delivered', { status, error: null }, nowMs);
      await trx
        .updateTable('webhook_endpoints')
        .set({ failing_since_ms: null })
        .where('endpoint_id', '=', delivery.endpoint_id)
        .where('failing_since_ms', 'is not', null)
        .execute();
      return;
    }
    const error = outcome.kind === 'failed' ? storable(outcome.error, 500) : `HTTP ${outcome.status}`;
    await recordFailure(context, trx, delivery, { status, error }, nowMs);
  });
}

interface Failed {
  readonly status: number | null;
  readonly error: string;
}

async function recordFailure(
  context: OutcomeContext,
  trx: Trx,
  delivery: ClaimedDelivery,
  failed: Failed,
  nowMs: number,
) {
  const endpoint = await trx
    .updateTable('webhook_endpoints')
    .set({ failing_since_ms: sql<number>`coalesce(failing_since_ms, ${nowMs}::bigint)` })
    .where('endpoint_id', '=', delivery.endpoint_id)
    .returning(['failing_since_ms', 'partner_id'])
    .executeTakeFirstOrThrow();
  const about = { partnerId: endpoint.partner_id, severity: 'warning', nowMs } as const;
  const alarm = (code: string, detail: string) => raisePartnerAlarm(context, trx, { ...about, code, detail });
  const failedForMs = nowMs - (endpoint.failing_since_ms ?? nowMs);
  if (failed.status === GONE || failedForMs >= DISABLE_AFTER_MS) {
    const reason = failed.status === GONE ? 'the receiver answered 410 Gone' : 'every attempt failed for 5 days';
    await finish(trx, delivery, 'failed', failed, nowMs);
    await disableEndpoint(trx, delivery.endpoint_id, reason, nowMs);
    await alarm('webhook.endpoint_disabled', `endpoint ${delivery.endpoint_id}: ${reason}`);
    return;
  }
  const attempts = delivery.attempts + 1;
  const nextMs = nextAttemptAtMs(context.settings.webhookRetryMs, attempts, nowMs, context.random.fraction());
  if (nextMs === null) {
    await finish(trx, delivery, 'failed', failed, nowMs);
    await alarm(
      'webhook.delivery_failed',
      `event ${delivery.event_id} to endpoint ${delivery.endpoint_id}: ${failed.error}`,
    );
    return;
  }
  const change = { attempts, next_attempt_at_ms: nextMs, leased_until_ms: null };
  await ownDelivery(trx, delivery, ['pending'])
    .set({ ...change, last_http_status: failed.status, last_error: failed.error })
    .execute();
  const fields = { eventId: delivery.event_id, endpointId: delivery.endpoint_id, attempts, error: failed.error };
  context.logger.warn(fields, 'webhook fails and will be tried again');
}

/**
 * Only as long as this worker holds the lease: another one may have taken over meanwhile. What was cancelled
 * while it was on its way is still delivered, or failed.
 */
const ownDelivery = (trx: Trx, delivery: ClaimedDelivery, statuses: readonly ('pending' | 'cancelled')[]) =>
  trx
    .updateTable('webhook_deliveries')
    .where('delivery_id', '=', delivery.delivery_id)
    .where('status', 'in', statuses)
    .where('leased_until_ms', '=', delivery.leased_until_ms);

async function finish(
  trx: Trx,
  delivery: ClaimedDelivery,
  status: 'delivered' | 'failed',
  answer: { status: number | null; error: string | null },
  nowMs: number,
): Promise<void> {
  await ownDelivery(trx, delivery, ['pending', 'cancelled'])
    .set({
      status,
      attempts: delivery.attempts + 1,
      leased_until_ms: null,
      last_http_status: answer.status,
      last_error: answer.error,
      finished_at_ms: nowMs,
    })
    .execute();
}

/** Nothing more is sent there; what was waiting is cancelled and can be seen in the list of deliveries. */
export async function disableEndpoint(trx: Trx, endpointId: string, reason: string, nowMs: number): Promise<void> {
  await trx
    .updateTable('webhook_endpoints')
    .set({ disabled_at_ms: nowMs, disabled_reason: reason })
    .where('endpoint_id', '=', endpointId)
    .where('disabled_at_ms', 'is', null)
    .execute();
  await trx
    .updateTable('webhook_deliveries')
    .set({ status: 'cancelled', last_error: reason, finished_at_ms: nowMs })
    .where('endpoint_id', '=', endpointId)
    .where('status', '=', 'pending')
    .execute();
}
