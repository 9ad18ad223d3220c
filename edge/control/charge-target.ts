import { type MeterReading, rate } from '#shared/tariff/rate.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { ChargeTarget } from '#shared/wire/cdr.ts';
import type { Context } from './connector.ts';
import type { Reading } from './reading.ts';
import type { Session } from './session.ts';
import { sessionTimeMs } from './session-axis.ts';
import type { StopDetails } from './stop.ts';

type Ahead = Pick<MeterReading, 'atMs' | 'registerWh'>;

const DAY_MS = 86_400_000;
/** A tariff's day has so many bands at most; each may be half a minor unit too much twice, as electricity and as service. */
const MOST_PERIODS_PER_DAY = 48;
/** Wh × 1/10,000 unit per kWh, to 1/100 unit. */
const E4_WH_PER_MINOR = 100_000;

/**
 * What the charge will have come to if it is stopped at the next look and not now: until then, and until the current is off
 * after it, energy flows. A register that shows whole kilowatt-hours may have almost another one to tell.
 */
function ahead(
  session: Session,
  reading: Reading | null,
  { facts, now }: Context,
): { atMs: number; registerWh: number } {
  const powerW = reading?.powerW ?? facts.maxPowerW;
  const flowsWh = Math.ceil((powerW * facts.stopLeadMs) / 3_600_000);
  const untoldWh = facts.energy.resolutionWh - 1;
  const { lastReading } = session;
  return {
    atMs: sessionTimeMs(session, now) + facts.stopLeadMs,
    registerWh: lastReading.registerWh + Math.max(0, flowsWh) + untoldWh,
  };
}

/**
 * Where the charge was asked to end, once it is stopped too late at the next look; null while there is time. The hold comes
 * first: beyond it nobody pays.
 *
 * @param reading the last one; null when the pile is not heard, and may be delivering all it can
 */
export function targetReached(session: Session, reading: Reading | null, context: Context): ChargeTarget | null {
  const { limits, holdMinor } = session;
  const [first] = session.readings;
  const then = ahead(session, reading, context);
  if (holdMinor !== null && costsMore(session, then, holdMinor)) return 'hold';
  if (limits.amountMinor !== undefined && costsMore(session, then, limits.amountMinor)) return 'amount';
  if (limits.energyWh !== undefined && then.registerWh - first.registerWh > limits.energyWh) return 'energy';
  if (limits.durationMs !== undefined && then.atMs - first.atMs > limits.durationMs) return 'duration';
  const isFull = limits.socPercent !== undefined && (reading?.socPercent ?? 0) >= limits.socPercent;
  return isFull ? 'soc' : null;
}

/** Whether it is billed more than that. It is rated only when it may be; a charge without a tariff is billed nothing. */
function costsMore({ tariff, readings, lastReading }: Session, then: Ahead, amountMinor: number): boolean {
  const [first] = readings;
  if (tariff === null || costsAtMost(tariff, first, then) <= amountMinor) return false;
  return rate(tariff, [...readings, lastReading, { ...then, quality: 'estimated' }]).totalMinor > amountMinor;
}

/** All of it in the dearest band, and every line of as many periods as its days can have rounded up. */
function costsAtMost(tariff: Tariff, first: Ahead, then: Ahead): number {
  const bands = tariff.bands;
  const dearestE4 = Math.max(
    ...bands.map(({ electricityPriceE4, servicePriceE4 }) => electricityPriceE4 + servicePriceE4),
  );
  const days = Math.ceil((then.atMs - first.atMs) / DAY_MS) + 1;
  const energyMinor = ((then.registerWh - first.registerWh) * dearestE4) / E4_WH_PER_MINOR;
  return energyMinor + days * MOST_PERIODS_PER_DAY;
}

/** Nothing is wrong with it: the charge ends where it was asked to. */
export const targetStop = (target: ChargeTarget): StopDetails => ({
  cause: {
    reason: target === 'hold' ? 'hold-used-up' : 'target-reached',
    fault: null,
    voidReason: null,
    commandIds: [],
    target,
  },
  failure: { code: 'command.cancelled', detail: `its ${target} is reached` },
  latches: false,
});
