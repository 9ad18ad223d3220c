/** So much of one lane at once; one that is slow fills only its own places. */
const PER_LANE = 4;
/** And so much in all, so that memory and sockets of this process stay bounded. */
const IN_ALL = 256;

export interface LaneWorker {
  /** Starts what is due and returns without waiting for it. */
  startDue(): Promise<void>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

/** Rows that are to be sent somewhere: a lane is a receiver, and one that hangs must not keep the others waiting. */
export interface LaneWork<Item> {
  /** Lanes that have something due and are not among `full`. */
  lanesWithDue(full: readonly string[]): Promise<string[]>;
  /** Leases up to `places` of what is due in a lane. */
  claim(lane: string, places: number): Promise<readonly Item[]>;
  /** Sends, and writes down how that went. When it throws, the lease runs out and it is tried again. */
  attempt(item: Item): Promise<void>;
  onLost(error: unknown, item: Item): void;
  onEnd(): void;
}

/** Sends rows from the database. Any number of workers may run: each leases what it sends. */
export function createLaneWorker<Item>(work: LaneWork<Item>): LaneWorker {
  const underWay = new Map<string, number>();
  const tasks = new Set<Promise<void>>();
  const count = (lane: string, by: number): void => {
    const now = (underWay.get(lane) ?? 0) + by;
    if (now === 0) underWay.delete(lane);
    else underWay.set(lane, now);
  };
  const run = (lane: string, item: Item): void => {
    count(lane, 1);
    const task = work
      .attempt(item)
      .catch((error: unknown) => work.onLost(error, item))
      .finally(() => {
        count(lane, -1);
        tasks.delete(task);
        work.onEnd();
      });
    tasks.add(task);
  };
  return {
    async startDue() {
      const full = [...underWay].filter(([, n]) => n >= PER_LANE).map(([lane]) => lane);
      for (const lane of await work.lanesWithDue(full)) {
        const places = Math.min(PER_LANE - (underWay.get(lane) ?? 0), IN_ALL - tasks.size);
        if (places <= 0) continue;
        for (const item of await work.claim(lane, places)) run(lane, item);
      }
    },
    async idle() {
      while (tasks.size > 0) await Promise.all(tasks);
    },
  };
}
