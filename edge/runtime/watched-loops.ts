import type { SiteConfig } from '../config/site.ts';
import type { SiteDevices } from '../config/site-devices.ts';
import type { WatchedLoop } from './liveness.ts';

/** A turn is at most some reads, a set-up and a feed: so often it waits for the line. */
const WAITS_PER_TURN = 4;
/** What a machine may be held up by. A false alarm ends the edge under running charges. */
const GRACE_MS = 20_000;
const POLLS = 3;

/**
 * The connector loops of a site, each with the longest honest turn: every device of its line silent, and each time the
 * slowest reply of all waited for. A pile's own watchdog is much faster; this bound is for the one who restarts the edge.
 */
export function watchedLoops(site: SiteConfig, { piles, meters, parking }: SiteDevices): readonly WatchedLoop[] {
  const devices = [...piles, ...meters, ...parking];
  return site.piles.flatMap(({ connectorId, lineId }) => {
    const pile = piles.find(({ config }) => config.connectorId === connectorId);
    if (pile === undefined) return [];
    const slowestMs = devices
      .filter(({ config }) => config.lineId === lineId)
      .reduce((sumMs, { profile }) => sumMs + profile.timing.slowestReplyMs, 0);
    return [{ name: connectorId, boundMs: GRACE_MS + POLLS * pile.profile.timing.pollMs + WAITS_PER_TURN * slowestMs }];
  });
}

/** The ledger thread, as the field thread watches it: a commit that is not back by then does not come back. */
export const LEDGER_LOOP: WatchedLoop = { name: 'ledger', boundMs: 10_000 };
