import { describe, expect, test } from 'vitest';
import type { LineConfig, SiteConfig } from '../config/site.ts';
import { devicesOf } from '../config/site-devices.ts';
import { ioBoardSchema } from '../config/site-io.ts';
import { loadProfiles, packagedProfiles } from '../devices/load-profiles.ts';
import { describePlan } from './describe-plan.ts';
import { planSite } from './plan-site.ts';
import { library, pileAt, pileProfile, serialLine, siteOf, tokenWatchdog } from './testing.ts';

const stop = { inputId: 'E1', channel: 1, kind: 'emergency-stop', normally: 'closed', covers: 'all' };
const board = (change: object = {}) =>
  ioBoardSchema.parse({
    boardId: 'B1',
    profile: 'waveshare-relay-8ch-d',
    lineId: 'L1',
    unit: 50,
    inputs: [stop],
    ...change,
  });
const boardProfiles = loadProfiles(packagedProfiles);

function plan(site: SiteConfig, profile = pileProfile()) {
  const profiles = new Map([...boardProfiles, ...library(profile)]);
  return planSite(site, devicesOf(site, profiles));
}
const bare = (lineId: string): LineConfig => ({
  lineId,
  transport: 'serial',
  path: `/dev/serial/by-id/usb-${lineId}`,
  baud: 9600,
  parity: 'none',
  stopBits: 1,
});

describe('ED-21 how soon an input is seen', () => {
  test('on a line of its own: a poll period, two looks, the time between them, and what may be in flight', () => {
    const site = siteOf(serialLine(9600), 1, { io: [board({ lineId: 'L2' })] });
    const { inputs, lines, problems } = plan({ ...site, lines: [...site.lines, bare('L2')] });
    // 8 and 6 characters of 11 bits, silences, 20 ms turnaround, 10 ms gap; the modes are 21 characters in the answer.
    const readMs = (14 * 11_000) / 9600 + 2 * ((3.5 * 11_000) / 9600) + 20 + 10;
    const modesMs = (29 * 11_000) / 9600 + 2 * ((3.5 * 11_000) / 9600) + 20 + 10;
    expect(lines[1]?.devices[0]).toMatchObject({ part: 'io', deviceId: 'B1', pollMs: 250, watchdogMs: null });
    expect(lines[1]?.saturatedCycleMs).toBeCloseTo(2 * readMs, 3);
    expect(inputs).toHaveLength(1);
    expect(inputs[0]?.detectionMs).toBeCloseTo(250 + modesMs + 2 * readMs + 110 + modesMs + 2 * readMs, 3);
    expect(problems).toEqual([]);
  });

  test('every watchdog that is due goes before: with 1 pile it fits, with 16 on the same line it does not', () => {
    const codes = (piles: number) => {
      const site = siteOf(serialLine(9600), piles, { io: [board({ profile: 'waveshare-relay-8ch-d' })] });
      return plan(site, pileProfile({ watchdog: tokenWatchdog(600_000) })).problems.map(
        ({ code, path }) => `${code} ${path}`,
      );
    };
    expect(codes(1)).toEqual([]);
    expect(codes(16)).toEqual(['input-too-slow io.0.inputs.0']);
  });

  test('the refusal has the numbers, in both languages', () => {
    const { problems, inputs } = plan(siteOf(serialLine(9600), 16, { io: [board()] }));
    const seconds = ((inputs[0]?.detectionMs ?? 0) / 1000).toFixed(2);
    expect(Number(seconds)).toBeGreaterThan(1);
    const [{ en, zh } = { en: '', zh: '' }] = problems;
    for (const text of ['E1', `${seconds} s`, 'B1', 'L1', '1.00 s']) {
      expect(en).toContain(text);
      expect(zh).toContain(text);
    }
  });

  test('a door that only refuses may be slow; one that stops may not', () => {
    const door = (change: object) => [{ ...stop, inputId: 'D1', kind: 'door', ...change }];
    const codes = (change: object) =>
      plan(siteOf(serialLine(9600), 16, { io: [board({ inputs: door(change) })] })).problems.map(({ code }) => code);
    expect(codes({})).toEqual([]);
    expect(codes({ stops: true })).toEqual(['input-too-slow']);
  });

  test('is printed with what the input does', () => {
    const inputs = [stop, { ...stop, inputId: 'D1', channel: 2, kind: 'door' }];
    const text = describePlan(plan(siteOf(serialLine(9600), 1, { io: [board({ inputs })] })));
    expect(text).toMatch(/E1 +emergency-stop +B1 +stops +0\.\d\d s/);
    expect(text).toMatch(/D1 +door +B1 +refuses new charges +0\.\d\d s/);
  });

  test('a stop may have to wait for the relays and modes of the board', () => {
    const alone = plan(siteOf(serialLine(9600), 1));
    const together = plan(siteOf(serialLine(9600), 1, { io: [board()] }));
    const cycle = ({ lines }: typeof alone) => lines[0]?.saturatedCycleMs ?? Number.NaN;
    expect(cycle(together)).toBeGreaterThan(cycle(alone) + 80);
    expect(together.lines[0]?.stop?.piles).toBe(1);
  });
});

describe('ED-07 ED-21 what a technician is told', () => {
  const output = { outputId: 'T1', channel: 1, trips: ['P1-1'], energised: 'trips' };
  const notes = (change: object, profile = pileProfile()) => {
    const site = siteOf(bare('L1'), 0, { piles: [pileAt(1)], io: [board(change)] });
    return plan(site, { ...profile, serial: { baud: 9600, parity: 'none', stopBits: 1 } }).notes;
  };

  test('a pile without a second way to stop needs a trip output, and with one there is nothing to say', () => {
    const text = 'P1 (bench-pile): has no second way to stop; the site needs a trip output for it';
    const oneWay = pileProfile({ hardStop: null });
    expect(notes({}, oneWay)).toEqual([text]);
    const feedback = { channel: 8, suppliedWhen: 'closed' };
    expect(notes({ outputs: [{ ...output, feedback }] }, oneWay)).toEqual([]);
  });

  test('an output without feedback, and an input that hides a broken wire', () => {
    expect(notes({ outputs: [output], inputs: [{ ...stop, normally: 'open' }] })).toEqual([
      'E1: emergency-stop is normally open: a broken wire is not noticed; wire it normally closed',
      'T1: no feedback tells whether its contactor opens; trip it once at commissioning',
    ]);
  });
});
