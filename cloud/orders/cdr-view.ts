import type { z } from 'zod';
import { type Rating, ratingSchema } from '#shared/tariff/rate.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import { cdrSchema } from '#shared/wire/cdr.ts';
import type { CdrRow } from '../db/schema.ts';
import { iso } from '../http/iso.ts';
import type { billSchema, cdrViewSchema, moneySchema, tariffViewSchema } from './schemas.ts';

/** An amount for machines and for people, exact in both. */
export function moneyView(minor: number, currency: string): z.infer<typeof moneySchema> {
  const digits = String(Math.abs(minor)).padStart(3, '0');
  return { minor, decimal: `${minor < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`, currency };
}

export function tariffView(tariff: Tariff): z.infer<typeof tariffViewSchema> {
  return {
    tariff_id: tariff.tariffId,
    version: tariff.version,
    currency: tariff.currency,
    timezone: tariff.timezone,
    bands: tariff.bands.map((band) => ({
      name: band.name,
      start_minute: band.startMinute,
      electricity_price_e4: band.electricityPriceE4,
      service_price_e4: band.servicePriceE4,
    })),
  };
}

function billView(rating: Rating): z.infer<typeof billSchema> {
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
    fees: (rating.fees ?? []).map((line) => ({
      fee: line.fee,
      minutes: line.kind === 'time' ? line.minutes : null,
      minute_price_e4: line.kind === 'time' ? line.minutePriceE4 : null,
      most_minor: line.kind === 'time' ? (line.mostMinor ?? null) : null,
      amount_minor: line.amountMinor,
    })),
    total: moneyView(rating.totalMinor, rating.currency),
    held: rating.hold === undefined ? null : moneyView(rating.hold.holdMinor, rating.currency),
    charged: moneyView(rating.hold?.chargedMinor ?? rating.totalMinor, rating.currency),
  };
}

/** The stored record in the words of the partner API. */
export function cdrView(row: CdrRow): z.infer<typeof cdrViewSchema> {
  const cdr = cdrSchema.parse(JSON.parse(row.document));
  const rerated = row.rerated === null ? null : ratingSchema.parse(JSON.parse(row.rerated));
  return {
    cdr_id: cdr.cdrId,
    session_id: cdr.sessionId,
    started_at: iso(cdr.startedAt.wallMs),
    ended_at: iso(cdr.endedAt.wallMs),
    duration_ms: cdr.durationMs,
    meter_start_wh: cdr.meterStartWh,
    meter_end_wh: cdr.meterEndWh,
    energy_wh: cdr.energyWh,
    raw_start_wh: cdr.rawStartWh ?? null,
    raw_end_wh: cdr.rawEndWh ?? null,
    meter_events: (cdr.meterEvents ?? []).map((event) => ({
      at: iso(event.atMs),
      kind: event.kind,
      from_raw_wh: event.fromRawWh,
      to_raw_wh: event.toRawWh,
      credited_wh: event.creditedWh,
    })),
    meter_events_left_out: cdr.meterEventsLeftOut ?? 0,
    readings: cdr.readings.map((reading) => ({
      at: iso(reading.atMs),
      register_wh: reading.registerWh,
      quality: reading.quality,
    })),
    stop_reason: cdr.stopReason,
    target: cdr.target ?? null,
    fault_code: cdr.faultCode,
    marks: cdr.marks,
    void_reason: cdr.voidReason,
    tariff: cdr.tariff === null ? null : tariffView(cdr.tariff),
    bill: cdr.rating === null ? null : billView(cdr.rating),
    bill_of_platform: rerated === null ? null : billView(rerated),
  };
}
