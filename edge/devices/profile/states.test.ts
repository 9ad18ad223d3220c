import { describe, expect, test } from 'vitest';
import { loadProfiles, packagedProfiles } from '../load-profiles.ts';
import { readingOf } from '../pile-driver.ts';
import type { PointValue } from './condition.ts';
import type { PileProfile } from './pile-profile.ts';

const profiles = loadProfiles(packagedProfiles);
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
    ['bender-cc612', { errors: 1 << 15 }, 'over-current'],
    ['bender-cc612', { errors: 0 }, null],
    ['phoenix-em-cp-pp-eth', { error: 12 }, 'contactor-welded'],
    ['phoenix-em-cp-pp-eth', { error: 15 }, 'residual-current'],
    ['phoenix-em-cp-pp-eth', { error: 8 }, 'plug-lock-failed'],
    ['phoenix-em-cp-pp-eth', { error: 3 }, 'vehicle-fault'],
    ['phoenix-em-cp-pp-eth', { error: 99 }, 'pile-fault'],
    ['phoenix-em-cp-pp-eth', { error: 0 }, null],
    ['abb-terra-ac', { error: 0x4000 }, null],
    ['abb-terra-ac', { error: 0x4002 }, 'pile-fault'],
    ['heidelberg-energy-control', { state: 9 }, 'vehicle-fault'],
    ['schneider-evlink-pro-ac', { state: 11 }, 'vehicle-fault'],
  ])('%s with %j: %s', (profileId, values, code) => {
    expect(readingWith(profileId, values).fault).toBe(code);
  });
});
