import { describe, expect, test } from 'vitest';
import { cdrSchema } from '#shared/wire/cdr.ts';
import { buildCdr } from './build-cdr.ts';
import type { EnergyRegister } from './meter-track.ts';
import type { Reading } from './reading.ts';
import { restoreSession } from './session.ts';
import {
  charging,
  plugged,
  Rig,
  restartFromDisk,
  START_MONO_MS,
  START_WALL_MS,
  startCommand,
  stopCommand,
  uuid,
} from './testing.ts';

const running = () => new Rig().toCharging().acknowledge().charge(10);
const at = (registerWh: number | null): Reading => ({ ...charging, registerWh });

function stop(rig: Rig, registerWh: number): Rig {
  rig.command(stopCommand(rig.session.sessionId));
  return rig.proveOff(registerWh);
}

const finish = (rig: Rig, registerWh = rig.session.meter.track.rawWh) => stop(rig, registerWh).cdr;

const last = (rig: Rig) => rig.session.lastReading.registerWh;

/** One look a second at a register that goes on counting from here. */
function counts(rig: Rig, fromWh: number, seconds: number): Rig {
  for (let i = 0; i < seconds; i += 1) rig.pass(1000).see(at(fromWh + 3 * i));
  return rig;
}

describe('ED-13 null is never zero', () => {
  test('a meter that tells nothing for a while loses nothing', () => {
    const rig = running();
    for (let i = 0; i < 10; i += 1) rig.pass(1000).see(at(null));
    expect(last(rig)).toBe(50_030);
    rig.pass(1000).see(at(50_063));
    expect(finish(rig)).toMatchObject({ energyWh: 63, marks: [], meterEvents: [] });
  });

  test('more than 10 s without a value in a charge are marked, once', () => {
    const rig = running();
    for (let i = 0; i < 11; i += 1) rig.pass(1000).see(at(null));
    expect(rig.session.marks).toEqual([]);
    for (let i = 0; i < 30; i += 1) rig.pass(1000).see(at(null));
    expect(rig.session.marks).toEqual(['meter-missing']);
    rig.pass(1000).see(at(50_030 + 126));
    expect(finish(rig)).toMatchObject({
      energyWh: 156,
      meterEvents: [{ kind: 'missing', fromRawWh: 50_030, toRawWh: null, creditedWh: 0 }],
    });
  });

  test('a charge that ends without a value ends at the last one, and is marked as estimated', () => {
    const rig = running();
    rig.command(stopCommand(rig.session.sessionId));
    rig.pass(100).send({ kind: 'written', write: 'softStop' });
    for (let i = 0; i < 7; i += 1) rig.pass(1000).see({ ...plugged, registerWh: null });
    expect(rig.cdr).toMatchObject({ energyWh: 30, meterEndWh: 50_030, marks: ['end-estimated'] });
    expect(rig.cdr.readings.at(-1)).toMatchObject({ registerWh: 50_030, quality: 'estimated' });
  });

  test.each([
    ['no value', null],
    ['a value below zero', -1],
  ])('no charge starts on %s', (_, registerWh) => {
    const rig = new Rig();
    rig.command(startCommand());
    rig.pass(100).see({ ...plugged, registerWh });
    expect(rig.phase).toBe('idle');
    expect(rig.recordsOf('command.reported')).toEqual([expect.objectContaining({ code: 'connector.faulted' })]);
  });

  test('no charge starts on a value that is off the course: it waits for a good one, then gives up', () => {
    const rig = new Rig();
    rig.see(plugged);
    rig.command(startCommand());
    rig.pass(1000).see({ ...plugged, registerWh: 0 });
    expect(rig.phase).toBe('checking');
    rig.pass(1000).see(plugged);
    expect(rig.session.readings[0].registerWh).toBe(50_000);

    const other = new Rig();
    other.see(plugged);
    other.command(startCommand());
    for (let i = 0; i < 3; i += 1) other.pass(1000).see({ ...plugged, registerWh: 0 });
    expect(other.recordsOf('command.reported')).toEqual([
      expect.objectContaining({ code: 'connector.faulted', detail: 'the energy register is off its course' }),
    ]);
  });
});

