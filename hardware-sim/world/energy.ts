const MS_PER_HOUR = 3_600_000;

/** Active power in W of three phases at power factor 1. */
export function powerW(
  currentsA: readonly [number, number, number],
  [l1, l2, l3]: readonly [number, number, number],
): number {
  return currentsA[0] * l1 + currentsA[1] * l2 + currentsA[2] * l3;
}

/** Energy in Wh that flowed during `dtMs` while power went in a straight line from `fromW` to `toW`. */
export function energyWh(fromW: number, toW: number, dtMs: number): number {
  return (((fromW + toW) / 2) * dtMs) / MS_PER_HOUR;
}
