import type { WatchedLoop } from './liveness.ts';

/** Counters that two threads see. It crosses to the other thread as it is: the memory is shared, not copied. */
export interface SharedTurns {
  readonly loops: readonly WatchedLoop[];
  readonly memory: SharedArrayBuffer;
}

export const shareTurns = (loops: readonly WatchedLoop[]): SharedTurns => ({
  loops,
  memory: new SharedArrayBuffer(Math.max(1, loops.length) * Int32Array.BYTES_PER_ELEMENT),
});

/** What a loop calls by its name when it has turned. */
export function turnCounter(shared: SharedTurns): (name: string) => void {
  const counters = new TurnCounters(shared);
  return (name) => counters.turned(name);
}

/** Counts the turns of loops. A thread that hangs sends no message about it; that its counters rest, everybody sees. */
export class TurnCounters {
  readonly loops: readonly WatchedLoop[];
  readonly #counts: Int32Array;

  constructor({ loops, memory }: SharedTurns) {
    this.loops = loops;
    this.#counts = new Int32Array(memory);
  }

  /** @throws TypeError when nobody watches a loop of this name: it would hang unseen */
  turned(name: string): void {
    const index = this.loops.findIndex((loop) => loop.name === name);
    if (index < 0) throw new TypeError(`no loop "${name}" is watched`);
    Atomics.add(this.#counts, index, 1);
  }

  /** In the order of the loops. */
  turns(): number[] {
    return this.loops.map((_, i) => Atomics.load(this.#counts, i));
  }
}