describe('ED-13 a value that cannot be true is not billed, and marked; nothing true is lost by it', () => {
  test.each([
    ['runs backwards by one', 50_029, 'backward'],
    ['falls to zero', 0, 'backward'],
    ['jumps further than the pile can deliver', 50_030 + 24, 'glitch'],
    ['shows the whole of 32 bits', 4_294_967_295, 'glitch'],
  ])('it %s for a moment', (_, value, kind) => {
    const rig = running();
    rig.pass(1000).see(at(value));
    expect(last(rig)).toBe(50_030);
    rig.pass(1000).see(at(50_036));
    const cdr = finish(rig);
    expect(cdr).toMatchObject({ energyWh: 36, marks: [`meter-${kind}`], rawEndWh: 50_036 });
    expect(cdr.meterEvents).toEqual([
      { atMs: START_WALL_MS + 13_100, kind, fromRawWh: 50_030, toRawWh: value, creditedWh: 0 },
    ]);
  });

  test('the rise that the pile can just deliver is taken', () => {
    const rig = running();
    rig.pass(1000).see(at(50_030 + 23));
    expect(last(rig)).toBe(50_053);
  });

  test('a jump does not become plausible because time passes, not even over a restart', () => {
    const rig = running();
    for (let i = 0; i < 3; i += 1) rig.pass(1000).see({ ...at(50_060), powerW: 0 });
    expect(last(rig)).toBe(50_030);
    const later = restartFromDisk(rig, 3_600_000);
    for (let i = 0; i < 3; i += 1) later.pass(1000).see({ ...at(50_060), powerW: 0 });
    expect(finish(later)).toMatchObject({ energyWh: 30, marks: ['adopted', 'meter-jump'], rawEndWh: 50_060 });
  });

  test('a register that stays where it jumped to: the step is never billed, what it counts from there is', () => {
    const rig = counts(running(), 60_000, 5);
    expect(last(rig)).toBe(50_030);
    rig.pass(1000).see(at(60_015));
    expect(last(rig)).toBe(50_045);
    counts(rig, 60_018, 10);
    const cdr = finish(rig, 60_045);
    expect(cdr).toMatchObject({ energyWh: 75, marks: ['meter-jump'], rawStartWh: 50_000, rawEndWh: 60_045 });
    expect(cdr.meterEvents).toMatchObject([{ kind: 'jump', fromRawWh: 50_030, toRawWh: 60_015, creditedWh: 15 }]);
  });

  test('two looks are no course, however far apart they are', () => {
    const rig = running();
    rig.pass(1000).see(at(60_000));
    rig.pass(5000).see(at(60_015));
    expect(last(rig)).toBe(50_030);
    rig.pass(1000).see(at(60_018));
    expect(last(rig)).toBe(50_048);
  });

  test('a value below zero is no value', () => {
    const rig = running();
    for (let i = 0; i < 12; i += 1) rig.pass(1000).see(at(-1));
    rig.pass(1000).see(at(50_069));
    const cdr = finish(rig);
    expect(cdr).toMatchObject({ energyWh: 69, marks: ['meter-missing'] });
    expect(cdrSchema.safeParse(cdr).error).toBeUndefined();
  });

  test('ED-12 the time of an event is on the axis of the charge, whatever the wall clock says', () => {
    const rig = running();
    rig.wallMs -= 7_200_000;
    rig.pass(1000).see(at(7));
    rig.pass(1000).see(at(50_036));
    expect(finish(rig).meterEvents).toMatchObject([{ kind: 'backward', atMs: START_WALL_MS + 13_100 }]);
  });

  test('a short fall undoes a rise that was just short enough to be believed', () => {
    const rig = running();
    rig.pass(1000).see(at(50_033 + 15));
    for (let i = 0; i < 20; i += 1) rig.pass(1000).see({ ...at(50_034), powerW: 0 });
    expect(last(rig)).toBe(50_048);
    rig.pass(1000).see(at(50_049));
    expect(finish(rig)).toMatchObject({ energyWh: 49, marks: ['meter-backward'] });
  });

  test('a register that is in doubt at the end: the last believed value stands, and the record says so', () => {
    const rig = running();
    rig.command(stopCommand(rig.session.sessionId));
    rig.pass(100).send({ kind: 'written', write: 'softStop' });
    for (let i = 0; i < 8; i += 1) rig.pass(1000).see({ ...plugged, registerWh: 7 - i });
    expect(rig.cdr).toMatchObject({ energyWh: 30, marks: ['meter-backward', 'end-estimated'], rawEndWh: 50_030 });
  });

  test('a register gone mad fills neither record nor disk', () => {
    const rig = running();
    for (let i = 0; i < 60; i += 1) {
      rig.pass(1000).see(at(7));
      rig.pass(1000).see(at(50_030));
    }
    const before = rig.orders.length;
    for (let i = 0; i < 20; i += 1) {
      rig.pass(1000).see(at(7));
      rig.pass(1000).see(at(50_030));
    }
    expect(rig.orders.length - before).toBeLessThanOrEqual(1);
    const cdr = finish(rig);
    expect(cdr.meterEvents).toHaveLength(50);
    expect(cdr).toMatchObject({ meterEventsLeftOut: 30, energyWh: 30, marks: ['meter-backward'] });
  });
});

