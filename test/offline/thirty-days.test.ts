import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rate } from '#shared/tariff/rate.ts';
import { type TariffSchedule, tariffScheduleSchema } from '#shared/tariff/schedule.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import { entryOf, listOf } from '../../edge/access/testing.ts';
import { exactBill, misplacedMinor } from './exact-bill.ts';
import { cdrsOf, OfflineSite } from './offline-site.ts';
import { trafficOf, type Visit } from './traffic.ts';

/**
 * Goal: thirty days without the cloud, with cards, three tariffs one after the other, the night that is an hour short, a clock
 * that drifts, and a power cut in the middle of charges: every charge is rated, and wrong by no more than the clock makes it.
 */

const DAY_MS = 86_400_000;
const START_MS = Date.parse('2026-03-05T00:00:00Z');
const DRIFT_PPM = 100;
const LOOK_MS = 4000;
const CONNECTORS = ['C-1', 'C-2', 'C-3'];
const CARDS = ['D4CD7650', '04A1B2C3D4E5F6', '11223344'];
const STRANGER = 'FFFFFFFF';
const at = (day: number): string => new Date(START_MS + day * DAY_MS).toISOString();

const version = (number: number, night: number, day: number, evening: number) => ({
  tariffId: 'copenhagen',
  version: number,
  currency: 'DKK',
  timezone: 'Europe/Copenhagen',
  bands: [
    { name: 'night', startMinute: 0, electricityPriceE4: night, servicePriceE4: 5000 },
    { name: 'day', startMinute: 360, electricityPriceE4: day, servicePriceE4: 5000 },
    { name: 'evening', startMinute: 1020, electricityPriceE4: evening, servicePriceE4: 7500 },
    { name: 'late', startMinute: 1260, electricityPriceE4: night, servicePriceE4: 5000 },
  ],
});
const schedule: TariffSchedule = tariffScheduleSchema.parse({
  version: 1,
  currency: 'DKK',
  bounds: { leastPriceE4: 5000, mostPriceE4: 60_000 },
  tariffs: [
    { from: at(-30), until: at(10), tariff: version(1, 9000, 18_000, 31_000) },
    { from: at(10), until: at(20), tariff: version(2, 11_000, 21_000, 35_000) },
    { from: at(20), until: at(28), tariff: version(3, 8000, 16_000, 28_000) },
  ],
});

interface Held {
  readonly visit: Visit;
  readonly beganMs: number;
}

const folder = mkdtempSync(join(tmpdir(), 'pilegate-offline-'));
let site: OfflineSite;
let told: { seq: number; body: RecordBody }[];
const charges: Held[] = [];
let cutInMs = 0;

/** What the visits make happen, in order of time. */
function happeningsOf(visits: readonly Visit[]) {
  return visits
    .flatMap((visit) => {
      const { arrivesMs, connectorId, card, wants, ends, endsAfterMs } = visit;
      const endsMs = arrivesMs + endsAfterMs;
      const car = () => site.car(connectorId);
      const happens = (atMs: number, run: () => void) => ({ atMs, run });
      return [
        happens(arrivesMs, () => car().change(arrivesMs, { isPlugged: true })),
        happens(arrivesMs + 45_000, () => site.present(connectorId, card)),
        ...wants.map(({ afterMs, powerW }) =>
          happens(arrivesMs + afterMs, () => car().change(site.nowMs, { wantsW: powerW })),
        ),
        happens(endsMs, () => {
          if (ends === 'card') site.present(connectorId, card);
          else car().change(site.nowMs, ends === 'gun' ? { isPlugged: false } : { wantsW: 0 });
        }),
        happens(endsMs + 120_000, () => car().change(site.nowMs, { isPlugged: false, wantsW: 0 })),
      ];
    })
    .sort((a, b) => a.atMs - b.atMs);
}

/** Notes when a charge truly begins. */
function noticeBegins(visits: readonly Visit[], isCharging: Map<string, boolean>): void {
  for (const connectorId of CONNECTORS) {
    const is = site.phaseOf(connectorId) === 'charging';
    if (is && isCharging.get(connectorId) !== true) {
      const visit = visits.findLast((one) => one.connectorId === connectorId && one.arrivesMs <= site.nowMs);
      if (visit !== undefined) charges.push({ visit, beganMs: site.nowMs });
    }
    isCharging.set(connectorId, is);
  }
}

