import { againstHold } from '#shared/tariff/rate.ts';
import { feeRatingSchema } from '#shared/tariff/rate-fees.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import { occupancySchema } from '#shared/wire/occupancy.ts';
import type { OccupancyRow } from '../db/schema.ts';
import { iso } from '../http/iso.ts';
import { feeBillView, moneyView } from './bill-view.ts';
import type { OrderView } from './schemas.ts';

/** How a vehicle stays after its charge, or has stayed; null where nothing is asked for that. */
export function occupancyView(cdr: Cdr, row: OccupancyRow | undefined): OrderView['occupancy'] {
  if (row === undefined) {
    if (cdr.occupancyId === undefined) return null;
    const open = { to: null, occupied_ms: null, ended_by: null, bill: null, bill_of_platform: null };
    return { occupancy_id: cdr.occupancyId, state: 'open', from: iso(cdr.endedAt.wallMs), ...open };
  }
  const occupancy = occupancySchema.parse(JSON.parse(row.document));
  const rerated = row.rerated === null ? null : feeRatingSchema.parse(JSON.parse(row.rerated));
  return {
    occupancy_id: occupancy.occupancyId,
    state: 'ended',
    from: iso(occupancy.from.wallMs),
    to: iso(occupancy.to.wallMs),
    occupied_ms: occupancy.occupiedMs,
    ended_by: occupancy.endedBy,
    bill: feeBillView(occupancy.rating),
    bill_of_platform: rerated === null ? null : feeBillView(rerated),
  };
}

/** What an order comes to: the charge and the stay after it, and no more than was held. Null: a person has to look at it. */
export function amountDue({ rating }: Cdr, row: OccupancyRow | undefined): OrderView['amount_due'] {
  if (rating === null || row?.is_agreed === false) return null;
  const stayMinor = row === undefined ? 0 : occupancySchema.parse(JSON.parse(row.document)).rating.totalMinor;
  const totalMinor = rating.totalMinor + stayMinor;
  const dueMinor = rating.hold === undefined ? totalMinor : againstHold(totalMinor, rating.hold.holdMinor).chargedMinor;
  return moneyView(dueMinor, rating.currency);
}
