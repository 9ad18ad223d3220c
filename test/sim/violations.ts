export interface Violation {
  readonly atMs: number;
  readonly invariant: string;
  readonly detail: string;
}

const MOST = 20;

/** What must hold and does not. The first is what counts: the rest may follow from it. */
export class Violations {
  readonly found: Violation[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  add(invariant: string, detail: string): void {
    const isKnown = this.found.some((one) => one.invariant === invariant && one.detail === detail);
    if (!isKnown && this.found.length < MOST) this.found.push({ atMs: this.#nowMs(), invariant, detail });
  }

  check(holds: boolean, invariant: string, detail: () => string): void {
    if (!holds) this.add(invariant, detail());
  }
}
