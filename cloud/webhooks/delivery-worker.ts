import type { CloudContext } from '../context.ts';
import type { LaneWorker } from '../runtime/lane-worker.ts';
import { type ClaimedDelivery, claimDue } from './claim.ts';
import type { PostOutcome, WebhookPoster } from './post.ts';
import { type Attempted, recordDelivered } from './record-delivered.ts';
import { recordFailed } from './record-failed.ts';
import { askedWaitMs } from './retry-plan.ts';
import { openSecrets } from './secrets.ts';
import { signWebhook } from './sign.ts';
import { isDelivered, tryOf } from './tries.ts';

/** So many requests at once to one endpoint; one that is slow fills only its own places. */
export const PER_ENDPOINT = 8;
/** And so many in all, so that memory and sockets of this process stay bounded. */
const IN_ALL = 256;
/** One that fails is asked by one request at a time, and all that fail have only a part of the places. */
const PER_FAILING = 1;
const FAILING_IN_ALL = 64;
/** For so long a failed attempt keeps its place: who refuses quickly must not cost more than who answers. */
const REST_MS = 250;

type WorkerContext = Pick<
  CloudContext,
  'db' | 'clock' | 'timers' | 'random' | 'logger' | 'metrics' | 'settings' | 'secrets' | 'wake'
>;

interface Kind {
  readonly failing: boolean;
  readonly perEndpoint: number;
  readonly inAll: number;
}
const HEALTHY: Kind = { failing: false, perEndpoint: PER_ENDPOINT, inAll: IN_ALL };
const FAILING: Kind = { failing: true, perEndpoint: PER_FAILING, inAll: FAILING_IN_ALL };

/** Delivers webhooks from the database. Any number of workers may run: each leases what it sends. */
export function createDeliveryWorker(context: WorkerContext, poster: WebhookPoster): LaneWorker {
  const taken = new Map<string, number>();
  const places = new Map<Kind, number>();
  const tasks = new Set<Promise<void>>();
  const book = createDeliveredBook(context);
  const count = (kind: Kind, endpointId: string, by: number): void => {
    const now = (taken.get(endpointId) ?? 0) + by;
    if (now === 0) taken.delete(endpointId);
    else taken.set(endpointId, now);
    places.set(kind, (places.get(kind) ?? 0) + by);
  };
  const run = (kind: Kind, delivery: ClaimedDelivery): void => {
    count(kind, delivery.endpoint_id, 1);
    const leave = (): void => {
      count(kind, delivery.endpoint_id, -1);
      context.wake.deliveries();
    };
    const task = attempt(context, poster, book, delivery)
      .then(
        (isThrough) => void (isThrough ? leave() : context.timers.after(REST_MS, leave)),
        (error: unknown) => {
          // The lease runs out and the delivery is tried again.
          context.logger.error({ err: error, deliveryId: delivery.delivery_id }, 'webhook attempt cannot be recorded');
          leave();
        },
      )
      .finally(() => tasks.delete(task));
    tasks.add(task);
  };
  return {
    async startDue() {
      for (const kind of [HEALTHY, FAILING]) {
        const inAll = Math.min(kind.inAll - (places.get(kind) ?? 0), IN_ALL - tasks.size);
        if (inAll <= 0) continue;
        const claimed = await claimDue(context.db, { ...kind, inAll, taken }, context.clock.wallMs());
        for (const delivery of claimed) run(kind, delivery);
      }
    },
    async idle() {
      while (tasks.size > 0) await Promise.all(tasks);
    },
  };
}

interface DeliveredBook {
  /** Resolves when it is written down. */
  enter(attempted: Attempted): Promise<void>;
}

/** Writes down together what has come through while the batch before was being written. */
function createDeliveredBook({ db, clock }: Pick<CloudContext, 'db' | 'clock'>): DeliveredBook {
  let waiting: Attempted[] = [];
  let next: Promise<void> | null = null;
  let writing: Promise<void> = Promise.resolve();
  const write = (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    next = null;
    writing = recordDelivered(db, batch, clock.wallMs());
    return writing;
  };
  return {
    enter(attempted) {
      waiting.push(attempted);
      next ??= writing.then(write, write);
      return next;
    },
  };
}

/** Returns whether it came through. */
async function attempt(
  context: WorkerContext,
  poster: WebhookPoster,
  book: DeliveredBook,
  delivery: ClaimedDelivery,
): Promise<boolean> {
  const { clock } = context;
  const nowMs = clock.wallMs();
  const beganMs = clock.monoMs();
  const timestampS = Math.floor(nowMs / 1000);
  const message = { id: delivery.event_id, timestampS, body: delivery.payload };
  const signatures = openSecrets(context.secrets, delivery, nowMs).map((secret) => signWebhook(secret, message));
  const outcome = await poster.post(
    delivery.url,
    {
      'content-type': 'application/json',
      'user-agent': 'Pilegate-Webhooks/1',
      'webhook-id': message.id,
      'webhook-timestamp': String(timestampS),
      'webhook-signature': signatures.join(' '),
    },
    message.body,
  );
  // No failure of the receiver: the lease runs out, and another process tries it.
  if (outcome.kind === 'failed' && outcome.isOurs === true) return true;
  const durationMs = clock.monoMs() - beganMs;
  const isThrough = isDelivered(outcome);
  context.metrics.attempted(outcome.kind === 'failed' ? 'failed' : isThrough ? 'delivered' : 'refused', durationMs);
  const attempted = { delivery, attempt: tryOf(outcome, nowMs, durationMs) };
  if (isThrough) await book.enter(attempted);
  else await recordFailed(context, attempted, waitAskedBy(outcome, clock.wallMs()));
  return isThrough;
}

const TOO_MANY = 429;
const UNAVAILABLE = 503;

function waitAskedBy(outcome: PostOutcome, nowMs: number): number | null {
  if (outcome.kind === 'failed' || outcome.retryAfter === null) return null;
  const { status, retryAfter } = outcome;
  return status === TOO_MANY || status === UNAVAILABLE ? askedWaitMs(retryAfter, nowMs) : null;
}
