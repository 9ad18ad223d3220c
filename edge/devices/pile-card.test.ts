import { describe, expect, test } from 'vitest';
import type { ModbusJob, ModbusPort } from '../bus/modbus-master.ts';
import { isRead } from '../bus/request.ts';
import { loadProfiles, packagedProfiles } from './load-profiles.ts';
import { PileDriver } from './pile-driver.ts';
import { cardNumberOf } from './pile-reading.ts';
import type { PileProfile } from './profile/pile-profile.ts';

const profiles = loadProfiles(packagedProfiles);
const profileOf = (name: string): PileProfile => {
  const profile = profiles.get(name);
  if (profile?.kind !== 'pile') throw new Error(`no profile ${name}`);
  return profile;
};

/** A pile whose registers are all 0 but those given. */
function rig(name: string, words: Readonly<Record<number, number>>, socket = 1) {
  const jobs: ModbusJob[] = [];
  const modbus: ModbusPort = {
    request(job) {
      jobs.push(job);
      const { request } = job;
      if (!isRead(request)) return Promise.resolve([]);
      return Promise.resolve(Array.from({ length: request.count }, (_, i) => words[request.address + i] ?? 0));
    },
  };
  return { driver: new PileDriver(profileOf(name), { modbus, unit: 1, socket }), jobs };
}

const text = (from: number, characters: string, perWord: 1 | 2): Record<number, number> => {
  const pieces = characters.match(perWord === 1 ? /./g : /..?/g) ?? [];
  const wordOf = (piece: string) =>
    perWord === 1 ? piece.charCodeAt(0) : (piece.charCodeAt(0) << 8) | (piece.charCodeAt(1) || 0);
  return Object.fromEntries(pieces.map((piece, i) => [from + i, wordOf(piece)]));
};

describe('ED-10 piles that tell a card tell the same card alike', () => {
  test.each<[string, Record<number, number>, number, string]>([
    ['keba-p30', { 1500: 0xd4cd, 1501: 0x7650 }, 1, 'D4CD7650'],
    ['keba-p40', { 1500: 0x00cd, 1501: 0x7650 }, 1, '00CD7650'],
    ['vestel-evc04', text(1516, '04a1b2c3d4e5f6', 1), 1, '04A1B2C3D4E5F6'],
    ['phoenix-ev-eth', text(606, '04:A1:B2:C3:D4:E5:F6', 2), 1, '04A1B2C3D4E5F6'],
    ['phoenix-charx-sec', text(3275, 'D4CD7650', 2), 3, 'D4CD7650'],
  ])('%s', async (name, words, socket, number) => {
    expect(await rig(name, words, socket).driver.readCard()).toBe(number);
    expect(await rig(name, {}, socket).driver.readCard()).toBeNull();
  });

  test('and one that has no register for it is not asked', async () => {
    const { driver, jobs } = rig('heidelberg-energy-control', {});
    expect(await driver.readCard()).toBeNull();
    expect(jobs).toEqual([]);
  });
});

test('XC-10 a card is read by itself, privately, and by nothing else that is read', async () => {
  const { driver, jobs } = rig('keba-p30', {});
  await driver.read();
  await driver.readCard();
  const touching = jobs.filter(
    ({ request }) => 'count' in request && request.address <= 1501 && request.address + request.count > 1500,
  );
  expect(touching.map(({ isPrivate }) => isPrivate)).toEqual([true]);
  expect(touching).toEqual(jobs.slice(-1));
});

test('ED-10 what is no card number is none', () => {
  expect(cardNumberOf('guest', 'first-byte-first')).toBeNull();
  expect(cardNumberOf('00000000', 'first-byte-first')).toBeNull();
  expect(cardNumberOf(null, 'first-byte-first')).toBeNull();
  expect(cardNumberOf('5076CDD4', 'last-byte-first')).toBe('D4CD7650');
});
