import type { CloudContext } from '../context.ts';
import type { LaneWorker } from '../runtime/lane-worker.ts';
import { type Poller, startPoller } from '../runtime/poller.ts';
import { ticketsOfAlerts, ticketsOfDeadLetters, ticketsOfExceptions } from '../tickets/by-policy.ts';
import { tellOverdue } from '../tickets/overdue.ts';
import type { WebhookPoster } from '../webhooks/post.ts';
import { escalateDue } from './escalate.ts';
import { closeQuietAlerts } from './handle-alert.ts';
import { forgetPosts } from './posts/forget.ts';
import { createPostWorker } from './posts/post-worker.ts';
import { writePosts } from './posts/write-posts.ts';
import { createDeafnessNotes } from './standing.ts';
import { takeAlarms } from './take-alarms.ts';

const TAKE_EVERY_MS = 1_000;
const TELL_EVERY_MS = 1_000;
const TICKETS_EVERY_MS = 5_000;
const TIDY_EVERY_MS = 60_000;

export interface Alerting {
  readonly pollers: readonly Poller[];
  readonly worker: LaneWorker;
  wake(): void;
}

/** Makes alerts of alarms, and tells people. Taking and telling are two jobs: neither waits for what the other meets. */
export function startAlerts(context: CloudContext, poster: WebhookPoster): Alerting {
  const { timers, logger } = context;
  const worker = createPostWorker(context, poster);
  const telling = startPoller({
    name: 'tell of alerts',
    intervalMs: TELL_EVERY_MS,
    timers,
    logger,
    run: async () => {
      await escalateDue(context);
      await writePosts(context);
      await worker.startDue();
    },
  });
  const taking = startPoller({
    name: 'make alerts of alarms',
    intervalMs: TAKE_EVERY_MS,
    timers,
    logger,
    run: () => takeAlarms(context, ticketsOfAlerts(context)),
  });
  const ticketing = startPoller({
    name: 'open tickets',
    intervalMs: TICKETS_EVERY_MS,
    timers,
    logger,
    run: async () => {
      await ticketsOfExceptions(context);
      await ticketsOfDeadLetters(context);
      await tellOverdue(context);
    },
  });
  const noteDeafness = createDeafnessNotes(context);
  const tidying = startPoller({
    name: 'close quiet alerts',
    intervalMs: TIDY_EVERY_MS,
    timers,
    logger,
    run: async () => {
      await closeQuietAlerts(context);
      await noteDeafness();
    },
  });
  const forgetting = startPoller({
    name: 'forget who was told of alerts',
    intervalMs: TIDY_EVERY_MS,
    timers,
    logger,
    run: () => forgetPosts(context.db, context.clock.wallMs() - context.settings.alertPostsKeepMs),
  });
  return {
    pollers: [telling, taking, ticketing, tidying, forgetting],
    worker,
    wake() {
      taking.wake();
      telling.wake();
      ticketing.wake();
    },
  };
}
