import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import { loadProfiles, packagedProfiles } from './load-profiles.ts';
import { planReads } from './plan-reads.ts';

const profileNames = ['heidelberg-energy-control', 'keba-p30'];
type Json = Record<string, unknown>;
const original = (name = 'heidelberg-energy-control'): Json =>
  JSON.parse(readFileSync(join(packagedProfiles, `${name}.json`), 'utf8'));

/** A copy of the document with the value at a dotted path replaced; `undefined` leaves it out. */
function withValue(document: Json, path: string, value: unknown): Json {
  const copy: Json = structuredClone(document);
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const parent = keys.reduce<Json>((object, key) => object[key] as Json, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

/** Writes one profile into a folder of its own and says why it is refused. */
function refusal(text: string, fileName = 'heidelberg-energy-control.json'): string {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-profile-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, fileName), text);
  try {
    loadProfiles(folder);
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    expect(error.code).toBe('profile.invalid');
    expect(error.detail).toContain(join(folder, fileName));
    return error.detail.replace(`${join(folder, fileName)}: `, '');
  }
  return 'taken';
}
const refusalOf = (path: string, value: unknown) => refusal(JSON.stringify(withValue(original(), path, value)));

test('ED-02 the packaged profiles are good, and named as their files', () => {
  expect([...loadProfiles(packagedProfiles).keys()]).toEqual(profileNames);
});

describe('ED-02 a bad profile is refused with file, path and reason', () => {
  test.each<[string, string, unknown, string]>([
    ['a mistyped key', 'gapMS', 100, 'gapMS: unknown key'],
    ['a mistyped key inside', 'timing.gap', 100, 'timing.gap: unknown key'],
    ['a mistyped key of a point', 'points.state.adress', 5, 'points.state.adress: unknown key'],
    ['a type nobody knows', 'points.state.type', 'u24', 'points.state.type: '],
    ['a function code that does not read', 'points.state.fc', 6, 'points.state.fc: Invalid input: expected 3, or '],
    ['an address beyond 16 bits', 'points.state.address', 65_536, 'points.state.address: '],
    ['a value left out', 'limits', undefined, 'limits: '],
    [
      'a state rule for a point that is not there',
      'state.0.when.0.point',
      'stat',
      'state.0.when.0.point: no point is named "stat"',
    ],
    [
      'a measure that is not there',
      'measures.energyRegister',
      'energy',
      'measures.energyRegister: no point is named "energy"',
    ],
    [
      'a measure in the wrong unit',
      'measures.currents.1',
      'voltageL2',
      'measures.currents.1: "voltageL2" is in mV, needed is mA',
    ],
    [
      'a command that writes what is not there',
      'commands.start.1.write',
      'maxCurent',
      'commands.start.1.write: no write is named "maxCurent"',
    ],
    [
      'a limit outside of a start',
      'commands.softStop.0.value',
      'limit',
      'commands.softStop.0.value: only a start sets the limit',
    ],
    ['a value that is neither number nor limit', 'commands.start.1.value', 'max', 'commands.start.1.value: '],
    [
      'a hard stop that is the soft stop again',
      'commands.hardStop',
      [{ write: 'maxCurrent', value: 0 }],
      'commands.hardStop: the same as softStop',
    ],
    ['no second way to stop', 'commands.hardStop', [], 'commands.hardStop: '],
    [
      'a reply that may come before its timeout',
      'timing.slowestReplyMs',
      299,
      'timing.slowestReplyMs: not less than responseTimeoutMs (300)',
    ],
    [
      'a watchdog too quick to be fed',
      'watchdog.timeoutMs',
      2999,
      'watchdog.timeoutMs: at least three times pollMs (1000)',
    ],
    [
      'a watchdog fed by writes that nobody writes',
      'watchdog.refreshedBy',
      'writes',
      'watchdog.feed: reads do not refresh',
    ],
    ['a temperature without a limit', 'limits.overTemperatureDc', null, 'limits.overTemperatureDc: '],
    ['less than 6 A', 'limits.minCurrentMa', 5999, 'limits.minCurrentMa: '],
    ['a condition that says nothing', 'state.0.when.0.in', undefined, 'state.0.when.0: say either "in", or "bits"'],
    [
      'a fixed value that the register cannot hold',
      'commands.setup.1.value',
      65_536,
      'commands.setup.1.value: 65536 does not fit u16',
    ],
    [
      'a limit that the register cannot hold',
      'writes.maxCurrent.multiply',
      500,
      'commands.start.1.value: 80000 does not fit u16',
    ],
    ['a register written as a coil', 'writes.maxCurrent.fc', 5, 'writes.maxCurrent.type: function 5 writes coil'],
    [
      '32 bits by a function that writes 16',
      'writes.maxCurrent.type',
      'u32',
      'writes.maxCurrent.type: function 6 writes u16',
    ],
    [
      'a point longer than the longest read',
      'maxReadRegisters',
      1,
      'points.energySincePowerOn.type: 2 registers, but one read takes 1',
    ],
  ])('%s', (_, path, value, complaint) => {
    expect(refusalOf(path, value)).toContain(complaint);
  });

  test('a file that is no JSON', () => {
    expect(refusal('{ "profileId": ')).toMatch(/JSON/);
  });

  test('a file whose name is another', () => {
    expect(refusal(JSON.stringify(original()), 'heidelberg.json')).toContain(
      'profileId: "heidelberg-energy-control" does not fit',
    );
  });

  test('several mistakes are told at once', () => {
    const twice = withValue(withValue(original(), 'timing.gap', 1), 'points.state.type', 'u24');
    expect(refusal(JSON.stringify(twice))).toMatch(
      /points\.state\.type: .*; timing\.gap: unknown key|timing\.gap.*points\.state/,
    );
  });
});

