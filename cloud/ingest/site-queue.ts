/**
 * Keeps the messages of one site in order while different sites run side by side, and holds the link back
 * when too many wait: the broker then stops delivering instead of this process running out of memory.
 */
export interface SiteQueue {
  /** Resolves as soon as there is room for the next message, not when the job is done. */
  push(siteId: string, job: () => Promise<void>): Promise<void>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

/** @param limit how many messages may wait or run before the link is held back */
export function createSiteQueue(limit: number): SiteQueue {
  const tails = new Map<string, Promise<void>>();
  const waiters: (() => void)[] = [];
  let pending = 0;

  const finish = (siteId: string, own: Promise<void>): void => {
    pending -= 1;
    if (tails.get(siteId) === own) tails.delete(siteId);
    waiters.shift()?.();
  };
  return {
    async push(siteId, job) {
      pending += 1;
      const before = tails.get(siteId) ?? Promise.resolve();
      const own: Promise<void> = before.then(job).finally(() => finish(siteId, own));
      tails.set(siteId, own);
      if (pending >= limit) await new Promise<void>((resolve) => waiters.push(resolve));
    },
    async idle() {
      while (tails.size > 0) await Promise.allSettled([...tails.values()]);
    },
  };
}
