/** What physically comes through the supply of one pile, or through a node of the site's network, where an external meter sits. */
export interface Supply {
  /** Since the process started, in Wh. */
  readonly energyWh: number;
  readonly powerW: number;
  /** L1..L3. */
  readonly currentsA: readonly [number, number, number];
  /** Each phase to neutral. */
  readonly voltageV: number;
}