test('ED-02 another pile needs no code: a profile with low-first words, bit states and FC16 is taken', () => {
  const other = {
    ...original(),
    points: {
      state: { fc: 3, address: 10, type: 'u16', shift: 8, mask: 255, unit: 'none' },
      current: { fc: 3, address: 12, type: 'i32', wordOrder: 'low-first', unit: 'mA', notAvailable: 4_294_967_295 },
      energy: { fc: 3, address: 20, type: 'u64', unit: 'Wh' },
    },
    writes: { limit: { fc: 16, address: 300, type: 'u32' }, enable: { fc: 5, address: 400, type: 'coil' } },
    state: [{ when: [{ point: 'state', bits: 3, equals: 1 }], is: 'charging' }],
    measures: { currents: ['current'], energyRegister: 'energy' },
    limits: { maxCurrentMa: 125_000, minCurrentMa: 6000, phases: 3, overTemperatureDc: null },
    commands: {
      setup: [],
      start: [
        { write: 'limit', value: 'limit' },
        { write: 'enable', value: 1 },
      ],
      softStop: [{ write: 'limit', value: 0 }],
      hardStop: [{ write: 'enable', value: 0 }],
    },
  };
  expect(refusal(JSON.stringify(other))).toBe('taken');
});

describe('ED-04 neighbouring registers are read in one request', () => {
  const planOf = (name: string, change: Json = {}) => {
    const profile = loadProfiles(packagedProfiles).get(name);
    if (profile === undefined) throw new Error(name);
    return planReads({ ...profile, ...change }).map((read) => `${read.fc}: ${read.address}+${read.count}`);
  };

  test('Heidelberg: one block from 5 to 18', () => {
    expect(planOf('heidelberg-energy-control')).toEqual(['4: 5+14']);
  });

  test('KEBA: each value by itself, because it refuses reads across its values', () => {
    expect(planOf('keba-p30')).toEqual([1000, 1004, 1008, 1010, 1012, 1020, 1036].map((address) => `3: ${address}+2`));
  });

  test('no read is longer than the device takes', () => {
    expect(planOf('heidelberg-energy-control', { maxReadRegisters: 5 })).toEqual(['4: 5+5', '4: 10+5', '4: 15+4']);
  });

  test('a hole is bridged only as far as the profile says', () => {
    const bridge = (maxReadGap: number) => planOf('keba-p30', { maxReadRegisters: 40, maxReadGap });
    expect(bridge(0)).toEqual(['3: 1000+2', '3: 1004+2', '3: 1008+6', '3: 1020+2', '3: 1036+2']);
    expect(bridge(2)).toEqual(['3: 1000+14', '3: 1020+2', '3: 1036+2']);
    expect(bridge(14)).toEqual(['3: 1000+38']);
  });
});
