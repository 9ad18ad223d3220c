/** Monotonic time in milliseconds. It never jumps; its zero point is arbitrary but fixed for one process. */
export interface MonoClock {
  monoMs(): number;
}

/** Runs work again and again, or once at a monotonic instant. Each call returns the function that cancels it. */
export interface Scheduler {
  every(periodMs: number, run: () => void): () => void;
  at(dueMonoMs: number, run: () => void): () => void;
}
