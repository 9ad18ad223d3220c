import type { CloudContext } from '../context.ts';
import type { SecretBox } from '../keys/seal.ts';
import type { AttemptOutcome } from '../metrics/cloud-metrics.ts';
import { createLaneWorker, type LaneWorker } from '../runtime/lane-worker.ts';
import { type ClaimedDelivery, claimDue, endpointsWithDue } from './claim.ts';
import { recordOutcome } from './outcome.ts';
import type { PostOutcome, WebhookPoster } from './post.ts';
import { signWebhook } from './sign.ts';

type WorkerContext = Pick<
  CloudContext,
  'db' | 'clock' | 'random' | 'logger' | 'metrics' | 'settings' | 'secrets' | 'wake'
>;

/** Delivers webhooks from the database. Any number of workers may run: each leases what it sends. */
export const createDeliveryWorker = (context: WorkerContext, poster: WebhookPoster): LaneWorker =>
  createLaneWorker<ClaimedDelivery>({
    lanesWithDue: (full) => endpointsWithDue(context.db, full, context.clock.wallMs()),
    claim: (endpointId, places) => claimDue(context.db, endpointId, places, context.clock.wallMs()),
    attempt: (delivery) => attempt(context, poster, delivery),
    onLost: (error, { delivery_id: deliveryId }) =>
      context.logger.error({ err: error, deliveryId }, 'webhook attempt cannot be recorded'),
    onEnd: () => context.wake.deliveries(),
  });

export const endpointSecretContext = (endpointId: string): string => `webhook-endpoint:${endpointId}`;

const openSecret = (secrets: SecretBox, endpoint: { endpoint_id: string; secret_sealed: string }): string =>
  secrets.open(endpoint.secret_sealed, endpointSecretContext(endpoint.endpoint_id));

async function attempt(context: WorkerContext, poster: WebhookPoster, delivery: ClaimedDelivery): Promise<void> {
  const endpoint = await context.db
    .selectFrom('webhook_endpoints')
    .select(['endpoint_id', 'url', 'secret_sealed'])
    .where('endpoint_id', '=', delivery.endpoint_id)
    .executeTakeFirstOrThrow();
  const event = await context.db
    .selectFrom('webhook_events')
    .select('payload')
    .where('event_id', '=', delivery.event_id)
    .executeTakeFirstOrThrow();
  const timestampS = Math.floor(context.clock.wallMs() / 1000);
  const message = { id: delivery.event_id, timestampS, body: event.payload };
  const sentMonoMs = context.clock.monoMs();
  const outcome = await poster.post(
    endpoint.url,
    {
      'content-type': 'application/json',
      'user-agent': 'Pilegate-Webhooks/1',
      'webhook-id': message.id,
      'webhook-timestamp': String(timestampS),
      'webhook-signature': signWebhook(openSecret(context.secrets, endpoint), message),
    },
    message.body,
  );
  context.metrics.attempted(kindOf(outcome), context.clock.monoMs() - sentMonoMs);
  await recordOutcome(context, delivery, outcome);
}

function kindOf(outcome: PostOutcome): AttemptOutcome {
  if (outcome.kind === 'failed') return 'failed';
  return outcome.status >= 200 && outcome.status < 300 ? 'delivered' : 'refused';
}
