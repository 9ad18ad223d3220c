import type { CloudContext } from '../context.ts';
import type { SecretBox } from '../keys/seal.ts';
import { type ClaimedDelivery, claimDue, endpointsWithDue } from './claim.ts';
import { recordOutcome } from './outcome.ts';
import type { WebhookPoster } from './post.ts';
import { signWebhook } from './sign.ts';

/** So many requests at once to one endpoint; one that is slow fills only its own places. */
const PER_ENDPOINT = 4;
/** And so many in all, so that memory and sockets of this process stay bounded. */
const IN_ALL = 256;

export interface DeliveryWorker {
  /** Starts what is due and returns without waiting for the receivers. */
  startDue(): Promise<void>;
  /** Resolves when no request is under way. */
  idle(): Promise<void>;
}

type WorkerContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'settings' | 'secrets' | 'wake'>;

/** Delivers webhooks from the database. Any number of workers may run: each leases what it sends. */
export function createDeliveryWorker(context: WorkerContext, poster: WebhookPoster): DeliveryWorker {
  const underWay = new Map<string, number>();
  const tasks = new Set<Promise<void>>();
  const count = (endpointId: string, by: number): void => {
    const now = (underWay.get(endpointId) ?? 0) + by;
    if (now === 0) underWay.delete(endpointId);
    else underWay.set(endpointId, now);
  };
  const run = (delivery: ClaimedDelivery): void => {
    count(delivery.endpoint_id, 1);
    const task = attempt(context, poster, delivery)
      .catch((error: unknown) => {
        // The lease runs out and the delivery is tried again.
        context.logger.error({ err: error, deliveryId: delivery.delivery_id }, 'webhook attempt cannot be recorded');
      })
      .finally(() => {
        count(delivery.endpoint_id, -1);
        tasks.delete(task);
        context.wake.deliveries();
      });
    tasks.add(task);
  };
  return {
    async startDue() {
      const full = [...underWay].filter(([, n]) => n >= PER_ENDPOINT).map(([endpointId]) => endpointId);
      for (const endpointId of await endpointsWithDue(context.db, full, context.clock.wallMs())) {
        const places = Math.min(PER_ENDPOINT - (underWay.get(endpointId) ?? 0), IN_ALL - tasks.size);
        if (places <= 0) continue;
        const claimed = await claimDue(context.db, endpointId, places, context.clock.wallMs());
        for (const delivery of claimed) run(delivery);
      }
    },
    async idle() {
      while (tasks.size > 0) await Promise.all(tasks);
    },
  };
}

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
  await recordOutcome(context, delivery, outcome);
}
