import { describe, expect, test } from 'vitest';
import { nextBandChangeMs } from '#shared/tariff/bands.ts';
import { watchBand } from './band-change.ts';
import { charging, Rig, startCommand } from './testing.ts';

// The band changes at noon in Shanghai, 04:00Z.
const NOON_MS = Date.parse('2026-03-02T04:00:00Z');

/** A charge whose register has been read a moment ago, so long before noon. */
function running(beforeNoonMs: number, tariff = startCommand().tariff): Rig {
  const wallMs = NOON_MS - beforeNoonMs - 1200;
  return new Rig({ wallMs }).toCharging(startCommand({ tariff, expiresAtMs: wallMs + 60_000 })).acknowledge();
}
const watch = (rig: Rig, withinMs: number) =>
  watchBand(rig.state, { now: rig.now, bandChangeMs: nextBandChangeMs }, withinMs);
/** How long before noon it is. */
const leftMs = (rig: Rig) => NOON_MS - rig.wallMs;

describe('RS-05 a pile is looked at where the price band changes', () => {
  test('not while none is near', () => {
    expect(watch(running(60_000), 1000)).toEqual({ lookInMs: null, wantsRegister: false });
  });

  test('a slow look is taken five seconds ahead, and again at the change', () => {
    const rig = running(30_000);
    const left = leftMs(rig);
    expect(watch(rig, 60_000)).toEqual({ lookInMs: left - 5000, wantsRegister: false });
    rig.pass(left - 5000);
    expect(watch(rig, 60_000)).toEqual({ lookInMs: 5000, wantsRegister: true });
    rig.see({ ...charging, registerWh: 50_010 });
    expect(watch(rig, 60_000)).toEqual({ lookInMs: 5000, wantsRegister: true });
    rig.pass(5000);
    expect(watch(rig, 60_000)).toEqual({ lookInMs: null, wantsRegister: true });
  });

  test('a quick one is only brought forward to the change itself', () => {
    const rig = running(30_000);
    rig.pass(leftMs(rig) - 400);
    expect(watch(rig, 1000)).toEqual({ lookInMs: 400, wantsRegister: true });
  });

  test('once the register has been read after the change, that is enough', () => {
    const rig = running(5000);
    rig.pass(leftMs(rig)).see({ ...charging, registerWh: 50_010 });
    expect(watch(rig, 1000)).toEqual({ lookInMs: null, wantsRegister: false });
  });

  test('a register that stays silent is asked for so long as a reading would still count as taken there', () => {
    const rig = running(5000);
    rig.pass(leftMs(rig) + 9999).see({ ...charging, registerWh: null });
    expect(watch(rig, 1000).wantsRegister).toBe(true);
    rig.pass(2).see({ ...charging, registerWh: null });
    expect(watch(rig, 1000).wantsRegister).toBe(false);
  });

  test('without a charge, or without a tariff, nobody wants to know', () => {
    const rig = running(3000);
    const { phase } = rig.state;
    if (phase.kind !== 'charging') throw new Error(phase.kind);
    const unpriced = { ...rig.state, phase: { ...phase, session: { ...phase.session, tariff: null } } };
    expect(watchBand(unpriced, { now: rig.now, bandChangeMs: nextBandChangeMs }, 1000).wantsRegister).toBe(false);
    expect(watch(new Rig({ wallMs: NOON_MS - 3000 }), 1000)).toEqual({ lookInMs: null, wantsRegister: false });
  });

  test('the change is looked for on the time of the charge, not on a wall clock that jumps', () => {
    const rig = running(3000);
    rig.wallMs -= 3_600_000;
    expect(watch(rig, 1000).wantsRegister).toBe(true);
  });
});

test('RS-05 readings on both sides of a night that ends in the band it began in are kept', () => {
  const rig = running(60_000);
  const before = rig.session.lastReading;
  // Nobody could look for a day: the afternoon has come and gone.
  rig.pass(86_400_000).see({ ...charging, registerWh: 60_000 });
  expect(rig.session.readings).toContain(before);
});
