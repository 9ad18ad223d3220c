/** What was last believed of a cumulative energy register. */
export interface RegisterBelief {
  readonly registerWh: number;
  readonly monoMs: number;
}

/** Room for a register that is updated late and in steps. */
const STEP_ALLOWANCE_WH = 20;

/**
 * Whether a register value can be true: it never falls, and it rises no faster than the pile can deliver.
 * A value that fails is not billed; it is looked at again at the next reading.
 *
 * @param maxPowerW the most that the pile can deliver
 */
export function isPlausible(
  belief: RegisterBelief | null,
  registerWh: number,
  monoMs: number,
  maxPowerW: number,
): boolean {
  if (belief === null) return true;
  const mostWh = (maxPowerW * Math.max(0, monoMs - belief.monoMs)) / 3_600_000;
  const riseWh = registerWh - belief.registerWh;
  return riseWh >= 0 && riseWh <= mostWh + STEP_ALLOWANCE_WH;
}