describe('ED-13 rollover, reset and replacement', () => {
  const energyOf = (kind: EnergyRegister['kind'], rollsOverAtWh: number | null = null) => ({
    facts: { energy: { kind, rollsOverAtWh, resolutionWh: 1 } },
  });

  test('a rollover loses nothing', () => {
    const rig = new Rig(energyOf('cumulative', 50_040)).toCharging().acknowledge().charge(12);
    counts(rig, 50_039 - 50_040 + 1, 10);
    const cdr = finish(rig, 27);
    expect(cdr).toMatchObject({ energyWh: 67, meterStartWh: 50_000, meterEndWh: 50_067, marks: ['meter-rollover'] });
    expect(cdr).toMatchObject({ rawStartWh: 50_000, rawEndWh: 27 });
    expect(cdr.meterEvents).toMatchObject([{ kind: 'rollover', fromRawWh: 50_036, toRawWh: 15, creditedWh: 19 }]);
    expect(cdr.rating?.energyWh).toBe(67);
  });

  test('a fall far from the highest count is no rollover', () => {
    const rig = new Rig(energyOf('cumulative', 60_000)).toCharging().acknowledge().charge(12);
    expect(finish(counts(rig, 0, 10), 27).marks).toEqual(['meter-reset']);
  });

  test('a cumulative register that was reset: the step is not billed, what it counts from there is', () => {
    const cdr = finish(counts(running(), 0, 10), 27);
    expect(cdr).toMatchObject({ energyWh: 57, marks: ['meter-reset'], rawEndWh: 27 });
    expect(cdr.meterEvents).toMatchObject([{ kind: 'reset', fromRawWh: 50_030, toRawWh: 15, creditedWh: 15 }]);
  });

  test('ED-13 a register that counts since power-up: what it shows after a power cycle is billed', () => {
    const rig = new Rig(energyOf('since-power-on')).toCharging().acknowledge().charge(10);
    const cdr = finish(counts(rig, 9, 10), 36);
    expect(cdr).toMatchObject({ energyWh: 66, marks: ['meter-reset'] });
    expect(cdr.meterEvents).toMatchObject([{ kind: 'reset', fromRawWh: 50_030, toRawWh: 24, creditedWh: 24 }]);
  });

  test('a power cycle just before the end is still recognised: the register is read until it is settled', () => {
    const rig = new Rig(energyOf('since-power-on')).toCharging().acknowledge().charge(10);
    rig.command(stopCommand(rig.session.sessionId));
    rig.pass(100).send({ kind: 'written', write: 'softStop' });
    for (let i = 0; i < 8 && rig.phase === 'stopping'; i += 1) rig.pass(1000).see({ ...plugged, registerWh: 2 });
    expect(rig.cdr).toMatchObject({ energyWh: 32, marks: ['meter-reset'] });
  });

  test('a fall to more than can have been counted since is no reset but another meter', () => {
    const rig = new Rig(energyOf('since-power-on')).toCharging().acknowledge().charge(10);
    expect(finish(counts(rig, 24, 10), 51)).toMatchObject({ energyWh: 57, marks: ['meter-replaced'] });
  });

  test('a register of each charge shows the charge before until it counts this one: an event, but no mark', () => {
    const rig = new Rig(energyOf('per-session')).toCharging().acknowledge();
    const cdr = finish(counts(rig, 0, 10), 27);
    expect(cdr).toMatchObject({ energyWh: 27, marks: [], rawStartWh: 50_000, rawEndWh: 27 });
    expect(cdr.meterEvents).toMatchObject([{ kind: 'reset', fromRawWh: 50_000, toRawWh: 15, creditedWh: 15 }]);
  });

  test('a register of each charge that begins again in the middle of one is marked', () => {
    const rig = new Rig(energyOf('per-session')).toCharging().acknowledge().charge(10);
    expect(finish(counts(rig, 0, 10), 27)).toMatchObject({ energyWh: 57, marks: ['meter-reset'] });
  });

  test('another serial number is another meter, at once; one that is not told is not another', () => {
    const rig = running();
    rig.pass(1000).see({ ...at(50_033), meterId: 'A' });
    rig.pass(1000).see({ ...at(50_036), meterId: null });
    expect(rig.session.marks).toEqual([]);
    rig.pass(1000).see({ ...at(50_037), meterId: 'B' });
    rig.pass(1000).see({ ...at(50_040), meterId: 'B' });
    const cdr = finish(rig, 50_040);
    expect(cdr).toMatchObject({ energyWh: 39, marks: ['meter-replaced'] });
    expect(cdr.meterEvents).toMatchObject([{ kind: 'replaced', fromRawWh: 50_036, toRawWh: 50_037, creditedWh: 0 }]);
  });

  test('the next charge begins at what the meter shows', () => {
    const rig = counts(running(), 60_000, 10);
    finish(rig, 60_027);
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    rig.command(startCommand({ commandId: uuid(61), expiresAtMs: rig.wallMs + 60_000 }));
    rig.pass(1000).see({ ...plugged, registerWh: 60_030 });
    expect(rig.session.readings[0].registerWh).toBe(60_030);
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    rig.pass(1000).see(at(60_033));
    rig.acknowledge();
    const before = rig.records.length;
    stop(rig, 60_036);
    const ended = rig.records.slice(before).find((record) => record.kind === 'session.ended');
    expect(ended?.cdr).toMatchObject({ meterStartWh: 60_030, energyWh: 6, marks: [], rawStartWh: 60_030 });
  });
});

