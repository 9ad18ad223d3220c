import { type ChargeTerms, rate } from '#shared/tariff/rate.ts';
import { rateOccupancy } from '#shared/tariff/rate-fees.ts';
import type { DayPlan, OccupancyPrice, ReservationPrice, Tariff } from '#shared/tariff/tariff.ts';

// An independent second opinion in another style: zone offsets by rule, boundaries by listing candidates, amounts
// by quotient and remainder. It shares no code and no method with the rating it checks.

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MINUTE = 60_000;

/** The n-th Sunday of a month at 00:00Z; the last one for n = -1. Months from 0. */
function sundayMs(year: number, month: number, n: number): number {
  const sundays: number[] = [];
  for (let day = 1; day <= new Date(Date.UTC(year, month + 1, 0)).getUTCDate(); day += 1) {
    const midnight = Date.UTC(year, month, day);
    if (new Date(midnight).getUTCDay() === 0) sundays.push(midnight);
  }
  return sundays.at(n === -1 ? -1 : n - 1) ?? 0;
}

interface ZoneRule {
  readonly winter: number;
  readonly summer: number;
  /** When summer time begins and ends in a year; null: never. */
  readonly summerIn: ((year: number) => readonly [number, number]) | null;
  /** Summer is at the turn of the year. */
  readonly isSouthern?: boolean;
}

const zoneRules: Record<string, ZoneRule> = {
  'Asia/Shanghai': { winter: 8 * HOUR, summer: 8 * HOUR, summerIn: null },
  'Asia/Kolkata': { winter: 5.5 * HOUR, summer: 5.5 * HOUR, summerIn: null },
  'Europe/Copenhagen': {
    winter: HOUR,
    summer: 2 * HOUR,
    summerIn: (year) => [sundayMs(year, 2, -1) + HOUR, sundayMs(year, 9, -1) + HOUR],
  },
  'America/New_York': {
    winter: -5 * HOUR,
    summer: -4 * HOUR,
    summerIn: (year) => [sundayMs(year, 2, 2) + 7 * HOUR, sundayMs(year, 10, 1) + 6 * HOUR],
  },
  'Australia/Lord_Howe': {
    winter: 10.5 * HOUR,
    summer: 11 * HOUR,
    summerIn: (year) => [sundayMs(year, 9, 1) - 8.5 * HOUR, sundayMs(year, 3, 1) - 9 * HOUR],
    isSouthern: true,
  },
};

const ruleOf = (zone: string): ZoneRule => zoneRules[zone] ?? { winter: 0, summer: 0, summerIn: null };

/** The changes of a zone's clocks around an instant. */
function changesNear(zone: string, atMs: number): number[] {
  const year = new Date(atMs).getUTCFullYear();
  const { summerIn } = ruleOf(zone);
  return summerIn === null ? [] : [...summerIn(year - 1), ...summerIn(year), ...summerIn(year + 1)];
}

function offsetMs(zone: string, atMs: number): number {
  const { winter, summer, summerIn, isSouthern } = ruleOf(zone);
  if (summerIn === null) return winter;
  const [begin, end] = summerIn(new Date(atMs).getUTCFullYear());
  const isSummer = isSouthern === true ? atMs >= begin || atMs < end : atMs >= begin && atMs < end;
  return isSummer ? summer : winter;
}

export interface OracleCase {
  zone: string;
  starts: number[];
  prices: number[];
  /** Local days with a day plan of one price; the first that fits. */
  plans: { months: number[] | null; weekdays: number[] | null; price: number; half: number }[];
  points: [number, number][];
  minimum: number;
  hold: number | null;
  heldMs: number | null;
  reservation: { flat: number; minute: number };
  occupancy: { grace: number; minute: number; most: number | null };
  occupiedMs: number;
}

/** The name and the price of the band at an instant. Day plans have a band of the plan's price and, from noon, one of half. */
function bandOf(c: OracleCase, atMs: number): [string, number] {
  const local = new Date(atMs + offsetMs(c.zone, atMs));
  const minute = local.getUTCHours() * 60 + local.getUTCMinutes();
  const index = c.plans.findIndex(
    ({ months, weekdays }) =>
      (months === null || months.includes(local.getUTCMonth() + 1)) &&
      (weekdays === null || weekdays.some((weekday) => weekday % 7 === local.getUTCDay())),
  );
  const plan = c.plans[index];
  if (plan !== undefined) return minute < 720 ? [`p${index}am`, plan.price] : [`p${index}pm`, plan.half];
  const band = c.starts.filter((start) => start <= minute).length - 1;
  return [`b${band}`, c.prices[band] ?? 0];
}

