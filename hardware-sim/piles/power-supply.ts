/** The mains of one pile: whether a fault or a power cycle has switched it off. */
export interface PowerSupply {
  /** Off from now on for `offMs`. */
  cut(offMs: number, nowMs: number): void;
  /** Asked at every slice with the power-cut fault that holds then. A fault with a duration counts from when it is first seen. */
  isOn(fault: { readonly durationMs?: number | undefined } | undefined, nowMs: number): boolean;
}

/** Mains that are on. */
export function createPowerSupply(): PowerSupply {
  let offUntilMs = Number.NEGATIVE_INFINITY;
  let seen: object | undefined;
  const cut = (offMs: number, nowMs: number): void => {
    offUntilMs = Math.max(offUntilMs, nowMs + offMs);
  };
  return {
    cut,
    isOn: (fault, nowMs) => {
      if (fault !== undefined && fault.durationMs === undefined) return false;
      if (fault?.durationMs !== undefined && fault !== seen) cut(fault.durationMs, nowMs);
      seen = fault;
      return nowMs >= offUntilMs;
    },
  };
}
