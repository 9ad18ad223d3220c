/** Something that will happen. */
interface Entry {
  atMs: number;
  /** Breaks ties: what was asked for first happens first. */
  readonly order: number;
  readonly action: () => void;
  isOff: boolean;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const isBefore = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/**
 * Simulated time. One action after the other, each followed by everything that it has set off in promises: the databases
 * answer in microtasks, so nothing depends on how fast the machine is.
 */
export class Scheduler {
  #nowMs: number;
  #heap: Entry[] = [];
  #orders = 0;
  #steps = 0;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get steps(): number {
    return this.#steps;
  }

  /** @returns what calls it off */
  after(delayMs: number, action: () => void): () => void {
    return this.at(this.#nowMs + Math.max(0, delayMs), action);
  }

  at(atMs: number, action: () => void): () => void {
    const entry: Entry = { atMs: Math.max(this.#nowMs, atMs), order: this.#orders, action, isOff: false };
    this.#orders += 1;
    this.#push(entry);
    return () => {
      entry.isOff = true;
    };
  }

  /** @param afterStep looks at the world after each step; its promise is waited for */
  async run(untilMs: number, afterStep: () => Promise<void> | null): Promise<void> {
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= untilMs; next = this.#heap[0]) {
      this.#pop();
      if (next.isOff) continue;
      this.#nowMs = next.atMs;
      this.#steps += 1;
      next.action();
      await settled();
      const looking = afterStep();
      if (looking !== null) await looking;
    }
    this.#nowMs = untilMs;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(entry, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      const left = heap[2 * i + 1];
      const right = heap[2 * i + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (!isBefore(child, last)) break;
      heap[i] = child;
      i = 2 * i + (isRight ? 2 : 1);
    }
    heap[i] = last;
  }
}
