import { describe, expect, test } from 'vitest';
import { rate } from '#shared/tariff/rate.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import { exampleTariff } from '../testing/fixtures.ts';
import { checkCdr } from './check-cdr.ts';

const startMs = Date.parse('2026-11-20T10:00:00Z');
const stamp = (wallMs: number): Cdr['startedAt'] => ({
  wallMs,
  monoMs: 0,
  bootId: '8a4b2c1e-0d3f-4a5b-9c6d-7e8f90a1b2c3',
  clock: 'trusted',
});

/** Four hours over the change from day to late at 22:00 in Shanghai, which is 14:00 UTC. */
function record(change: Partial<Cdr> = {}): Cdr {
  const readings: Cdr['readings'] = [
    { atMs: startMs, registerWh: 1_000, quality: 'measured' },
    { atMs: startMs + 4 * 3_600_000, registerWh: 29_000, quality: 'measured' },
    { atMs: startMs + 5 * 3_600_000, registerWh: 36_000, quality: 'measured' },
  ];
  return {
    cdrId: '11111111-1111-4111-8111-111111111111',
    sessionId: '22222222-2222-4222-8222-222222222222',
    siteId: 's',
    pileId: 'p',
    connectorId: 'c',
    orderId: null,
    commandId: null,
    startedAt: stamp(startMs),
    endedAt: stamp(startMs + 5 * 3_600_000),
    durationMs: 5 * 3_600_000,
    meterStartWh: 1_000,
    meterEndWh: 36_000,
    energyWh: 35_000,
    readings,
    stopReason: 'vehicle',
    faultCode: null,
    marks: [],
    voidReason: null,
    tariff: exampleTariff,
    rating: rate(exampleTariff, readings),
    ...change,
  };
}

const agreed = { tariff: exampleTariff, holdMinor: null, heldMs: null, limits: null };

test('OP-19 a bill that the cloud rates to the same lines is agreed', () => {
  const { verdict, rerated } = checkCdr(record(), agreed);
  expect(verdict).toBe('agreed');
  expect(rerated?.lines.map((line) => line.band)).toEqual(['day', 'day', 'late', 'late']);
  expect(rerated?.totalMinor).toBe(28 * 160 + 7 * 70);
});

test('OP-19 one cent, one line or one band aside is a disagreement, and both figures stay', () => {
  const good = record();
  if (good.rating === null) throw new Error('rated');
  const cent = { ...good.rating, totalMinor: good.rating.totalMinor + 1 };
  expect(checkCdr(record({ rating: cent }), agreed)).toMatchObject({
    verdict: 'disagreed',
    complaint: { code: 'cdr.rating_differs' },
    rerated: { totalMinor: good.rating.totalMinor },
  });
  const swapped = { ...good.rating, lines: [...good.rating.lines].reverse() };
  expect(checkCdr(record({ rating: swapped }), agreed).complaint?.code).toBe('cdr.rating_differs');
});

test('OP-19 a record rated with another tariff than agreed, or with none, is a disagreement', () => {
  const cheaper = { ...exampleTariff, bands: exampleTariff.bands.map((band) => ({ ...band, servicePriceE4: 0 })) };
  const complaint = (cdr: Cdr) => checkCdr(cdr, agreed).complaint?.code;
  const { readings } = record();
  expect(complaint(record({ tariff: cheaper, rating: rate(cheaper, readings) }))).toBe('cdr.tariff_differs');
  expect(complaint(record({ tariff: null, rating: null }))).toBe('cdr.unrated');
  expect(checkCdr(record(), { ...agreed, tariff: null }).complaint?.code).toBe('cdr.tariff_differs');
});

test('OP-19 figures that contradict the readings are not billed', () => {
  const complaint = (change: Partial<Cdr>) => checkCdr(record(change), agreed).complaint;
  expect(complaint({ energyWh: 34_999 })?.code).toBe('cdr.readings_implausible');
  expect(complaint({ meterStartWh: 0 })?.code).toBe('cdr.readings_implausible');
  const backwards = record().readings.toReversed();
  expect(complaint({ readings: backwards })?.detail).toContain('earlier');
});

