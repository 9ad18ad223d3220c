import { describe, expect, test } from 'vitest';
import { loadProfiles, packagedProfiles } from '../load-profiles.ts';
import { readingOf } from '../pile-reading.ts';
import type { PointValue } from './condition.ts';
import type { PileProfile } from './pile-profile.ts';

const profiles = loadProfiles(packagedProfiles);
const piles = [...profiles.values()].filter((profile) => profile.kind === 'pile');
function pile(profileId: string): PileProfile {
  const profile = profiles.get(profileId);
  if (profile?.kind !== 'pile') throw new Error(profileId);
  return profile;
}
const readingWith = (profileId: string, values: Record<string, PointValue>) =>
  readingOf(pile(profileId), (name) => (name === undefined ? null : (values[name] ?? null)));

describe('ED-05.o what a pile shows, in the terms of the domain; what no rule knows is unknown', () => {
  test.each<[string, Record<string, PointValue>, string]>([
    ['heidelberg-energy-control', { state: 2 }, 'unplugged'],
    ['heidelberg-energy-control', { state: 3 }, 'unplugged'],
    ['heidelberg-energy-control', { state: 4 }, 'plugged'],
    ['heidelberg-energy-control', { state: 5 }, 'plugged'],
    ['heidelberg-energy-control', { state: 6 }, 'plugged'],
    ['heidelberg-energy-control', { state: 7 }, 'charging'],
    ['heidelberg-energy-control', { state: 8 }, 'charging'],
    ['heidelberg-energy-control', { state: 9 }, 'fault'],
    ['heidelberg-energy-control', { state: 10, remoteLock: 0 }, 'plugged'],
    ['heidelberg-energy-control', { state: 10, remoteLock: 1 }, 'fault'],
    ['heidelberg-energy-control', { state: 10 }, 'fault'],
    ['heidelberg-energy-control', { state: 11 }, 'fault'],
    ['heidelberg-energy-control', { state: 0 }, 'unknown'],
    ['heidelberg-energy-control', { state: 65_535 }, 'unknown'],
    ['keba-p30', { state: 1, cable: 0 }, 'unplugged'],
    ['keba-p30', { state: 1, cable: 3 }, 'unplugged'],
    ['keba-p30', { state: 1, cable: 5 }, 'plugged'],
    ['keba-p30', { state: 3, cable: 7 }, 'charging'],
    ['keba-p30', { state: 4, cable: 0 }, 'fault'],
    ['keba-p40', { state: 5, cable: 7 }, 'plugged'],
    ['keba-p40', { state: 6, cable: 7 }, 'unknown'],
    ['abb-terra-ac', { state: 0, socket: 0 }, 'unplugged'],
    ['abb-terra-ac', { state: 3, socket: 0x111 }, 'plugged'],
    ['abb-terra-ac', { state: 4, socket: 0x111 }, 'charging'],
    ['abb-terra-ac', { state: 5, socket: 0x101 }, 'plugged'],
    ['abb-terra-ac', { state: 5, socket: 0x11 }, 'unplugged'],
    ['abb-terra-ac', { state: 5, socket: null }, 'unknown'],
    ['phoenix-em-cp-pp-eth', { state: 67, enabled: 1 }, 'charging'],
    ['phoenix-em-cp-pp-eth', { state: 67, enabled: 0 }, 'plugged'],
    ['phoenix-em-cp-pp-eth', { state: 67 }, 'charging'],
    ['phoenix-ev-eth', { state: 68, enabled: 1 }, 'charging'],
    ['phoenix-ev-cc-ac1', { state: 70, enabled: 1 }, 'fault'],
    ['phoenix-charx-sec', { state: 'A1' }, 'unplugged'],
    ['phoenix-charx-sec', { state: 'C1' }, 'plugged'],
    ['phoenix-charx-sec', { state: 'C2' }, 'charging'],
    ['phoenix-charx-sec', { state: 'C' }, 'charging'],
    ['phoenix-charx-sec', { state: 'F' }, 'fault'],
    ['phoenix-charx-sec', { state: null }, 'unknown'],
    ['alfen-ng9xx', { state: 'E' }, 'unplugged'],
    ['alfen-ng9xx', { state: 'B1' }, 'plugged'],
    ['alfen-ng9xx', { state: 'D2' }, 'charging'],
    ['alfen-ng9xx', { state: 'F' }, 'fault'],
    ['bender-cc612', { ocppStatus: 0, pilot: 1, relays: 0 }, 'unplugged'],
    ['bender-cc612', { ocppStatus: 6, pilot: 3, relays: 1 }, 'charging'],
    ['bender-cc612', { ocppStatus: 7, pilot: 3, relays: 0 }, 'plugged'],
    ['bender-cc612', { ocppStatus: 4, pilot: 1, relays: 0 }, 'fault'],
    ['bender-cc612', { ocppStatus: 0, pilot: null, relays: 0 }, 'unknown'],
    ['schneider-evlink-pro-ac', { state: 4 }, 'charging'],
    ['schneider-evlink-pro-ac', { state: 7 }, 'plugged'],
    ['schneider-evlink-pro-ac', { state: 10 }, 'fault'],
    ['tinkerforge-warp', { state: 1 }, 'plugged'],
    ['tinkerforge-warp', { state: 5 }, 'unknown'],
    ['vestel-evc04', { state: 0, cable: 3 }, 'plugged'],
    ['vestel-evc04', { state: 0, cable: 1 }, 'unplugged'],
    ['vestel-evc04', { state: 2, cable: 3 }, 'charging'],
    ['vestel-evc04', { state: 8, cable: 3 }, 'fault'],
    ['webasto-next', { state: 4 }, 'plugged'],
    ['webasto-next', { state: 2 }, 'unknown'],
  ])('%s with %j is %s', (profileId, values, status) => {
    expect(readingWith(profileId, values).status).toBe(status);
  });
});

