import { localTimeIn } from '#shared/local-time.ts';
import { nextBandChangeMs } from '#shared/tariff/bands.ts';
import type { Context } from '../control/connector.ts';

/** Finds changes of the price band; one zone table per time zone. */
export function bandChanges(): Context['bandChangeMs'] {
  const zones = new Map<string, ReturnType<typeof localTimeIn>>();
  return (tariff, afterMs, untilMs) => {
    const localTime = zones.get(tariff.timezone) ?? localTimeIn(tariff.timezone);
    zones.set(tariff.timezone, localTime);
    return nextBandChangeMs(tariff, afterMs, untilMs, localTime);
  };
}
