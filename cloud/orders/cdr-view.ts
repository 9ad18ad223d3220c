import type { z } from 'zod';
import { ratingSchema } from '#shared/tariff/rate.ts';
import { type Cdr, cdrSchema } from '#shared/wire/cdr.ts';
import type { CdrRow } from '../db/schema.ts';
import { iso } from '../http/iso.ts';
import { billView } from './bill-view.ts';
import type { cdrViewSchema } from './schemas.ts';
import { tariffView } from './tariff-view.ts';

/** The stored record. */
export const cdrOf = (row: Pick<CdrRow, 'document'>): Cdr => cdrSchema.parse(JSON.parse(row.document));

/** The stored record in the words of the partner API. */
export function cdrView(row: CdrRow): z.infer<typeof cdrViewSchema> {
  const cdr = cdrOf(row);
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
    reserved_ms: cdr.reservation?.heldMs ?? null,
    tariff: cdr.tariff === null ? null : tariffView(cdr.tariff),
    bill: cdr.rating === null ? null : billView(cdr.rating),
    bill_of_platform: rerated === null ? null : billView(rerated),
  };
}
