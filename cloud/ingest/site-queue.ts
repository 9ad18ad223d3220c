/**
 * Keeps the messages of one site in order while different sites run side by side, and holds the link back
 * when too many wait: the broker then stops delivering instead of this process running out of memory.
 */
export interface SiteQueue {
  /** Resolves as soon as there is room for the next message, not when the job is done. */
  push(site: string, job: () => Promise<void>): Promise<void>;
  /** Resolves when nothing is under way for any site, or for any of those that are asked for. */
  idle(isAskedFor?: (site: string) => boolean): Promise<void>;
}

/** @param limit how many messages may wait or run before the link is held back */
export function createSiteQueue(limit: number): SiteQueue {
  const tails = new Map<string, Promise<void>>();
  const waiters: (() => void)[] = [];
  let pending = 0;

  const finish = (site: string, own: Promise<void>): void => {
    pending -= 1;
    if (tails.get(site) === own) tails.delete(site);
    waiters.shift()?.();
  };
  return {
    async push(site, job) {
      pending += 1;
      const before = tails.get(site) ?? Promise.resolve();
      const own: Promise<void> = before.then(job).finally(() => finish(site, own));
      tails.set(site, own);
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
