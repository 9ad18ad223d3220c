/**
 * Time as an argument. Nothing in a pure folder asks the machine what time it is.
 *
 * `wallMs` is for people, bills and expiry; it can jump. `monoMs` is for durations, deadlines and
 * debounce; it only moves forward, and only within one boot.
 */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00Z. May jump either way when the clock is corrected. */
  wallMs(): number;
  /** Monotonic milliseconds since an arbitrary start. Never compare across boots. */
  monoMs(): number;
}

/** Timers as an argument, so that simulated time can drive the same code. */
export interface Timers {
  /** Runs `action` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, action: () => void): () => void;
}
