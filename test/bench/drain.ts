import { openDrainSite } from '../drain/drain-site.ts';
import { judgeDrain } from '../drain/judge-drain.ts';
import { runDrain } from '../drain/run-drain.ts';
import { median, round } from './measure.ts';

const WEEK_DAYS = 7;

/**
 * Twenty piles come back after a week without their cloud, and go on charging meanwhile.
 *
 * @param days for how long they were alone
 */
export async function drain(days = WEEK_DAYS): Promise<Record<string, number>> {
  const site = await openDrainSite(days);
  try {
    const drained = await runDrain(site);
    const { samplesMissing, samplesDoubled, chargesWrong, outOfOrder, deadLetters } = await judgeDrain(site);
    return {
      events: site.backlog.events,
      samples: site.backlog.samples,
      drain_s: round(drained.drainedMs / 1000),
      drain_events_s: round(drained.eventsDrainedMs / 1000),
      events_per_s: Math.round(drained.eventsPerS),
      samples_per_s: Math.round(site.backlog.samples / ((drained.drainedMs - drained.eventsDrainedMs) / 1000)),
      edge_rss_peak_mb: round(drained.edgePeakRssMb, 1),
      cloud_rss_peak_mb: round(drained.cloudPeakRssMb, 1),
      start_ms_meanwhile: Math.round(median(drained.startsMeanwhileMs)),
      start_ms_meanwhile_most: Math.round(Math.max(...drained.startsMeanwhileMs)),
      start_ms_after: Math.round(median(drained.startsAfterMs)),
      live_view_silence_ms_most: Math.round(drained.longestSilenceMs),
      samples_missing: samplesMissing,
      samples_doubled: samplesDoubled,
      charges_wrong: chargesWrong,
      sessions_out_of_order: outOfOrder,
      dead_letters: deadLetters,
    };
  } finally {
    await site.close();
  }
}
