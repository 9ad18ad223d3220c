/**
 * Keeps the messages of one site in order while different sites run side by side, and holds the link back
 * when too many wait: the broker then stops delivering instead of this process running out of memory. All sites come by one link, so what
 * one of them says beyond its share is left out: it says again what it has no answer to.
 */
export interface SiteQueue {
  /** Resolves as soon as there is room for the next message, not when the job is done. */
  push(site: string, job: () => Promise<void>): Promise<void>;
  /** Resolves when nothing is under way for any site, or for any of those that are asked for. */
  idle(isAskedFor?: (site: string) => boolean): Promise<void>;
}

/**
 * @param limit how many messages may wait or run before the link is held back
 * @param ofASite and how many of one site
 * @param onLeftOut hears of each that is one too many
 */
export function createSiteQueue(
  limit: number,
  ofASite = limit,
  onLeftOut: (site: string) => void = () => {},
): SiteQueue {
  const tails = new Map<string, Promise<void>>();
  const counts = new Map<string, number>();
  const waiters: (() => void)[] = [];
  let pending = 0;

  const finish = (site: string, own: Promise<void>): void => {
    pending -= 1;
    if (tails.get(site) === own) tails.delete(site);
    const left = (counts.get(site) ?? 0) - 1;
    if (left > 0) counts.set(site, left);
    else counts.delete(site);
    waiters.shift()?.();
  };
  return {
    async push(site, job) {
      const own = counts.get(site) ?? 0;
      if (own >= ofASite) return onLeftOut(site);
      counts.set(site, own + 1);
      pending += 1;
      const before = tails.get(site) ?? Promise.resolve();
      const tail: Promise<void> = before.then(job).finally(() => finish(site, tail));
      tails.set(site, tail);
      if (pending >= limit) await new Promise<void>((resolve) => waiters.push(resolve));
    },
    async idle(isAskedFor = () => true) {
      for (;;) {
        const underWay = [...tails].filter(([site]) => isAskedFor(site));
        if (underWay.length === 0) return;
        await Promise.allSettled(underWay.map(([, tail]) => tail));
      }
    },
  };
}