async function live(visits: readonly Visit[], untilMs: number): Promise<void> {
  const isCharging = new Map<string, boolean>();
  const happenings = happeningsOf(visits);
  let next = 0;
  while (site.nowMs < untilMs) {
    const dueMs = happenings[next]?.atMs ?? untilMs;
    const isQuiet = CONNECTORS.every((id) => site.phaseOf(id) === 'idle' && !site.car(id).isPlugged);
    const stepMs = isQuiet ? Math.max(LOOK_MS, dueMs - site.nowMs) : LOOK_MS;
    while ((happenings[next]?.atMs ?? Number.POSITIVE_INFINITY) <= site.nowMs + stepMs) {
      happenings[next]?.run();
      next += 1;
    }
    await site.pass(stepMs);
    noticeBegins(visits, isCharging);
    const chargedMs =
      site.nowMs - (charges.findLast(({ visit }) => visit.connectorId === 'C-1')?.beganMs ?? site.nowMs);
    const isUnderWay = isCharging.get('C-1') === true && chargedMs > 600_000;
    if (cutInMs === 0 && site.nowMs > START_MS + 12 * DAY_MS && isUnderWay) {
      cutInMs = site.nowMs;
      await site.powerCut(90_000);
    }
  }
}

beforeAll(async () => {
  site = new OfflineSite({
    folder,
    startMs: START_MS,
    connectorIds: CONNECTORS,
    schedule,
    list: listOf(
      CARDS.map((card) => entryOf(card)),
      { validUntil: at(29) },
    ),
    policy: { offline: { cards: 'listed' }, untrustedClock: 'allow' },
    driftPpm: DRIFT_PPM,
  });
  const cards = [...CARDS, ...CARDS, ...CARDS, STRANGER];
  const visits = trafficOf({ seed: 30, connectorIds: CONNECTORS, cards, fromMs: START_MS, days: 30 });
  await live(visits, START_MS + 30 * DAY_MS + 4 * 3_600_000);
  site.clock.hearCloud();
  told = site.readBack();
}, 180_000);
afterAll(() => {
  site?.close();
  rmSync(folder, { recursive: true, force: true });
});

const errorMs = (cdr: Cdr): number => Math.abs(((cdr.endedAt.wallMs - START_MS) * DRIFT_PPM) / 1_000_000);

/** Rounding of every line on both sides, and the whole watt-hours that a register shows, at the dearest price. */
const roundingMinor = (lines: number): number => lines + (2 * lines * 43_500) / 100_000;