describe('ED-13 a register that stands still', () => {
  const still = (rig: Rig, seconds: number, reading: Partial<Reading> = {}) => {
    for (let i = 0; i < seconds; i += 1) rig.pass(1000).see({ ...at(50_030), ...reading });
    return rig;
  };

  test('while power is measured it is marked, once, and nothing is billed in its stead', () => {
    // 10,970 W move a register by 3 Wh a second; 20 + 3 × 1 Wh are 7.6 s of it.
    const rig = still(running(), 7);
    expect(rig.session.marks).toEqual([]);
    still(rig, 60);
    const cdr = finish(rig);
    expect(cdr).toMatchObject({ energyWh: 30, marks: ['meter-stuck'] });
    expect(cdr.meterEvents).toHaveLength(1);
  });

  test('what it makes up for afterwards is billed as far as power was measured', () => {
    const rig = still(running(), 60);
    rig.pass(1000).see(at(50_030 + 183));
    expect(finish(rig)).toMatchObject({ energyWh: 213, marks: ['meter-stuck'] });
    const other = still(running(), 60);
    other.pass(1000).see(at(50_030 + 230));
    expect(last(other)).toBe(50_030);
  });

  test('by current where the pile does not tell its power', () => {
    expect(still(running(), 60, { powerW: null }).session.marks).toEqual(['meter-stuck']);
  });

  test('of a meter that is slower than its pile: energy is measured at every look between', () => {
    const slow = (rig: Rig, between: Partial<Reading>, seconds: number) => {
      for (let i = 1; i <= seconds; i += 1) rig.pass(1000).see(i % 3 === 0 ? at(50_030) : { ...at(null), ...between });
      return rig;
    };
    expect(slow(running(), {}, 60).session.marks).toEqual(['meter-stuck']);
    // What flowed at the least counts, whatever the looks at the register itself show.
    expect(slow(running(), { powerW: 0 }, 60).session.marks).toEqual([]);
    expect(slow(running(), { powerW: 2000 }, 30).session.marks).toEqual([]);
    expect(slow(running(), { powerW: 2000 }, 60).session.marks).toEqual(['meter-stuck']);
  });

  test('a look every 15 s is near enough to speak of what flowed between, and no longer', () => {
    const rare = (everyS: number) => {
      const rig = running();
      for (let i = 1; i <= 120; i += 1) rig.pass(1000).see(at(i % everyS === 0 ? 50_030 : null));
      return rig.session.marks.includes('meter-stuck');
    };
    expect(rare(15)).toBe(true);
    expect(rare(16)).toBe(false);
  });

  test.each([
    ['the vehicle takes nothing', 3600, { powerW: 0, currentMa: 0 }],
    ['only the electronics of the pile take power', 3600, { powerW: 90 }],
    ['the pile does not say that it charges', 50, { status: 'plugged' as const, currentMa: 0 }],
  ])('it is as it should be when %s', (_, seconds, reading) => {
    expect(still(running(), seconds, { powerW: 5000, ...reading }).session.marks).toEqual([]);
  });

  test('a coarse register may stand still for three of its steps, and takes each of them whole', () => {
    const energy = { kind: 'cumulative' as const, rollsOverAtWh: null, resolutionWh: 100 };
    const rig = new Rig({ facts: { energy } }).toCharging().acknowledge();
    for (let i = 1; i <= 300; i += 1) rig.pass(1000).see(at(50_000 + 100 * Math.floor((i * 3.05) / 100)));
    expect(finish(rig)).toMatchObject({ energyWh: 900, marks: [] });
  });
});

