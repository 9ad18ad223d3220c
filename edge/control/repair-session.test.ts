import { describe, expect, test } from 'vitest';
import type { BootClock, ClockQuality, Stamp } from '#shared/stamp.ts';
import { rate } from '#shared/tariff/rate.ts';
import { wishOf } from './charge-wish.ts';
import { firstTrack } from './meter-track.ts';
import { confirmLeftMs, creditedRiseWh, type Outage, outageOf } from './outage.ts';
import { repairSession, takeUpSession, withClockMark } from './repair-session.ts';
import { openSession, type Session } from './session.ts';
import { sessionTimeMs, stampOnAxis } from './session-axis.ts';
import { startCommand, tariff, uuid } from './testing.ts';

const FIRST_BOOT = uuid(900);
const SECOND_BOOT = uuid(901);
const HOUR_MS = 3_600_000;
/** True wall time when the first boot began. */
const BEGAN_MS = Date.parse('2026-03-02T00:00:00Z');
const START_MONO_MS = 600_000;

const at = (monoMs: number, offsetMs: number, clock: ClockQuality, bootId = FIRST_BOOT): Stamp => ({
  wallMs: monoMs + offsetMs,
  monoMs,
  bootId,
  clock,
});
const known = (offsetMs: number, quality: ClockQuality = 'trusted', bootId = FIRST_BOOT): BootClock => ({
  bootId,
  offsetMs,
  quality,
});

/** A charge that began ten minutes after the boot, told with a clock that is wrong by `errorMs`. */
function begun(clock: ClockQuality, errorMs = 0): Session {
  const now = at(START_MONO_MS, BEGAN_MS + errorMs, clock);
  return openSession(wishOf(startCommand()), {
    sessionId: uuid(5),
    pileId: 'P1',
    connectorId: 'C1',
    limitMa: 16_000,
    offeredMa: 16_000,
    track: firstTrack(50_000, null, now.monoMs),
    now,
    confirmByWallMs: now.wallMs + 60_000,
    heldMs: null,
  });
}

/** The charge one look further. */
function read(session: Session, registerWh: number, now: Stamp, isKept = false): Session {
  const reading = { atMs: sessionTimeMs(session, now), registerWh, quality: 'measured' as const };
  const readings = isKept ? ([...session.readings, reading] as unknown as Session['readings']) : session.readings;
  return { ...session, readings, lastReading: reading };
}

const spanMs = ({ readings, lastReading }: Session): number => lastReading.atMs - readings[0].atMs;
const energyWh = ({ readings, lastReading }: Session): number => lastReading.registerWh - readings[0].registerWh;

describe('ED-12 a charge begun without a clock', () => {
  const wrong = () => {
    const half = read(begun('none', -5 * HOUR_MS), 52_000, at(START_MONO_MS + HOUR_MS, 0, 'none'), true);
    const events = [{ atMs: half.lastReading.atMs, kind: 'glitch', fromRawWh: 1, toRawWh: 2, creditedWh: 0 } as const];
    return { ...half, meter: { ...half.meter, events } };
  };

  test('is shifted as a whole when the time is known: durations and energies are as they were', () => {
    const session = wrong();
    const repaired = repairSession(session, known(BEGAN_MS));
    expect(repaired.startedAt).toEqual(at(START_MONO_MS, BEGAN_MS, 'trusted'));
    expect(repaired.readings.map(({ atMs }) => atMs - BEGAN_MS)).toEqual([START_MONO_MS, START_MONO_MS + HOUR_MS]);
    expect(repaired.lastReading).toBe(repaired.readings.at(-1));
    expect(repaired.meter.events[0]?.atMs).toBe(repaired.lastReading.atMs);
    expect(repaired.confirmByWallMs - repaired.startedAt.wallMs).toBe(60_000);
    expect([spanMs(repaired), energyWh(repaired)]).toEqual([spanMs(session), energyWh(session)]);
    expect(repaired.marks).toEqual(['clock-corrected']);
    expect(withClockMark(repaired).marks).toEqual(['clock-corrected']);
  });

  test('goes on with the true time, also when it has not been repaired yet', () => {
    const session = wrong();
    const now = at(START_MONO_MS + 2 * HOUR_MS, BEGAN_MS, 'trusted');
    const late = repairSession(read(session, 54_000, now), known(BEGAN_MS));
    const early = read(repairSession(session, known(BEGAN_MS)), 54_000, now);
    expect(late).toEqual(early);
    expect(spanMs(late)).toBe(2 * HOUR_MS);
  });

  test('is repaired once for each better knowledge, and the same knowledge again changes nothing', () => {
    const doubtful = repairSession(wrong(), known(BEGAN_MS - HOUR_MS, 'doubtful'));
    expect(doubtful.startedAt).toEqual(at(START_MONO_MS, BEGAN_MS - HOUR_MS, 'doubtful'));
    expect(repairSession(doubtful, known(BEGAN_MS - 2 * HOUR_MS, 'doubtful'))).toBe(doubtful);
    const trusted = repairSession(doubtful, known(BEGAN_MS));
    expect(trusted).toEqual(repairSession(wrong(), known(BEGAN_MS)));
    expect(repairSession(trusted, known(BEGAN_MS + HOUR_MS))).toBe(trusted);
  });

  test('that ends without anybody ever knowing is marked', () => {
    expect(withClockMark(wrong()).marks).toEqual(['clock-untrusted']);
  });

  test('is billed in the price band that it truly was in', () => {
    // Told 03:10 to 04:10 in Shanghai, truly 11:10 to 12:10: fifty minutes of it before noon.
    const session = wrong();
    const told = rate(tariff, session.readings).lines.filter(({ fee }) => fee === 'electricity');
    const shifted = repairSession(session, known(BEGAN_MS + 3 * HOUR_MS)).readings;
    const true_ = rate(tariff, shifted).lines.filter(({ fee }) => fee === 'electricity');
    expect(told.map(({ band, energyWh: wh }) => [band, wh])).toEqual([['morning', 2000]]);
    expect(true_.map(({ band, energyWh: wh }) => [band, wh])).toEqual([
      ['morning', 1666],
      ['afternoon', 334],
    ]);
  });
});