describe('ED-10 thirty days without the cloud', () => {
  test('there was enough of everything: charges of each end, in each tariff, over the short night, and around the cut', () => {
    const cdrs = cdrsOf(told);
    expect(cdrs.length).toBeGreaterThan(120);
    expect(new Set(cdrs.map(({ stopReason }) => stopReason))).toEqual(new Set(['driver', 'gun-removed', 'vehicle']));
    expect(new Set(cdrs.map(({ tariff }) => tariff?.version))).toEqual(new Set([1, 2, 3]));
    const changeMs = Date.parse('2026-03-29T01:00:00Z');
    expect(cdrs.some((cdr) => cdr.startedAt.wallMs < changeMs && cdr.endedAt.wallMs > changeMs)).toBe(true);
    expect(cdrs.filter(({ marks }) => marks.includes('adopted')).length).toBeGreaterThan(0);
    expect(cutInMs).toBeGreaterThan(0);
    expect(site.clock.driftMs).toBeGreaterThan(250_000);
  });

  test('every charge that truly was is told of once, in order, each begin before its end, and nothing else is', () => {
    const started = told.flatMap(({ body }) => (body.kind === 'session.started' ? [body.sessionId] : []));
    const ended = cdrsOf(told).map(({ sessionId }) => sessionId);
    expect(started.length).toBe(charges.length);
    expect([...ended].sort()).toEqual([...started].sort());
    expect(new Set(ended).size).toBe(ended.length);
    expect(told.map(({ seq }) => seq)).toEqual(told.map((_, i) => (told[0]?.seq ?? 0) + i));
    const kinds = new Map(told.map(({ seq, body }) => [seq, body]));
    for (const [seq, body] of kinds) {
      if (body.kind !== 'session.ended') continue;
      const begin = told.find(
        (one) => one.body.kind === 'session.started' && one.body.sessionId === body.cdr.sessionId,
      );
      expect(begin?.seq).toBeLessThan(seq);
    }
  });

  test('every charge is rated, by the tariff that was in force when it began, and rates to the same again', () => {
    for (const cdr of cdrsOf(told)) {
      expect(cdr.rating).not.toBeNull();
      if (cdr.tariff === null) throw new Error('no tariff');
      expect(rate(cdr.tariff, cdr.readings, cdr)).toEqual(cdr.rating);
      const truth = truthOf(cdr);
      const fits = schedule.tariffs.filter(({ from, until }) => {
        const [fromMs, untilMs] = [Date.parse(from), Date.parse(until ?? '')];
        return truth.beganMs + errorMs(cdr) + 60_000 >= fromMs && truth.beganMs - 60_000 < untilMs;
      });
      expect(fits.map(({ tariff }) => tariff.version)).toContain(cdr.tariff.version);
    }
  });

  test('energies and durations are exact: no clock bends them', () => {
    for (const cdr of cdrsOf(told)) {
      const { car, beganMs, endedMs } = truthOf(cdr);
      const trueWh = Number(car.energyWmsAt(endedMs) - car.energyWmsAt(beganMs)) / 3_600_000;
      expect(Math.abs(cdr.energyWh - trueWh)).toBeLessThanOrEqual(1);
    }
  });

  test('no bill is wrong by more than drift × power × price step makes it', () => {
    let worst = 0;
    for (const cdr of cdrsOf(told)) {
      if (cdr.tariff === null || cdr.rating === null) throw new Error('not rated');
      const { car, beganMs, endedMs } = truthOf(cdr);
      const exact = exactBill(cdr.tariff, car, beganMs, endedMs);
      const wrongMinor = Math.abs(cdr.rating.totalMinor - exact.totalMinor);
      // A split lies between two looks.
      const span = { fromMs: beganMs, toMs: endedMs, errorMs: Math.ceil(errorMs(cdr)) + LOOK_MS };
      const allowedMinor =
        misplacedMinor(cdr.tariff, car, span) + roundingMinor(Math.max(exact.lines, cdr.rating.lines.length));
      expect(wrongMinor, `${cdr.sessionId}: ${exact.totalMinor} exactly`).toBeLessThanOrEqual(allowedMinor);
      worst = Math.max(worst, wrongMinor - roundingMinor(exact.lines));
    }
    // The drift can be seen in the bills: the clock was not right by chance.
    expect(worst).toBeGreaterThan(1);
  });

  test('every split of a price is measured, but where the box had no power', () => {
    for (const cdr of cdrsOf(told)) {
      const isCut = cdr.marks.includes('adopted');
      if (!isCut) expect(cdr.rating?.lines.every(({ split }) => split === 'measured')).toBe(true);
    }
  });

  test('ED-12 each charge says that nobody has confirmed the time, once that is so', () => {
    const cdrs = cdrsOf(told);
    const known = cdrs.filter(({ endedAt }) => endedAt.wallMs < START_MS + DAY_MS);
    const unknown = cdrs.filter(({ startedAt }) => startedAt.wallMs > START_MS + DAY_MS + 600_000);
    expect(known.length).toBeGreaterThan(0);
    expect(known.flatMap(({ marks }) => marks).filter((mark) => mark === 'clock-untrusted')).toEqual([]);
    expect(unknown.every(({ marks }) => marks.includes('clock-untrusted'))).toBe(true);
  });

  test('what has expired is refused clearly: first the tariffs, then the list; and strangers always', () => {
    const last = Math.max(...cdrsOf(told).map(({ startedAt }) => startedAt.wallMs));
    expect(last).toBeLessThan(START_MS + 28 * DAY_MS);
    expect(Object.keys(site.denials).sort()).toEqual(['access.list_expired', 'access.unknown_card', 'tariff.missing']);
  });

  test('ED-12 when the cloud is back the box learns by how much its clock was wrong, and says so', () => {
    const [correction] = site.clock.corrections;
    expect(site.clock.corrections.length).toBe(1);
    expect((correction?.correctionMs ?? 0) + site.clock.driftMs).toBeLessThan(200);
    expect(correction?.quality).toBe('trusted');
  });
});

/** Where and when the charge of a record truly was: the last that began before it ended, at its connector. */
function truthOf(cdr: Cdr) {
  const endedMs = cdr.endedAt.wallMs - ((cdr.endedAt.wallMs - START_MS) * DRIFT_PPM) / 1_000_000;
  const held = charges.findLast(({ visit, beganMs }) => visit.connectorId === cdr.connectorId && beganMs < endedMs);
  if (held === undefined) throw new Error(`no charge at ${cdr.connectorId}`);
  const { arrivesMs, endsAfterMs } = held.visit;
  return { car: site.car(cdr.connectorId), beganMs: arrivesMs, endedMs: arrivesMs + endsAfterMs + 120_000 };
}