function boundaries(c: OracleCase, fromMs: number, toMs: number): number[] {
  const found = new Set<number>();
  const { winter, summer } = ruleOf(c.zone);
  const starts = c.plans.length === 0 ? c.starts : [...c.starts, 720];
  const candidates = changesNear(c.zone, fromMs);
  for (let day = Math.floor(fromMs / DAY) - 1; day * DAY <= toMs + DAY; day += 1)
    for (const offset of [winter, summer])
      for (const start of starts) candidates.push(day * DAY + start * MINUTE - offset);
  for (const candidate of candidates) {
    const isInside = candidate > fromMs && candidate < toMs;
    if (isInside && bandOf(c, candidate - 1)[0] !== bandOf(c, candidate)[0]) found.add(candidate);
  }
  return [...found].sort((a, b) => a - b);
}

/** Floor of the straight line between the readings around an instant. */
function registerAt(points: [number, number][], atMs: number): number {
  const hit = points.find(([ms]) => ms === atMs);
  if (hit !== undefined) return hit[1];
  const before = points.findLast(([ms]) => ms < atMs) ?? [0, 0];
  const after = points.find(([ms]) => ms > atMs) ?? [0, 0];
  const [rise, gone, span] = [after[1] - before[1], atMs - before[0], after[0] - before[0]].map(BigInt);
  return before[1] + Number(((rise ?? 0n) * (gone ?? 0n)) / (span ?? 1n));
}

/** Quotient, and one more from half of the divisor on. */
function rounded(product: number, divisor: number): number {
  const rest = product % divisor;
  return (product - rest) / divisor + (rest * 2 >= divisor ? 1 : 0);
}

/** Counted one by one. */
function minutesBegun(ms: number): number {
  let minutes = 0;
  for (let left = ms; left > 0; left -= MINUTE) minutes += 1;
  return minutes;
}

/** What the bill of a charge must be, in words that {@link billed} uses as well. */
export function expectedBill(c: OracleCase): string[] {
  const first = c.points[0]?.[0] ?? 0;
  const last = c.points.at(-1)?.[0] ?? 0;
  const cuts = [first, ...boundaries(c, first, last), last];
  let total = 0;
  const lines = cuts.slice(1).map((toMs, i) => {
    const fromMs = cuts[i] ?? 0;
    const energy =
      (i === cuts.length - 2 ? (c.points.at(-1)?.[1] ?? 0) : registerAt(c.points, toMs)) -
      (i === 0 ? (c.points[0]?.[1] ?? 0) : registerAt(c.points, fromMs));
    const [name, price] = bandOf(c, fromMs);
    const amount = rounded(energy * price, 100_000);
    total += amount;
    return `${name} ${fromMs}-${toMs} ${energy} Wh ${amount}`;
  });
  const energy = (c.points.at(-1)?.[1] ?? 0) - (c.points[0]?.[1] ?? 0);
  if (energy > 0) total = Math.max(total, c.minimum);
  if (c.heldMs !== null) total += c.reservation.flat + rounded(minutesBegun(c.heldMs) * c.reservation.minute, 100);
  const charged = c.hold === null || c.hold > total ? total : c.hold;
  const full = rounded(minutesBegun(c.occupiedMs - c.occupancy.grace * MINUTE) * c.occupancy.minute, 100);
  const occupied = c.occupancy.most === null || full < c.occupancy.most ? full : c.occupancy.most;
  return [...lines, `total ${total}, charged ${charged}, excess ${total - charged}, occupied ${occupied}`];
}

const band = (name: string, startMinute: number, priceE4: number) => ({
  name,
  startMinute,
  electricityPriceE4: priceE4,
  servicePriceE4: 0,
});

