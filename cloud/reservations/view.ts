import type { z } from 'zod';
import { errorCatalogue } from '#shared/errors.ts';
import { feeRatingSchema } from '#shared/tariff/rate-fees.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { feeBillView } from '../orders/bill-view.ts';
import type { reservationSchema } from './schemas.ts';
import type { ReservationRow } from './tables.ts';

/** A reservation as its partner sees it. */
export function reservationView(row: ReservationRow): z.infer<typeof reservationSchema> {
  const entry = Object.entries(errorCatalogue).find(([code]) => code === row.code)?.[1];
  return {
    reservation_id: row.reservation_id,
    request_id: row.request_id,
    state: row.state,
    site_id: row.site_id,
    connector_id: row.connector_id,
    until: iso(row.until_ms),
    created_at: iso(row.created_at_ms),
    updated_at: iso(row.updated_at_ms),
    active_at: isoOrNull(row.active_at_ms),
    ended_at: isoOrNull(row.ended_at_ms),
    end_reason: row.end_reason,
    held_s: row.held_ms === null ? null : Math.floor(row.held_ms / 1000),
    order_id: row.order_id,
    fee: row.fee === null ? null : feeBillView(feeRatingSchema.parse(JSON.parse(row.fee))),
    failure:
      row.code === null || entry === undefined
        ? null
        : { code: row.code, detail: row.detail ?? '', fault: entry.fault },
  };
}