describe('ED-09 ED-13 over a restart the meter goes on where it was', () => {
  const resumed = (rig: Rig, awayMs: number, reading: Reading): Rig => {
    const next = restartFromDisk(rig, awayMs);
    next.see(reading);
    return next;
  };

  test('what was found out before is not found out again', () => {
    const rig = resumed(counts(running(), 0, 7), 10_000, at(48));
    expect(finish(rig, 48)).toMatchObject({ energyWh: 78, marks: ['meter-reset', 'adopted'], rawEndWh: 48 });
  });

  test.each([
    ['a rollover', 'cumulative', 50_100, 20, 120, 'meter-rollover'],
    ['a power cycle', 'since-power-on', null, 60, 90 + 15, 'meter-reset'],
    ['a reset', 'cumulative', null, 20, 30 + 15, 'meter-reset'],
    ['a replacement', 'cumulative', null, 20_000, 30 + 15, 'meter-replaced'],
    ['a jump', 'cumulative', null, 90_000, 30 + 15, 'meter-jump'],
  ] as const)('%s while the controller was down is recognised', (_, kind, rollsOverAtWh, fromWh, energyWh, mark) => {
    const energy = { kind, rollsOverAtWh, resolutionWh: 1 };
    const rig = new Rig({ facts: { energy } }).toCharging().acknowledge().charge(10);
    const expectedWh = mark === 'meter-rollover' ? 50_100 - 50_000 + 20 + 15 : energyWh;
    const next = restartFromDisk(saved(rig), 60_000, { facts: { energy } });
    counts(next, fromWh, 6);
    expect(finish(next, fromWh + 15)).toMatchObject({ energyWh: expectedWh, marks: ['adopted', mark] });
  });

  test('another meter is known by its serial number', () => {
    const rig = running();
    rig.pass(1000).see({ ...at(50_033), meterId: 'A' });
    const next = resumed(saved(rig), 5000, { ...at(50_040), meterId: 'B' });
    expect(finish(next, 50_040)).toMatchObject({ energyWh: 33, marks: ['adopted', 'meter-replaced'] });
  });

  test('a session stored before meters were tracked and charges had limits goes on from its last reading', () => {
    const { meter, startedBy, limits, holdMinor, ...old } = running().session;
    expect({ events: meter.events, startedBy, limits, holdMinor }).toEqual({ events: [], ...nothingAsked });
    const session = restoreSession(JSON.parse(JSON.stringify(old)));
    expect(session).toMatchObject(nothingAsked);
    const rig = new Rig({ session, monoMs: START_MONO_MS + 20_000, wallMs: START_WALL_MS + 20_000 });
    rig.see(at(50_057));
    expect(finish(rig)).toMatchObject({ energyWh: 57, marks: ['adopted'], rawStartWh: 50_000, rawEndWh: 50_057 });
  });
});

