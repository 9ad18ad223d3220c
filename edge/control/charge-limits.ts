import type { Context } from './connector.ts';
import type { Objection } from './influence.ts';
import type { Session } from './session.ts';
import { sessionTimeMs } from './session-axis.ts';

/** No charge of a vehicle takes longer, or more: the slowest pile and the largest truck battery fit well below. */
export const LONGEST_CHARGE_MS = 72 * 3_600_000;
export const LARGEST_CHARGE_WH = 1_200_000;

/** The longest time and the most energy that one charge may take: something has been forgotten, or does not count. */
export function chargeFault(session: Session, { facts, now }: Context): Objection | null {
  const [first] = session.readings;
  if (sessionTimeMs(session, now) - first.atMs >= facts.maxDurationMs)
    return { fault: 'max-duration', detail: `it has lasted ${Math.round(facts.maxDurationMs / 60_000)} min` };
  const energyWh = session.lastReading.registerWh - first.registerWh;
  return energyWh >= facts.maxEnergyWh ? { fault: 'max-energy', detail: `it has taken ${energyWh} Wh` } : null;
}
