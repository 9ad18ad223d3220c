/**
 * One look at a connector, in the terms of the domain. Null means that the pile did not tell, and is never zero.
 * `unknown` is a state that the profile does not know: it counts as a fault.
 */
export interface Reading {
  readonly status: 'unplugged' | 'plugged' | 'charging' | 'fault' | 'unknown';
  /** The largest phase current. */
  readonly currentMa: number | null;
  readonly powerW: number | null;
  /** Tenths of a degree Celsius. */
  readonly temperatureDc: number | null;
  /** Cumulative energy register. */
  readonly registerWh: number | null;
}