const nothingAsked = { startedBy: null, limits: {}, holdMinor: null };

/** Has the last reading stored, as it is once a minute. */
function saved(rig: Rig): Rig {
  rig.orders.push({
    kind: 'commit',
    answer: null,
    transaction: { session: { session: rig.session, open: true }, records: [] },
  });
  return rig;
}

describe('ED-12 a wall clock that is corrected in the middle of a charge', () => {
  test.each([
    ['falls back two hours', -7_200_000],
    ['leaps three days ahead', 3 * 86_400_000],
  ])('it %s: neither order nor duration is bent', (_, jumpMs) => {
    const rig = running();
    rig.wallMs += jumpMs;
    rig.charge(20);
    const cdr = finish(rig);
    expect(cdr.durationMs).toBe(rig.now.monoMs - cdr.startedAt.monoMs);
    expect(cdr.durationMs).toBe(10_000 + 20_000 + 1000 + 2100);
    const times = cdr.readings.map((reading) => reading.atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBe(cdr.startedAt.wallMs + cdr.durationMs);
    expect(cdr.endedAt.wallMs).toBe(rig.wallMs);
    expect(cdr).toMatchObject({ energyWh: 90, rating: { totalMinor: 9 } });
  });

  test('OP-16 the deadline of a start does not move with it', () => {
    const rig = new Rig();
    rig.toStarting();
    rig.wallMs -= 7_200_000;
    for (let i = 0; i < 60; i += 1) rig.pass(1000).see(plugged);
    expect(rig.phase).toBe('stopping');
  });
});

describe('ED-10 the bill is made on site', () => {
  test('the readings around a change of the price band are kept and make it a measured one', () => {
    // Noon in Shanghai is 04:00Z.
    const noonMs = Date.parse('2026-03-02T04:00:00Z');
    const rig = new Rig({ wallMs: noonMs - 20_100 });
    rig
      .toCharging(startCommand({ expiresAtMs: noonMs + 60_000 }))
      .acknowledge()
      .charge(60);
    const cdr = finish(rig);
    expect(cdr.readings).toHaveLength(4);
    expect(cdr.rating?.lines.filter((line) => line.fee === 'electricity')).toEqual([
      expect.objectContaining({ band: 'morning', toMs: noonMs, split: 'measured' }),
      expect.objectContaining({ band: 'afternoon', fromMs: noonMs, split: 'measured' }),
    ]);
    expect(cdr.rating?.energyWh).toBe(180);
  });

  test('a session through JSON and back makes the same bill', () => {
    const noonMs = Date.parse('2026-03-02T04:00:00Z');
    const rig = new Rig({ wallMs: noonMs - 20_100 });
    rig
      .toCharging(startCommand({ expiresAtMs: noonMs + 60_000 }))
      .acknowledge()
      .charge(60);
    const { session } = rig;
    const cause = { reason: 'partner' as const, fault: null, voidReason: null, commandIds: [] };
    const about = { cdrId: uuid(5), siteId: 'site-1', now: rig.now, occupancyId: null };
    const again = buildCdr(JSON.parse(JSON.stringify(session)), cause, about);
    expect(again.rating).toEqual(buildCdr(session, cause, about).rating);
    expect(again.rating?.lines).toHaveLength(4);
  });

  test('readings that cannot be rated go out without a price, with all their evidence', () => {
    const { session, now } = running();
    const dip = { atMs: START_WALL_MS + 5000, registerWh: 49_990, quality: 'measured' as const };
    const broken = { ...session, readings: [session.readings[0], dip] as const };
    const cause = { reason: 'partner' as const, fault: null, voidReason: null, commandIds: [] };
    const cdr = buildCdr(broken, cause, { cdrId: uuid(5), siteId: 'site-1', now, occupancyId: null });
    expect(cdr.rating).toBeNull();
    expect(cdr.readings).toContainEqual(dip);
    expect(cdr.tariff).toEqual(session.tariff);
    expect(cdrSchema.safeParse(cdr).error).toBeUndefined();
  });
});
