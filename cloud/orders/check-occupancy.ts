import type { Stamp } from '#shared/stamp.ts';
import { type FeeRating, rateOccupancy } from '#shared/tariff/rate-fees.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { OccupancyRecord } from '#shared/wire/occupancy.ts';
import { canonicalJson } from '../canonical-json.ts';

export type OccupancyComplaint = 'occupancy.tariff_differs' | 'occupancy.implausible' | 'occupancy.rating_differs';

export interface OccupancyVerdict {
  /** As rated here; null when the tariff asks nothing for it. */
  readonly rerated: FeeRating | null;
  readonly complaint: { readonly code: OccupancyComplaint; readonly detail: string } | null;
}

/** Stamps are taken by another thread than the durations. */
const TOLERANCE_MS = 1000;

const same = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b);

/** Rates a stay again by the tariff of its charge, and holds it against what the site has billed and seen. */
export function checkOccupancy(occupancy: OccupancyRecord, cdr: Cdr): OccupancyVerdict {
  const rerated = cdr.tariff === null ? null : rateOccupancy(cdr.tariff, occupancy.occupiedMs);
  const complain = (code: OccupancyComplaint, detail: string): OccupancyVerdict => ({
    rerated,
    complaint: { code, detail },
  });
  const { tariff, rating } = occupancy;
  if (rerated === null || !same(tariff, cdr.tariff)) {
    return complain('occupancy.tariff_differs', `rated with ${tariff.tariffId} version ${tariff.version}`);
  }
  const contradiction = contradictionIn(occupancy, cdr);
  if (contradiction !== null) return complain('occupancy.implausible', contradiction);
  if (same(rating, rerated)) return { rerated, complaint: null };
  const detail = `site ${rating.totalMinor}, cloud ${rerated.totalMinor} minor units of ${rerated.currency}`;
  return complain('occupancy.rating_differs', detail);
}

function contradictionIn({ occupancyId, from, to, occupiedMs }: OccupancyRecord, cdr: Cdr): string | null {
  if (cdr.occupancyId !== occupancyId) return `the charge ended with ${cdr.occupancyId ?? 'nobody staying'}`;
  if (from.bootId !== cdr.endedAt.bootId || from.monoMs !== cdr.endedAt.monoMs)
    return 'it does not begin where the charge ended';
  const mostMs = betweenMs(from, to);
  if (mostMs === null || occupiedMs <= mostMs + TOLERANCE_MS) return null;
  return `occupied for ${occupiedMs} ms within ${mostMs} ms`;
}

/** The time between two stamps; null when nobody can know it. */
function betweenMs(from: Stamp, to: Stamp): number | null {
  if (from.bootId === to.bootId) return to.monoMs - from.monoMs;
  return from.clock === 'trusted' && to.clock === 'trusted' ? to.wallMs - from.wallMs : null;
}