describe('ED-13 energy and the raw counts of the meter', () => {
  const jump = { atMs: startMs + 1000, kind: 'jump' as const, fromRawWh: 1_500, toRawWh: 91_515, creditedWh: 15 };
  const glitch = { ...jump, kind: 'glitch' as const, toRawWh: 4_000_000 };
  const change = { rawStartWh: 1_000, rawEndWh: 126_000, meterEvents: [glitch, jump] };
  const detail = (more: Partial<Cdr>) => checkCdr(record({ ...change, ...more }), agreed).complaint?.detail;

  test('agree when what was credited explains every step', () => {
    expect(checkCdr(record(change), agreed)).toMatchObject({ verdict: 'agreed', complaint: null });
  });

  test.each([
    ['a step is billed that was not credited', { meterEvents: [glitch] }, 125_000],
    ['a step is credited that was not billed', { meterEvents: [{ ...jump, creditedWh: 16 }] }, 35_001],
    ['the meter ended at another count', { rawEndWh: 126_010 }, 35_010],
  ])('disagree when %s', (_, more, countedWh) => {
    expect(detail(more)).toBe(`energy 35000 Wh, by the meter's own counts ${countedWh} Wh`);
  });

  test.each([
    ['some events were left out', { ...change, rawEndWh: 1, meterEventsLeftOut: 1 }],
    ['the record is from an older edge', {}],
  ])('are not compared when %s', (_, more) => {
    expect(checkCdr(record(more), agreed).verdict).toBe('agreed');
  });

  test('a void record with contradicting counts is void, and no more', () => {
    const contradicting = record({ ...change, rawEndWh: 0, voidReason: 'cancelled' });
    expect(checkCdr(contradicting, agreed)).toMatchObject({ verdict: 'void', complaint: null });
  });
});

test('XC-08 a clock that jumps by years does not make the cloud rate every minute of them', () => {
  const readings = record().readings.map((reading, index) => (index === 0 ? { ...reading, atMs: 0 } : reading));
  const began = performance.now();
  expect(checkCdr(record({ readings }), agreed).complaint?.detail).toContain('31 days');
  // Thirty million minutes take far longer, and a busy machine not so long.
  expect(performance.now() - began).toBeLessThan(1000);
});

test('OP-16 a void record is billed to nobody, whatever else it says', () => {
  expect(checkCdr(record({ voidReason: 'not-confirmed', energyWh: 1 }), agreed)).toMatchObject({
    verdict: 'void',
    complaint: null,
  });
});

test('CH-02 what was held is part of the bill, and another hold than the order has is looked at by a person', () => {
  const held = record({ holdMinor: 100, rating: rate(exampleTariff, record().readings, { holdMinor: 100 }) });
  expect(checkCdr(held, { ...agreed, holdMinor: 100 })).toMatchObject({
    verdict: 'agreed',
    rerated: { hold: { holdMinor: 100, chargedMinor: 100 } },
  });
  expect(checkCdr(held, { ...agreed, holdMinor: 90 }).complaint?.code).toBe('cdr.hold_differs');
  expect(checkCdr(held, agreed).complaint?.code).toBe('cdr.hold_differs');
  expect(checkCdr(record(), { ...agreed, holdMinor: 100 }).complaint?.code).toBe('cdr.hold_differs');
});

test('CH-04 a site that knew of other limits than the order has, or of none, is looked at by a person', () => {
  const limits = { energyWh: 1000 };
  expect(checkCdr(record({ limits }), { ...agreed, limits }).verdict).toBe('agreed');
  expect(checkCdr(record(), { ...agreed, limits }).complaint?.code).toBe('cdr.limits_differ');
  expect(checkCdr(record({ limits }), agreed).complaint?.code).toBe('cdr.limits_differ');
});

test('OP-24 OP-19 a bill with a reservation is agreed for as long as the reservation was held, and no longer', () => {
  const tariff = { ...exampleTariff, reservation: { flatMinor: 200, minutePriceE4: 1000 } };
  const reservation = { heldMs: 600_000 };
  const held = record({ tariff, reservation, rating: rate(tariff, record().readings, { reservation }) });
  const terms = { ...agreed, tariff };
  expect(checkCdr(held, { ...terms, heldMs: 600_000 })).toMatchObject({ verdict: 'agreed', complaint: null });
  expect(checkCdr(held, { ...terms, heldMs: 540_000 }).complaint?.code).toBe('cdr.reservation_differs');
  expect(checkCdr(held, terms).complaint?.code).toBe('cdr.reservation_differs');
  expect(checkCdr(record(), { ...agreed, heldMs: 600_000 }).complaint?.code).toBe('cdr.reservation_differs');
});
