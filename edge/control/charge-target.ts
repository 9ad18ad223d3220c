import { costsAtMost } from '#shared/tariff/costs-at-most.ts';
import { type MeterReading, rate } from '#shared/tariff/rate.ts';
import type { ChargeTarget } from '#shared/wire/cdr.ts';
import type { Context } from './connector.ts';
import type { Reading } from './reading.ts';
import { type Session, termsOf } from './session.ts';
import { sessionTimeMs } from './session-axis.ts';
import type { StopDetails } from './stop.ts';

type Ahead = Pick<MeterReading, 'atMs' | 'registerWh'>;

/**
 * What the charge will have come to if it is stopped at the next look and not now: energy has flowed since the register was
 * last told, and flows until the current is off after that look. A register that shows whole kilowatt-hours may have almost another
 * one to tell.
 */
function ahead(session: Session, reading: Reading | null, { facts, now }: Context): Ahead {
  const { lastReading } = session;
  const atMs = sessionTimeMs(session, now) + facts.stopLeadMs;
  const powerW = Math.max(0, reading?.powerW ?? facts.maxPowerW);
  const flowsWh = Math.ceil((powerW * (atMs - lastReading.atMs)) / 3_600_000);
  const untoldWh = facts.energy.resolutionWh - 1;
  return { atMs, registerWh: lastReading.registerWh + flowsWh + untoldWh };
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
function costsMore(session: Session, then: Ahead, amountMinor: number): boolean {
  const { tariff, readings, lastReading } = session;
  const { reservation } = termsOf(session);
  const [first] = readings;
  if (tariff === null) return false;
  const mostMinor = costsAtMost(tariff, then.registerWh - first.registerWh, then.atMs - first.atMs, reservation);
  if (mostMinor <= amountMinor) return false;
  const kept = [...readings, lastReading, { ...then, quality: 'estimated' as const }];
  return rate(tariff, kept, reservation && { reservation }).totalMinor > amountMinor;
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
