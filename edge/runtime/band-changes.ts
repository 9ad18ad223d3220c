import { localTimeIn } from '#shared/local-time.ts';
import { nextBandChangeMs } from '#shared/tariff/bands.ts';
import type { Context } from '../control/connector.ts';

/** Between two looks that are further apart the price has changed, for all that matters: nobody walks through years of minutes. */
const FURTHEST_MS = 2 * 86_400_000;

/** Finds changes of the price band; one zone table per time zone. */
export function bandChanges(): Context['bandChangeMs'] {
  const zones = new Map<string, ReturnType<typeof localTimeIn>>();
  return (tariff, afterMs, untilMs) => {
    const localTime = zones.get(tariff.timezone) ?? localTimeIn(tariff.timezone);
    zones.set(tariff.timezone, localTime);
    if (untilMs - afterMs > FURTHEST_MS) return untilMs;
    return nextBandChangeMs(tariff, afterMs, untilMs, localTime);
  };
}
