import { expect, test } from 'vitest';
import { rate } from './rate.ts';
import { band, reading, tariffOf } from './testing.ts';

// An independent second opinion in another style: zone offsets by rule, boundaries by listing candidates, amounts
// by quotient and remainder. It shares no code and no method with the rating it checks.

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MINUTE = 60_000;

/** The last Sunday of a month, 01:00Z: when the whole EU changes its clocks. */
function euChangeMs(year: number, month: number): number {
  const last = new Date(Date.UTC(year, month + 1, 0));
  return last.getTime() - last.getUTCDay() * DAY + HOUR;
}

function offsetMs(zone: string, atMs: number): number {
  if (zone === 'Asia/Shanghai') return 8 * HOUR;
  const year = new Date(atMs).getUTCFullYear();
  return atMs >= euChangeMs(year, 2) && atMs < euChangeMs(year, 9) ? 2 * HOUR : HOUR;
}

interface Case {
  zone: string;
  starts: number[];
  prices: number[];
  points: [number, number][];
}

function bandIndex({ zone, starts }: Case, atMs: number): number {
  const local = atMs + offsetMs(zone, atMs);
  const minute = Math.floor((((local % DAY) + DAY) % DAY) / MINUTE);
  return starts.filter((start) => start <= minute).length - 1;
}

function boundaries(c: Case, fromMs: number, toMs: number): number[] {
  const found = new Set<number>();
  for (let day = Math.floor(fromMs / DAY) - 1; day * DAY <= toMs + DAY; day += 1) {
    const year = new Date(day * DAY).getUTCFullYear();
    const clocks = [8 * HOUR, 2 * HOUR, HOUR].flatMap((off) =>
      c.starts.map((start) => day * DAY + start * MINUTE - off),
    );
    for (const candidate of [...clocks, euChangeMs(year, 2), euChangeMs(year, 9)]) {
      const isInside = candidate > fromMs && candidate < toMs;
      if (isInside && bandIndex(c, candidate - 1) !== bandIndex(c, candidate)) found.add(candidate);
    }
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

function amount(wh: number, price: number): number {
  const product = wh * price;
  const rest = product % 100_000;
  return (product - rest) / 100_000 + (rest >= 50_000 ? 1 : 0);
}

function expected(c: Case): string[] {
  const first = c.points[0]?.[0] ?? 0;
  const last = c.points.at(-1)?.[0] ?? 0;
  const cuts = [first, ...boundaries(c, first, last), last];
  return cuts.slice(1).map((toMs, i) => {
    const fromMs = cuts[i] ?? 0;
    const energy =
      (i === cuts.length - 2 ? (c.points.at(-1)?.[1] ?? 0) : registerAt(c.points, toMs)) -
      (i === 0 ? (c.points[0]?.[1] ?? 0) : registerAt(c.points, fromMs));
    const index = bandIndex(c, fromMs);
    return `b${index} ${fromMs}-${toMs} ${energy} Wh ${amount(energy, c.prices[index] ?? 0)}`;
  });
}

/** A small repeatable generator (mulberry32), so that a failure can be run again. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

function randomCase(below: (n: number) => number): Case {
  const zone = below(2) === 0 ? 'Asia/Shanghai' : 'Europe/Copenhagen';
  const starts = [...new Set([0, ...Array.from({ length: below(6) }, () => below(1440))])].sort((a, b) => a - b);
  const nearChange = [Date.UTC(2025, 9, 25, 18), Date.UTC(2026, 2, 28, 18)][below(4)] ?? Date.UTC(2025, below(24), 1);
  const points: [number, number][] = [[nearChange + below(14 * HOUR), below(1_000_000)]];
  for (let i = below(6) + 1; i > 0; i -= 1) {
    const [ms, wh] = points.at(-1) ?? [0, 0];
    points.push([ms + 1 + below(below(2) === 0 ? 4 * HOUR : 20_000), wh + below(20_000)]);
  }
  return { zone, starts, prices: starts.map(() => below(30_000)), points };
}

test('RS-05 an independent second opinion agrees on every line of 3000 random charges', () => {
  const below = generator(1);
  for (let n = 0; n < 3000; n += 1) {
    const c = randomCase(below);
    const tariff = tariffOf(
      c.starts.map((start, i) => band(`b${i}`, start, c.prices[i] ?? 0)),
      c.zone,
    );
    const bill = rate(
      tariff,
      c.points.map(([ms, wh]) => reading(ms, wh)),
    );
    const lines = bill.lines
      .filter((line) => line.fee === 'electricity')
      .map((line) => `${line.band} ${line.fromMs}-${line.toMs} ${line.energyWh} Wh ${line.amountMinor}`);
    expect(lines, `charge ${n}: ${JSON.stringify(c)}`).toEqual(expected(c));
  }
});
