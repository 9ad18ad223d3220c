/** Heating of one part of a pile by its current. */
export interface Heating {
  readonly ambientC: number;
  /** Rise in °C above ambient, in the steady state, per A² of the most loaded phase. */
  readonly riseCPerA2: number;
  readonly timeConstantMs: number;
}

/** A pile in the shade: about 15 °C above ambient at 16 A, reached over some minutes. */
export const SHADED: Heating = { ambientC: 22, riseCPerA2: 0.06, timeConstantMs: 300_000 };

/** The contacts of a gun or plug: about 10 °C above ambient at 16 A, reached within a few minutes. */
export const GUN: Heating = { ambientC: 22, riseCPerA2: 0.04, timeConstantMs: 120_000 };

/** Temperature in °C after `dtMs` at `currentA`: exponential approach to the steady state. */
export function stepTemperature(heating: Heating, temperatureC: number, currentA: number, dtMs: number): number {
  const steadyC = heating.ambientC + heating.riseCPerA2 * currentA * currentA;
  return steadyC + (temperatureC - steadyC) * Math.exp(-dtMs / heating.timeConstantMs);
}
