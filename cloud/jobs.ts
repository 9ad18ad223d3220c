import { createHeadNotes } from './audit/note-head.ts';
import type { CloudContext } from './context.ts';
import { askDuePieces, forgetDiagnostics } from './diagnostics/ask.ts';
import { sendDueDocuments } from './documents/document-sender.ts';
import type { Down } from './ingest/down.ts';
import type { CloudLink } from './ingest/link.ts';
import { sweepBuckets } from './limits/rate-buckets.ts';
import { sendDueCommands } from './operations/command-sender.ts';
import { failOverdueStarts } from './operations/sweeper.ts';
import { endChargesOfRevokedSites } from './orders/gone-site.ts';
import { sweepBans } from './partners/bans.ts';
import { forgetUsage } from './partners/behaviour/key-usage.ts';
import { watchKeys } from './partners/behaviour/watch-keys.ts';
import { releaseForgotten } from './partners/credit/check-books.ts';
import { forgetAnswers } from './partners/first-answers.ts';
import { sweepNonces } from './partners/nonces.ts';
import { forgetDrafts } from './partners/onboarding/applications.ts';
import { tellOfLittleRoom } from './partners/onboarding/room.ts';
import { touchAtPriceTurns } from './partners/terms/price-turns.ts';
import { sweepReservations } from './reservations/sweep.ts';
import { sweepRollouts } from './rollouts/sweep.ts';
import type { LaneWorker } from './runtime/lane-worker.ts';
import { type Poller, startPoller } from './runtime/poller.ts';
import { forgetSamples } from './samples/forget-samples.ts';
import { forgetFaults } from './sandbox/faults.ts';
import { forgetAttempts } from './staff/login/attempts.ts';
import { forgetSessions } from './staff/login/sessions.ts';
import { sweepPlaces } from './streaming/places.ts';
import { forgetChanges } from './streaming/read-changes.ts';
import { tellChanges } from './streaming/tell-changes.ts';
import { sweepSilent } from './streaming/write-changes.ts';
import { lookAfterWebhooks } from './webhooks/look-after.ts';

/** Short, because it finds what a call from another process that was lost would have told. */
const COMMANDS_EVERY_MS = 250;
const DELIVERIES_EVERY_MS = 500;
const SWEEP_EVERY_MS = 1_000;
const CHANGES_EVERY_MS = 250;
const PRICES_EVERY_MS = 5_000;
const NONCES_EVERY_MS = 60_000;
const USAGE_EVERY_MS = 5_000;
const WATCH_EVERY_MS = 30_000;
const SAMPLES_EVERY_MS = 60_000;
const WEBHOOKS_EVERY_MS = 30_000;

/** Publishes commands, and then documents, for the sites whose shards this process has. Runs where the broker link is. */
export const startCommandSender = (context: CloudContext, link: CloudLink, down: Down): Poller =>
  startPoller({
    name: 'send commands',
    intervalMs: COMMANDS_EVERY_MS,
    timers: context.timers,
    logger: context.logger,
    // Without a link every try would only put the next one off.
    run: async () => {
      if (!link.isProven()) return;
      await sendDueCommands({ ...context, down });
      await sendDueDocuments({ ...context, down });
      await askDuePieces({ ...context, down });
    },
  });

/** Delivers webhooks. */
export const startDeliveries = (context: CloudContext, worker: LaneWorker): Poller =>
  startPoller({
    name: 'deliver webhooks',
    intervalMs: DELIVERIES_EVERY_MS,
    timers: context.timers,
    logger: context.logger,
    run: () => worker.startDue(),
  });

/** Writes down how keys are used. Runs where they are used. */
export const startUsage = ({ keyUsage, timers, logger }: CloudContext): Poller =>
  startPoller({
    name: 'write down how keys are used',
    intervalMs: USAGE_EVERY_MS,
    timers,
    logger,
    run: () => keyUsage.flush(),
  });

