import type { z } from 'zod';
import type { FeeLine } from '#shared/tariff/fee-lines.ts';
import type { Rating } from '#shared/tariff/rate.ts';
import type { FeeRating } from '#shared/tariff/rate-fees.ts';
import { iso } from '../http/iso.ts';
import type { billSchema, feeBillSchema, feeLineSchema, moneySchema } from './schemas.ts';

/** An amount for machines and for people, exact in both. */
export function moneyView(minor: number, currency: string): z.infer<typeof moneySchema> {
  const digits = String(Math.abs(minor)).padStart(3, '0');
  return { minor, decimal: `${minor < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`, currency };
}

const feeLineView = (line: FeeLine): z.infer<typeof feeLineSchema> => ({
  fee: line.fee,
  minutes: line.kind === 'time' ? line.minutes : null,
  minute_price_e4: line.kind === 'time' ? line.minutePriceE4 : null,
  most_minor: line.kind === 'time' ? (line.mostMinor ?? null) : null,
  amount_minor: line.amountMinor,
});

/** What a charge costs, in the words of the partner API. */
export function billView(rating: Rating): z.infer<typeof billSchema> {
  return {
    tariff_id: rating.tariffId,
    tariff_version: rating.tariffVersion,
    energy_wh: rating.energyWh,
    lines: rating.lines.map((line) => ({
      fee: line.fee,
      band: line.band,
      from: iso(line.fromMs),
      to: iso(line.toMs),
      energy_wh: line.energyWh,
      price_e4: line.priceE4,
      amount_minor: line.amountMinor,
      split: line.split,
    })),
    electricity: moneyView(rating.electricityMinor, rating.currency),
    service: moneyView(rating.serviceMinor, rating.currency),
    fees: (rating.fees ?? []).map(feeLineView),
    total: moneyView(rating.totalMinor, rating.currency),
    held: rating.hold === undefined ? null : moneyView(rating.hold.holdMinor, rating.currency),
    charged: moneyView(rating.hold?.chargedMinor ?? rating.totalMinor, rating.currency),
  };
}

/** What something else than energy costs. */
export const feeBillView = (rating: FeeRating): z.infer<typeof feeBillSchema> => ({
  tariff_id: rating.tariffId,
  tariff_version: rating.tariffVersion,
  fees: rating.lines.map(feeLineView),
  total: moneyView(rating.totalMinor, rating.currency),
});