test('ED-12 a credible clock that turns out to be right: confirmed, not marked', () => {
  const session = begun('doubtful', 400);
  const repaired = repairSession(session, known(BEGAN_MS));
  expect(repaired.marks).toEqual([]);
  expect(repaired.startedAt).toEqual(at(START_MONO_MS, BEGAN_MS, 'trusted'));
  expect(withClockMark(repaired).marks).toEqual([]);
});

test('ED-12 a charge that began with a trusted clock knows the time for as long as its boot lasts', () => {
  const now = at(START_MONO_MS + 5000, 0, 'none');
  expect(stampOnAxis(begun('trusted'), now)).toEqual(at(START_MONO_MS + 5000, BEGAN_MS, 'trusted'));
  expect(stampOnAxis(begun('doubtful', HOUR_MS), now)).toEqual(
    at(START_MONO_MS + 5000, BEGAN_MS + HOUR_MS, 'doubtful'),
  );
  const better = at(START_MONO_MS + 5000, BEGAN_MS, 'trusted');
  expect(stampOnAxis(begun('doubtful', HOUR_MS), better)).toBe(better);
  const elsewhere = at(5000, 0, 'none', SECOND_BOOT);
  expect(stampOnAxis(begun('trusted'), elsewhere)).toBe(elsewhere);
});

test('ED-12 times that were trusted, and times of another boot, are left alone', () => {
  const session = begun('trusted');
  expect(repairSession(session, known(BEGAN_MS + HOUR_MS))).toBe(session);
  const other = begun('none');
  expect(repairSession(other, known(BEGAN_MS, 'trusted', SECOND_BOOT))).toBe(other);
});

