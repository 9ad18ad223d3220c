const MS_PER_HOUR = 3_600_000;

/** Active power in W of three phases at `voltageV` and power factor 1. */
export function powerW(currentsA: readonly [number, number, number], voltageV: number): number {
  return (currentsA[0] + currentsA[1] + currentsA[2]) * voltageV;
}

/** Energy in Wh that flowed during `dtMs` while power went in a straight line from `fromW` to `toW`. */
export function energyWh(fromW: number, toW: number, dtMs: number): number {
  return (((fromW + toW) / 2) * dtMs) / MS_PER_HOUR;
}
