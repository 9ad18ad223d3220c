import type { z } from 'zod';
import type { Band, Tariff } from '#shared/tariff/tariff.ts';
import type { bandViewSchema, tariffViewSchema } from './schemas.ts';

const bandView = (band: Band): z.infer<typeof bandViewSchema> => ({
  name: band.name,
  start_minute: band.startMinute,
  electricity_price_e4: band.electricityPriceE4,
  service_price_e4: band.servicePriceE4,
});

/** A tariff in the words of the partner API: everything that can come onto a bill is announced here. */
export function tariffView(tariff: Tariff): z.infer<typeof tariffViewSchema> {
  const { minimumMinor, occupancy, reservation } = tariff;
  return {
    tariff_id: tariff.tariffId,
    version: tariff.version,
    currency: tariff.currency,
    timezone: tariff.timezone,
    bands: tariff.bands.map(bandView),
    days: (tariff.days ?? []).map(({ name, months, weekdays, dates, bands }) => ({
      name,
      months: months ?? null,
      weekdays: weekdays ?? null,
      dates: dates ?? null,
      bands: bands.map(bandView),
    })),
    minimum_minor: minimumMinor ?? null,
    occupancy:
      occupancy === undefined
        ? null
        : {
            grace_minutes: occupancy.graceMinutes,
            minute_price_e4: occupancy.minutePriceE4,
            most_minor: occupancy.mostMinor ?? null,
          },
    reservation:
      reservation === undefined
        ? null
        : {
            flat_minor: reservation.flatMinor ?? null,
            minute_price_e4: reservation.minutePriceE4 ?? null,
            no_show_minor: reservation.noShowMinor ?? null,
          },
  };
}
