import { describe, expect, test } from 'vitest';
import { cdrSchema } from '#shared/wire/cdr.ts';
import { buildCdr } from './build-cdr.ts';
import type { Reading } from './reading.ts';
import { isPlausible } from './register-guard.ts';
import { charging, plugged, Rig, START_WALL_MS, startCommand, stopCommand, uuid } from './testing.ts';

const running = () => new Rig().toCharging().acknowledge().charge(10);
const at = (registerWh: number | null): Reading => ({ ...charging, registerWh });

function finish(rig: Rig, registerWh = rig.session.lastReading.registerWh) {
  rig.command(stopCommand(rig.session.sessionId));
  rig.proveOff(registerWh);
  return rig.cdr;
}

describe('ED-13 what a register cannot have done is not billed, and marked', () => {
  test('null is never zero: a meter that tells nothing for a while changes nothing', () => {
    const rig = running();
    for (let i = 0; i < 5; i += 1) rig.pass(1000).see(at(null));
    expect(rig.session.lastReading.registerWh).toBe(50_030);
    rig.pass(1000).see(at(50_048));
    expect(finish(rig)).toMatchObject({ energyWh: 48, marks: [] });
  });

  test.each([
    ['runs backwards by one', 50_029],
    ['falls to zero at a power cycle', 0],
    ['jumps further than the pile can deliver', 50_030 + 25],
    ['shows the whole of 32 bits', 4_294_967_295],
  ])('it %s', (_, glitch) => {
    const rig = running();
    rig.pass(1000).see(at(glitch));
    expect(rig.session).toMatchObject({ marks: ['register-implausible'], lastReading: { registerWh: 50_030 } });
    rig.pass(1000).see(at(50_036));
    expect(finish(rig)).toMatchObject({ energyWh: 36, marks: ['register-implausible'] });
  });

  test('a register that fell and stays there ends the energy at its last good value', () => {
    const rig = running();
    for (let i = 0; i < 20; i += 1) rig.pass(1000).see(at(i));
    rig.command(stopCommand(rig.session.sessionId));
    rig.pass(100).send({ kind: 'written', write: 'softStop' });
    for (let i = 0; i < 10 && rig.phase === 'stopping'; i += 1) rig.pass(1000).see({ ...plugged, registerWh: 20 });
    expect(rig.cdr).toMatchObject({ energyWh: 30, marks: ['register-implausible'], meterEndWh: 50_030 });
  });

  test('one bad value is marked once', () => {
    const rig = running();
    for (let i = 0; i < 5; i += 1) rig.pass(1000).see(at(7));
    expect(rig.session.marks).toEqual(['register-implausible']);
  });
});

test.each([
  ['nothing is known yet', null, 5, true],
  ['it stands still', { registerWh: 100, monoMs: 0 }, 100, true],
  ['it rises as fast as the pile can', { registerWh: 100, monoMs: 0 }, 100 + 11 + 20, true],
  ['it rises faster', { registerWh: 100, monoMs: 0 }, 100 + 12 + 20, false],
  ['it falls', { registerWh: 100, monoMs: 0 }, 99, false],
  ['its last time lies ahead', { registerWh: 100, monoMs: 9000 }, 120, true],
])('ED-13 a register is plausible or not when %s', (_, belief, registerWh, expected) => {
  expect(isPlausible(belief, registerWh, 3600, 11_000)).toBe(expected);
});

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
    const about = { cdrId: uuid(5), siteId: 'site-1', now: rig.now };
    const again = buildCdr(JSON.parse(JSON.stringify(session)), cause, about);
    expect(again.rating).toEqual(buildCdr(session, cause, about).rating);
    expect(again.rating?.lines).toHaveLength(4);
  });

  test('readings that cannot be rated go out without a price, with all their evidence', () => {
    const { session, now } = running();
    const dip = { atMs: START_WALL_MS + 5000, registerWh: 49_990, quality: 'measured' as const };
    const broken = { ...session, readings: [session.readings[0], dip] as const };
    const cause = { reason: 'partner' as const, fault: null, voidReason: null, commandIds: [] };
    const cdr = buildCdr(broken, cause, { cdrId: uuid(5), siteId: 'site-1', now });
    expect(cdr.rating).toBeNull();
    expect(cdr.readings).toContainEqual(dip);
    expect(cdr.tariff).toEqual(session.tariff);
    expect(cdrSchema.safeParse(cdr).error).toBeUndefined();
  });
});