/** Ends what nobody confirmed, and forgets what may be forgotten. */
export function startSweepers(context: CloudContext): Poller[] {
  const { timers, logger } = context;
  return [
    startPoller({
      name: 'fail overdue starts',
      intervalMs: SWEEP_EVERY_MS,
      timers,
      logger,
      run: () => failOverdueStarts(context),
    }),
    startPoller({
      name: 'end reservations that nobody confirms, or ends',
      intervalMs: SWEEP_EVERY_MS,
      timers,
      logger,
      run: () => sweepReservations(context),
    }),
    startPoller({
      name: 'end charges at sites that are gone',
      intervalMs: NONCES_EVERY_MS,
      timers,
      logger,
      run: () => endChargesOfRevokedSites(context),
    }),
    startPoller({
      name: 'tell of prices that begin or end',
      intervalMs: PRICES_EVERY_MS,
      timers,
      logger,
      run: () => touchAtPriceTurns(context),
    }),
    startPoller({
      name: 'take roll-outs further',
      intervalMs: SWEEP_EVERY_MS,
      timers,
      logger,
      run: () => sweepRollouts(context),
    }),
    startPoller({
      name: 'forget diagnostics',
      intervalMs: NONCES_EVERY_MS,
      timers,
      logger,
      run: () => forgetDiagnostics(context.db, context.clock.wallMs()),
    }),
    startPoller({
      name: 'forget what was kept about callers',
      intervalMs: NONCES_EVERY_MS,
      timers,
      logger,
      run: async () => {
        const nowMs = context.clock.wallMs();
        await sweepNonces(context.db, nowMs);
        await sweepBans(context.db, nowMs);
        await sweepBuckets(context.db, nowMs);
        await forgetDrafts(context.db, nowMs);
        await tellOfLittleRoom(context);
        await forgetUsage(context.db, nowMs);
        await forgetAnswers(context.db, nowMs);
        await forgetFaults(context.db, nowMs);
      },
    }),
    startPoller({
      name: 'release what is held for nothing',
      intervalMs: NONCES_EVERY_MS,
      timers,
      logger,
      run: async () => {
        await releaseForgotten(context);
      },
    }),
    startPoller({
      name: 'watch how keys are used',
      intervalMs: WATCH_EVERY_MS,
      timers,
      logger,
      run: () => watchKeys(context),
    }),
    startPoller({
      name: 'note where the audit log stands',
      intervalMs: NONCES_EVERY_MS,
      timers,
      logger,
      run: createHeadNotes(context),
    }),
    startPoller({
      name: 'forget sessions of staff',
      intervalMs: NONCES_EVERY_MS,
      timers,
      logger,
      run: async () => {
        await forgetSessions(context.db, context.clock.wallMs());
        await forgetAttempts(context.db, context.clock.wallMs());
      },
    }),
    startPoller({
      name: 'look after webhooks',
      intervalMs: WEBHOOKS_EVERY_MS,
      timers,
      logger,
      run: () => lookAfterWebhooks(context),
    }),
    startPoller({
      name: 'find connectors that have become silent',
      intervalMs: SWEEP_EVERY_MS,
      timers,
      logger,
      run: () => sweepSilent(context.db, context.clock.wallMs()),
    }),
    startPoller({
      name: 'tell status changes',
      intervalMs: CHANGES_EVERY_MS,
      timers,
      logger,
      run: () => tellChanges(context),
    }),
    startPoller({
      name: 'forget status changes',
      intervalMs: SAMPLES_EVERY_MS,
      timers,
      logger,
      run: async () => {
        const nowMs = context.clock.wallMs();
        await forgetChanges(context.db, nowMs - context.settings.statusKeepMs);
        await sweepPlaces(context.db, nowMs);
      },
    }),
    startPoller({
      name: 'forget samples',
      intervalMs: SAMPLES_EVERY_MS,
      timers,
      logger,
      run: () => forgetSamples(context.db, context.clock.wallMs() - context.settings.samplesKeepMs),
    }),
  ];
}
