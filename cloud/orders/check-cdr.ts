import type { ChargeLimits } from '#shared/charge-limits.ts';
import { type Rating, rate } from '#shared/tariff/rate.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { Cdr, MeterEvent } from '#shared/wire/cdr.ts';
import { canonicalJson } from '../canonical-json.ts';

export type CdrComplaint =
  | 'cdr.unrated'
  | 'cdr.tariff_differs'
  | 'cdr.hold_differs'
  | 'cdr.reservation_differs'
  | 'cdr.limits_differ'
  | 'cdr.readings_implausible'
  | 'cdr.rating_differs';

export interface CdrVerdict {
  readonly verdict: 'agreed' | 'disagreed' | 'void';
  /** The bill as rated here; null when it cannot be rated. */
  readonly rerated: Rating | null;
  readonly complaint: { readonly code: CdrComplaint; readonly detail: string } | null;
}

const same = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b);

/** What a charge was started under: tariff version, the most that may be charged, where it ends; null where there is none. */
export interface AgreedTerms {
  readonly tariff: Tariff | null;
  readonly holdMinor: number | null;
  /** For how long the connector had been held for it; null: nobody had reserved it. */
  readonly heldMs: number | null;
  readonly limits: ChargeLimits | null;
}

/**
 * Rates a charge again from its readings and holds it against what the site has billed: equal line by line and
 * to the minor unit, or a person has to look at it. A void record is billed to nobody, whatever it says.
 */
export function checkCdr(cdr: Cdr, agreed: AgreedTerms): CdrVerdict {
  const rated = rateAgain(cdr);
  const rerated = rated.ok ? rated.rating : null;
  if (cdr.voidReason !== null) return { verdict: 'void', rerated, complaint: null };
  const disagree = (code: CdrComplaint, detail: string): CdrVerdict => ({
    verdict: 'disagreed',
    rerated,
    complaint: { code, detail },
  });
  if (cdr.tariff === null || cdr.rating === null) return disagree('cdr.unrated', 'the site had no tariff to rate with');
  if (agreed.tariff === null || !same(cdr.tariff, agreed.tariff)) {
    return disagree('cdr.tariff_differs', `rated with ${cdr.tariff.tariffId} version ${cdr.tariff.version}`);
  }
  if ((cdr.holdMinor ?? null) !== agreed.holdMinor) {
    return disagree(
      'cdr.hold_differs',
      `held by the site ${cdr.holdMinor ?? 'nothing'}, by the order ${agreed.holdMinor ?? 'nothing'}`,
    );
  }
  const heldMs = cdr.reservation?.heldMs ?? null;
  if (heldMs !== agreed.heldMs) {
    return disagree(
      'cdr.reservation_differs',
      `held for it by its record ${heldMs ?? 'not at all'}, by its reservation ${agreed.heldMs ?? 'not at all'} (ms)`,
    );
  }
  if (!same(cdr.limits ?? {}, agreed.limits ?? {})) {
    return disagree('cdr.limits_differ', 'the site knew of other limits than the order has');
  }
  if (!rated.ok) return disagree('cdr.readings_implausible', rated.detail);
  const contradiction = contradictionIn(cdr);
  if (contradiction !== null) return disagree('cdr.readings_implausible', contradiction);
  if (!same(cdr.rating, rated.rating)) {
    const detail = `site ${cdr.rating.totalMinor}, cloud ${rated.rating.totalMinor} minor units of ${rated.rating.currency}`;
    return disagree('cdr.rating_differs', detail);
  }
  return { verdict: 'agreed', rerated, complaint: null };
}

type Rated = { ok: true; rating: Rating } | { ok: false; detail: string };

function rateAgain(cdr: Cdr): Rated {
  if (cdr.tariff === null) return { ok: false, detail: 'no tariff' };
  try {
    return { ok: true, rating: rate(cdr.tariff, cdr.readings, cdr) };
  } catch (error) {
    if (error instanceof RangeError) return { ok: false, detail: error.message };
    throw error;
  }
}

/** The figures of a record must be those of its own readings. */
function contradictionIn(cdr: Cdr): string | null {
  const first = cdr.readings[0]?.registerWh;
  const last = cdr.readings.at(-1)?.registerWh;
  if (first !== cdr.meterStartWh) return `meter start ${cdr.meterStartWh} Wh, first reading ${first} Wh`;
  if (last !== cdr.meterEndWh) return `meter end ${cdr.meterEndWh} Wh, last reading ${last} Wh`;
  if (cdr.meterEndWh - cdr.meterStartWh !== cdr.energyWh) return `energy ${cdr.energyWh} Wh is not end less start`;
  const countedWh = countedByMeter(cdr);
  if (countedWh !== null && countedWh !== cdr.energyWh) {
    return `energy ${cdr.energyWh} Wh, by the meter's own counts ${countedWh} Wh`;
  }
  return null;
}

/** Events after which the meter counts on from another value; the others leave it on its course. */
const newCourses: ReadonlySet<MeterEvent['kind']> = new Set(['rollover', 'reset', 'replaced', 'jump']);

/**
 * The energy from the meter's raw counts: what it rose between its changes of course, and what was credited of those.
 * Null when the record does not carry all the evidence.
 */
function countedByMeter({ rawStartWh, rawEndWh, meterEvents, meterEventsLeftOut = 0 }: Cdr): number | null {
  if (rawStartWh === undefined || rawEndWh === undefined || meterEvents === undefined || meterEventsLeftOut > 0) {
    return null;
  }
  const changes = meterEvents.filter((event) => newCourses.has(event.kind));
  return changes.reduce(
    (sumWh, { fromRawWh, toRawWh, creditedWh }) => sumWh + fromRawWh + creditedWh - (toRawWh ?? fromRawWh),
    rawEndWh - rawStartWh,
  );
}