describe("ED-05.o a vendor's fault is one of the catalogue's", () => {
  test.each<[string, Record<string, PointValue>, string | null]>([
    ['bender-cc612', { errors: 1 << 6 }, 'contactor-welded'],
    ['bender-cc612', { errors: (1 << 6) | (1 << 8) }, 'contactor-welded'],
    ['bender-cc612', { errors: 1 << 0 }, 'residual-current'],
    ['bender-cc612', { errors: 1 << 5 }, 'residual-current'],
    ['bender-cc612', { errors: 1 << 7 }, null],
    ['bender-cc612', { errors: 1 << 9 }, 'plug-lock-failed'],
    ['bender-cc612', { errors: 1 << 15 }, 'overload'],
    ['bender-cc612', { errors: 1 << 1 }, 'control-pilot-fault'],
    ['bender-cc612', { errors: 1 << 13 }, 'pile-hardware-fault'],
    ['bender-cc612', { errors: 1 << 11 }, 'pile-fault'],
    ['bender-cc612', { errors: 1 << 16 }, 'unknown-fault'],
    ['bender-cc612', { errors: (1 << 16) | (1 << 9) }, 'unknown-fault'],
    ['bender-cc612', { errors: (1 << 16) | (1 << 6) }, 'contactor-welded'],
    ['bender-cc612', { errors: 0, errors2: 1 << 20 }, 'unknown-fault'],
    ['bender-cc612', { errors: 0, errors2: null }, null],
    ['bender-cc612', { errors: 0 }, null],
    ['phoenix-em-cp-pp-eth', { error: 12 }, 'contactor-welded'],
    ['phoenix-em-cp-pp-eth', { error: 15 }, 'residual-current'],
    ['phoenix-em-cp-pp-eth', { error: 8 }, 'plug-lock-failed'],
    ['phoenix-em-cp-pp-eth', { error: 3 }, 'cable-fault'],
    ['phoenix-em-cp-pp-eth', { error: 9 }, 'overload'],
    ['phoenix-em-cp-pp-eth', { error: 10 }, 'pile-hardware-fault'],
    ['phoenix-em-cp-pp-eth', { error: 11 }, 'vehicle-fault'],
    ['phoenix-em-cp-pp-eth', { error: 13 }, 'control-pilot-fault'],
    ['phoenix-em-cp-pp-eth', { error: 14 }, 'unknown-fault'],
    ['phoenix-em-cp-pp-eth', { error: 0, state: 69 }, 'control-pilot-fault'],
    ['phoenix-em-cp-pp-eth', { error: 99 }, 'unknown-fault'],
    ['phoenix-em-cp-pp-eth', { error: 0 }, null],
    ['abb-terra-ac', { error: 0x4000 }, null],
    ['abb-terra-ac', { error: 0x4002 }, 'unknown-fault'],
    ['keba-p30', { error: 0x8001 }, 'unknown-fault'],
    ['keba-p40', { error: 0 }, null],
    ['vestel-evc04', { error: 2 }, 'unknown-fault'],
    ['schneider-evlink-pro-ac', { state: 8, errors2: 1 }, 'unknown-fault'],
    ['heidelberg-energy-control', { state: 9 }, 'control-pilot-fault'],
    ['heidelberg-energy-control', { state: 11 }, null],
    ['schneider-evlink-pro-ac', { state: 11 }, 'control-pilot-fault'],
    ['phoenix-charx-sec', { state: 'E' }, 'control-pilot-fault'],
  ])('%s with %j: %s', (profileId, values, code) => {
    expect(readingWith(profileId, values).fault).toBe(code);
  });
});

