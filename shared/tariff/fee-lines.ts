import { z } from 'zod';
import { minutesAmountMinor, startedMinutes } from './amount.ts';
import type { OccupancyPrice, Tariff } from './tariff.ts';

/**
 * What is charged for something else than energy. `time`: started minutes × `minutePriceE4`, rounded half up once, and at
 * most `mostMinor` where there is a cap. `flat`: an amount of the tariff; of a `minimum`, what the energy lacks of it.
 */
export const feeLineSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('time'),
    fee: z.enum(['occupancy', 'reservation']),
    minutes: z.int().nonnegative(),
    minutePriceE4: z.int().nonnegative(),
    mostMinor: z.int().nonnegative().optional(),
    amountMinor: z.int().nonnegative(),
  }),
  z.object({
    kind: z.literal('flat'),
    fee: z.enum(['minimum', 'reservation', 'no-show']),
    amountMinor: z.int().nonnegative(),
  }),
]);
export type FeeLine = z.infer<typeof feeLineSchema>;

export const sumOfFees = (lines: readonly FeeLine[]): number => lines.reduce((sum, line) => sum + line.amountMinor, 0);

function timeLine(
  fee: 'occupancy' | 'reservation',
  minutes: number,
  minutePriceE4: number,
  mostMinor?: number,
): FeeLine {
  const fullMinor = minutesAmountMinor(minutes, minutePriceE4);
  if (mostMinor === undefined) return { kind: 'time', fee, minutes, minutePriceE4, amountMinor: fullMinor };
  return { kind: 'time', fee, minutes, minutePriceE4, mostMinor, amountMinor: Math.min(fullMinor, mostMinor) };
}

/** A charge that has delivered something costs the minimum at least: what its energy lacks of that. */
export function minimumLines(tariff: Tariff, energyWh: number, energyMinor: number): FeeLine[] {
  const lackingMinor = (tariff.minimumMinor ?? 0) - energyMinor;
  return energyWh > 0 && lackingMinor > 0 ? [{ kind: 'flat', fee: 'minimum', amountMinor: lackingMinor }] : [];
}

/** Every started minute beyond the grace time. */
export function occupancyLines(price: OccupancyPrice, occupiedMs: number): FeeLine[] {
  const minutes = startedMinutes(occupiedMs - price.graceMinutes * 60_000);
  return minutes === 0 ? [] : [timeLine('occupancy', minutes, price.minutePriceE4, price.mostMinor)];
}

/**
 * What a reservation costs: its flat fee, each started minute that the connector was held, and the fee for not coming.
 *
 * @param heldMs from the reservation until the charge began, or until it ran out or was given back
 */
export function reservationLines(
  { reservation }: Tariff,
  { heldMs, isNoShow }: { heldMs: number; isNoShow: boolean },
): FeeLine[] {
  if (reservation === undefined) return [];
  const { flatMinor, minutePriceE4, noShowMinor } = reservation;
  const minutes = startedMinutes(heldMs);
  return [
    ...(flatMinor === undefined ? [] : [{ kind: 'flat', fee: 'reservation', amountMinor: flatMinor } as const]),
    ...(minutePriceE4 === undefined || minutes === 0 ? [] : [timeLine('reservation', minutes, minutePriceE4)]),
    ...(noShowMinor === undefined || !isNoShow
      ? []
      : [{ kind: 'flat', fee: 'no-show', amountMinor: noShowMinor } as const]),
  ];
}
