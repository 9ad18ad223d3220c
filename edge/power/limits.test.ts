import { expect, test } from 'vitest';
import { localTimeIn } from '#shared/local-time.ts';
import { limitsOf } from './limits.ts';
import { node } from './testing.ts';

const even = (ma: number) => [ma, ma, ma] as const;
const banded = {
  ...node('site', null, 60_000),
  bands: [
    { fromMinute: 0, limitMa: even(80_000) },
    { fromMinute: 17 * 60, limitMa: even(32_000) },
    { fromMinute: 21 * 60, limitMa: even(50_000) },
  ],
};
const berlin = (atMs: number) => localTimeIn('Europe/Berlin')(atMs).minuteOfDay;
const of = (iso: string, minuteOfDay: typeof berlin | null = berlin) =>
  limitsOf({ nodes: [banded] }, minuteOfDay, Date.parse(iso), null)[0];

test('ED-14 the band of the local day holds, where it is lower; it begins 15 s ahead, so that everybody has followed', () => {
  expect(of('2026-07-01T12:00:00Z')).toEqual({ ma: 60_000, lowerBy: null });
  // Summer time: 17:00 is 15:00Z.
  expect(of('2026-07-01T14:59:44Z')?.ma).toBe(60_000);
  expect(of('2026-07-01T14:59:45Z')).toEqual({ ma: 32_000, lowerBy: 'time-of-day' });
  expect(of('2026-07-01T18:59:59Z')?.ma).toBe(32_000);
  expect(of('2026-07-01T19:00:00Z')?.ma).toBe(50_000);
  expect(of('2026-12-01T15:30:00Z')?.ma).toBe(60_000);
  expect(of('2026-12-01T16:00:00Z')?.ma).toBe(32_000);
});

test('ED-14 without a clock that is trusted the lowest of all bands holds', () => {
  expect(of('2026-07-01T12:00:00Z', null)).toEqual({ ma: 32_000, lowerBy: 'time-of-day' });
});

test('ED-14 what else is taken below a node is taken off its limit and no other; it never turns round', () => {
  const nodes = [node('site', null, 60_000), node('F1', 0, 20_000)];
  const limits = limitsOf({ nodes }, null, 0, { kind: 'measured', node: 0, houseMa: [10_000, 0, 70_000] });
  expect(limits.map(({ ma }) => ma)).toEqual([50_000, 60_000, 0, 20_000, 20_000, 20_000]);
  expect(limits.map(({ lowerBy }) => lowerBy)).toEqual(['house', null, 'house', null, null, null]);
});

test('ED-14 a lost meter leaves the fallback, and never more than the node carries', () => {
  const nodes = [node('site', null, [60_000, 60_000, 10_000])];
  const limits = limitsOf({ nodes }, null, 0, { kind: 'fallback', node: 0, limitMa: even(16_000) });
  expect(limits).toEqual([
    { ma: 16_000, lowerBy: 'fallback' },
    { ma: 16_000, lowerBy: 'fallback' },
    { ma: 10_000, lowerBy: null },
  ]);
});