describe("ED-05.o a technician gets the pile's own code", () => {
  test.each<[string, Record<string, PointValue>, string | null]>([
    ['bender-cc612', { pilot: 3, relays: 1, errors: 64 }, 'errors 64 (0x40)'],
    ['bender-cc612', { pilot: 3, relays: 1, errors: 1 << 16, errors1: 2 }, 'errors 65536 (0x10000), errors1 2 (0x2)'],
    ['bender-cc612', { pilot: 3, relays: 1, errors: 64, errors1: 2 }, 'errors 64 (0x40), errors1 2 (0x2)'],
    ['keba-p30', { state: 4, cable: 7, error: 0x8001 }, 'error 32769 (0x8001)'],
    ['heidelberg-energy-control', { state: 11, remoteLock: 1 }, 'state 11 (0xb)'],
    ['heidelberg-energy-control', { state: 42, remoteLock: 1 }, 'state 42 (0x2a), remoteLock 1 (0x1)'],
    ['phoenix-charx-sec', { state: 'F1' }, 'state F1'],
    ['heidelberg-energy-control', { state: 7 }, null],
    ['abb-terra-ac', { state: 4, socket: 0x111, error: 0x4000 }, null],
  ])('%s with %j: %s', (profileId, values, detail) => {
    expect(readingWith(profileId, values).faultDetail).toBe(detail);
  });
});

describe('ED-05.c ED-05.d voltages are those of the phases in use', () => {
  test.each<[string, readonly PointValue[], unknown]>([
    ['three phases', [230_000, 229_000, 231_500], { lowest: 229_000, highest: 231_500 }],
    ['one phase behind the contacts', [231_000, 0, 0], { lowest: 231_000, highest: 231_000 }],
    ['one phase that is too low, and is in use', [231_000, 180_000, 230_000], { lowest: 180_000, highest: 231_000 }],
    ['none before the contacts close', [0, 0, 0], null],
    ['one that is not told', [231_000, null, 230_000], null],
  ])('%s', (_, [voltageL1 = null, voltageL2 = null, voltageL3 = null], told) => {
    expect(readingWith('heidelberg-energy-control', { voltageL1, voltageL2, voltageL3 }).voltageMv).toEqual(told);
  });

  test('a pile that tells no voltage has no limits for it', () => {
    const silent = piles.filter(({ measures }) => measures.voltages.length === 0).map(({ profileId }) => profileId);
    expect(silent.sort()).toEqual(['phoenix-ev-cc-ac1', 'phoenix-ev-eth', 'webasto-next']);
    expect(readingWith('webasto-next', { state: 3 }).voltageMv).toBeNull();
  });
});