describe('ED-12 a charge over a reboot', () => {
  // An hour of charging, three hours without power, then thirty seconds up.
  const offMs = 3 * HOUR_MS;
  const beforeOff = (clock: ClockQuality = 'trusted') =>
    read(begun(clock), 61_000, at(START_MONO_MS + HOUR_MS, BEGAN_MS, clock));
  const secondBeganMs = BEGAN_MS + START_MONO_MS + HOUR_MS + offMs;
  const lastMs = BEGAN_MS + START_MONO_MS + HOUR_MS;

  test('whose clock lies before the start: nothing runs backwards, the time within the boot is exact', () => {
    const session = takeUpSession(beforeOff(), at(30_000, 0, 'none', SECOND_BOOT));
    expect(session.resumed).toMatchObject({ atMs: lastMs + 1, earliestMs: lastMs + 1, clock: 'none' });
    const later = read(session, 62_000, at(30_000 + 600_000, 0, 'none', SECOND_BOOT));
    expect(later.lastReading.atMs).toBe(lastMs + 1 + 600_000);
    expect(withClockMark(later).marks).toEqual(['clock-untrusted']);
  });

  test('whose time is known later: only what was taken in the second boot is shifted, and the outage is as long as it was', () => {
    const taken = takeUpSession(beforeOff(), at(30_000, 0, 'none', SECOND_BOOT));
    const later = read(taken, 62_000, at(630_000, 0, 'none', SECOND_BOOT), true);
    const repaired = repairSession(later, known(secondBeganMs, 'trusted', SECOND_BOOT));
    expect(repaired.readings.map(({ atMs }) => atMs - BEGAN_MS)).toEqual([
      START_MONO_MS,
      START_MONO_MS + HOUR_MS + offMs + 630_000,
    ]);
    expect(repaired.startedAt).toEqual(later.startedAt);
    expect(repaired.confirmByWallMs).toBe(later.confirmByWallMs);
    expect(withClockMark(repaired).marks).toEqual(['clock-corrected']);
    const now = at(700_000, secondBeganMs, 'trusted', SECOND_BOOT);
    expect(sessionTimeMs(repaired, now)).toBe(now.wallMs);
  });

  test('with the same clock battery: nothing to repair', () => {
    const now = at(30_000, secondBeganMs, 'doubtful', SECOND_BOOT);
    const session = takeUpSession(beforeOff(), now);
    expect(sessionTimeMs(session, now)).toBe(now.wallMs);
    const confirmed = repairSession(session, known(secondBeganMs, 'trusted', SECOND_BOOT));
    expect([confirmed.marks, confirmed.resumed?.clock]).toEqual([[], 'trusted']);
  });

  test('taken up with a clock that was ahead: a correction does not put readings before the boot before', () => {
    const taken = takeUpSession(beforeOff(), at(30_000, secondBeganMs + 24 * HOUR_MS, 'doubtful', SECOND_BOOT));
    const repaired = repairSession(taken, known(BEGAN_MS, 'trusted', SECOND_BOOT));
    expect(repaired.resumed?.atMs).toBe(lastMs + 1);
  });

  test('a first boot that nobody ever confirmed stays as told, and marked', () => {
    const session = takeUpSession(beforeOff('doubtful'), at(30_000, secondBeganMs, 'trusted', SECOND_BOOT));
    expect([session.marks, session.startedAt.clock]).toEqual([['clock-untrusted'], 'doubtful']);
  });

  test('taken up again by another process of the same boot: the axis goes on', () => {
    const once = takeUpSession(beforeOff(), at(30_000, 0, 'none', SECOND_BOOT));
    const again = takeUpSession(once, at(90_000, secondBeganMs, 'trusted', SECOND_BOOT));
    expect(again).toEqual(repairSession(once, known(secondBeganMs, 'trusted', SECOND_BOOT)));
  });

  test.each<[string, Session, Stamp, Outage, number]>([
    [
      'both clocks trusted: as long as they say, nearly',
      beforeOff(),
      at(30_000, secondBeganMs, 'trusted', SECOND_BOOT),
      { leastMs: offMs + 30_000, mostMs: offMs + 30_000, clocksApartMs: 20_000 },
      0,
    ],
    [
      'no clock now: a day is possible',
      beforeOff(),
      at(30_000, 0, 'none', SECOND_BOOT),
      { leastMs: 1, mostMs: 24 * HOUR_MS, clocksApartMs: 0 },
      30_000,
    ],
    [
      'a clock that may have stood still: at least what it says',
      beforeOff(),
      at(30_000, secondBeganMs - offMs, 'doubtful', SECOND_BOOT),
      { leastMs: 30_000, mostMs: 24 * HOUR_MS, clocksApartMs: 0 },
      30_000,
    ],
    [
      'another process of the same boot: the monotonic clock knows',
      beforeOff('none'),
      at(START_MONO_MS + HOUR_MS + 5000, 0, 'none'),
      { leastMs: 5000, mostMs: 5000, clocksApartMs: 0 },
      0,
    ],
  ])(
    'ED-12 how long nobody watched, %s; energy is billed as far as power explains it',
    (_, session, now, outage, wh) => {
      expect(outageOf(session, now)).toEqual(outage);
      expect(creditedRiseWh(30_000, outageOf(session, now).mostMs, 9000)).toBe(wh);
    },
  );

  test('ED-12 a rise that even a day cannot explain is not billed', () => {
    const { mostMs } = outageOf(beforeOff(), at(30_000, 0, 'none', SECOND_BOOT));
    expect(creditedRiseWh(9000 * 24, mostMs, 9000)).toBe(9000 * 24);
    expect(creditedRiseWh(9000 * 24 + 1, mostMs, 9000)).toBe(0);
  });

  test('ED-12 the time left to confirm a start: by the axis, and none when nobody knows how long the site was away', () => {
    const session = begun('trusted');
    expect(confirmLeftMs(session, at(START_MONO_MS + 20_000, 0, 'none'))).toBe(40_000);
    const rebooted = BEGAN_MS + START_MONO_MS + 10_000;
    expect(confirmLeftMs(session, at(30_000, rebooted, 'doubtful', SECOND_BOOT))).toBe(20_000);
    expect(confirmLeftMs(session, at(30_000, 0, 'none', SECOND_BOOT))).toBe(0);
  });
});