function tariffOf(c: OracleCase): Tariff {
  const occupancy: OccupancyPrice = {
    graceMinutes: c.occupancy.grace,
    minutePriceE4: c.occupancy.minute,
    ...(c.occupancy.most !== null && { mostMinor: c.occupancy.most }),
  };
  const reservation: ReservationPrice = { flatMinor: c.reservation.flat, minutePriceE4: c.reservation.minute };
  const days = c.plans.map(
    ({ months, weekdays, price, half }, i): DayPlan => ({
      name: `p${i}`,
      ...(months !== null && { months }),
      ...(weekdays !== null && { weekdays }),
      bands: [band(`p${i}am`, 0, price), band(`p${i}pm`, 720, half)],
    }),
  );
  return {
    tariffId: 'T',
    version: 1,
    currency: 'EUR',
    timezone: c.zone,
    bands: c.starts.map((start, i) => band(`b${i}`, start, c.prices[i] ?? 0)),
    ...(days.length > 0 && { days }),
    minimumMinor: c.minimum,
    occupancy,
    reservation,
  };
}

/** The bill as the rating makes it. */
export function billed(c: OracleCase): string[] {
  const tariff = tariffOf(c);
  const terms: ChargeTerms = {
    ...(c.hold !== null && { holdMinor: c.hold }),
    ...(c.heldMs !== null && { reservation: { heldMs: c.heldMs } }),
  };
  const readings = c.points.map(([atMs, registerWh]) => ({ atMs, registerWh, quality: 'measured' as const }));
  const bill = rate(tariff, readings, terms);
  const lines = bill.lines
    .filter((line) => line.fee === 'electricity')
    .map((line) => `${line.band} ${line.fromMs}-${line.toMs} ${line.energyWh} Wh ${line.amountMinor}`);
  const { chargedMinor, excessMinor } = bill.hold ?? { chargedMinor: bill.totalMinor, excessMinor: 0 };
  const occupied = rateOccupancy(tariff, c.occupiedMs)?.totalMinor;
  return [...lines, `total ${bill.totalMinor}, charged ${chargedMinor}, excess ${excessMinor}, occupied ${occupied}`];
}

/** A small repeatable generator (mulberry32), so that a failure can be run again. */
export function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

export function randomCase(below: (n: number) => number): OracleCase {
  const zone = Object.keys(zoneRules)[below(5)] ?? '';
  const starts = [...new Set([0, ...Array.from({ length: below(6) }, () => below(1440))])].sort((a, b) => a - b);
  const near = [
    Date.UTC(2025, 9, 25, 18),
    Date.UTC(2026, 2, 28, 18),
    Date.UTC(2026, 2, 8),
    Date.UTC(2025, 10, 2),
    Date.UTC(2026, 3, 4, 10),
    Date.UTC(2025, 9, 4, 10),
    Date.UTC(2027, 11, 31, 6),
    Date.UTC(2028, 1, 28, 20),
  ];
  const begin = near[below(16)] ?? Date.UTC(2025, below(24), 1 + below(28));
  const points: [number, number][] = [[begin + below(14 * HOUR), below(1_000_000)]];
  for (let i = below(6) + 1; i > 0; i -= 1) {
    const [ms, wh] = points.at(-1) ?? [0, 0];
    points.push([ms + 1 + below(below(2) === 0 ? 4 * HOUR : 20_000), wh + below(3) * below(10_000)]);
  }
  const some = (most: number) => [...new Set([1 + below(most), 1 + below(most)])];
  return {
    zone,
    starts,
    prices: starts.map(() => below(30_000)),
    plans: Array.from({ length: Math.max(0, below(5) - 2) }, () => {
      const price = below(30_000);
      const kind = below(3);
      return {
        months: kind === 0 ? null : some(12),
        weekdays: kind === 1 ? null : some(7),
        price,
        half: Math.floor(price / 2),
      };
    }),
    points,
    minimum: below(2) * below(3000),
    hold: below(2) === 0 ? null : below(10_000),
    heldMs: below(3) > 0 ? null : below(2 * HOUR),
    reservation: { flat: below(500), minute: below(3000) },
    occupancy: { grace: below(60), minute: below(20_000), most: below(2) === 0 ? null : below(20_000) },
    occupiedMs: below(2) * below(5 * HOUR),
  };
}
