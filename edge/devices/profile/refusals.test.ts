import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import { loadProfiles } from '../load-profiles.ts';
import { packagedProfile, profileFolder, withValue } from './testing.ts';

/** Writes one profile into a folder of its own and says why it is refused. */
function refusal(text: string, fileName: string): string {
  const folder = profileFolder({ [fileName]: text });
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
const refusalOf = (profileId: string, path: string, value: unknown) =>
  refusal(JSON.stringify(withValue(packagedProfile(profileId), path, value)), `${profileId}.json`);

const heidelberg = (path: string, value: unknown) => refusalOf('heidelberg-energy-control', path, value);

describe('ED-02 a bad profile is refused with file, path and reason', () => {
  test.each<[string, string, unknown, string]>([
    ['a mistyped key', 'gapMS', 100, 'gapMS: unknown key'],
    ['a mistyped key inside', 'timing.gap', 100, 'timing.gap: unknown key'],
    ['a mistyped key of a point', 'points.state.adress', 5, 'points.state.adress: unknown key'],
    ['a type nobody knows', 'points.state.type', 'u24', 'points.state.type: '],
    ['a function that does not read', 'points.state.fc', 6, 'points.state.fc: '],
    ['a function for bits', 'points.state.fc', 1, 'points.state.fc: functions 1 and 2 read bits'],
    ['an address beyond 16 bits', 'points.state.address', 65_536, 'points.state.address: '],
    ['a number with the length of a text', 'points.state.words', 2, 'points.state.words: texts need their length'],
    ['a text without its length', 'points.state.type', 'ascii', 'points.state.words: texts need their length'],
    ['a value left out', 'limits', undefined, 'limits: '],
    ['a rule for a point that is not there', 'state.0.when.0.point', 'stat', 'no point is named "stat"'],
    ['a measure that is not there', 'measures.energy.point', 'energy', 'no point is named "energy"'],
    ['currents in another unit', 'measures.currents.1', 'power', '"power" is in W, needed is mA'],
    ['energy in another unit', 'measures.energy.point', 'power', '"power" is in W, needed is Wh'],
    ['a temperature in another unit', 'measures.temperature', 'power', '"power" is in W, needed is dC'],
    ['voltages in another unit', 'measures.voltages.0', 'power', '"power" is in W, needed is mV'],
    ['a voltage that is read once', 'points.voltageL2.read', 'set-up', 'measures.voltages.1: "voltageL2" is read at'],
    ['voltages without limits', 'limits.overVoltageMv', null, 'limits.overVoltageMv: a limit where voltages are'],
    ['limits without voltages', 'measures.voltages', [], 'limits.underVoltageMv: a limit where mains voltages are'],
    ['a voltage above EN 50160', 'limits.overVoltageMv', 253_001, 'limits.overVoltageMv: not above 253000'],
    ['a voltage below GB/T 12325', 'limits.underVoltageMv', 197_999, 'limits.underVoltageMv: not below 198000'],
    ['more than an AC pile can offer', 'limits.maxCurrentMa', 125_001, 'limits.maxCurrentMa: not above 125000 for AC'],
    [
      'more output than the supply gives',
      'limits.dc',
      { maxPowerW: 120_000, wattsPerAmpere: 691 },
      'limits.dc.wattsPerAmpere: ',
    ],
    ['a lower limit of a DC output', 'limits.dc', { maxPowerW: 9000, wattsPerAmpere: 655 }, 'null for a DC pile'],
    [
      'an error register that is not there',
      'faultPoints',
      [{ point: 'error', harmless: [0] }],
      'faultPoints.0.point: no point is named "error"',
    ],
    [
      'an error register of numbers and of bits',
      'faultPoints',
      [{ point: 'state', harmless: [0], harmlessBits: 0 }],
      'faultPoints.0: say either "harmless" or "harmlessBits"',
    ],
    [
      'firmware judged by what moves',
      'firmware',
      { refused: [{ when: [{ point: 'state', in: [1] }], reason: 'old' }] },
      'firmware.refused.0.when: "state" is read at every poll',
    ],
    [
      'firmware restricted below what a pilot can offer',
      'firmware',
      { restricted: [{ when: [{ point: 'standby', in: [1] }], limitMa: 5999, reason: 'old' }] },
      'firmware.restricted.0.limitMa: ',
    ],
    ['a command without its write', 'commands.start.1.write', 'current', 'no write is named "current"'],
    ['a limit outside of a start', 'commands.softStop.0.value', 'limit', 'only a start and a feed set the limit'],
    ['turns outside of a feed', 'commands.start.0.value', { alternate: [0, 1] }, 'only a feed takes turns'],
    ['a value that is neither number nor limit', 'commands.start.1.value', 'max', 'commands.start.1.value: '],
    [
      'a hard stop that is the soft stop again',
      'commands.hardStop',
      [{ write: 'maxCurrent', value: 0 }],
      'commands.hardStop: the same as softStop: a retry is not a second way to stop; say null',
    ],
    ['a hard stop that does nothing', 'commands.hardStop', [], 'commands.hardStop: '],
    ['a start that does nothing', 'commands.start', [], 'commands.start: '],
    [
      'a reply that may come before its timeout',
      'timing.slowestReplyMs',
      299,
      'timing.slowestReplyMs: not less than responseTimeoutMs (300)',
    ],
    ['a watchdog too quick', 'watchdog.timeoutMs', 2999, 'watchdog.timeoutMs: at least three times pollMs (1000)'],
    [
      'a watchdog refreshed by writes that nobody writes',
      'watchdog.refreshedBy',
      'writes',
      'watchdog.feed: reads do not refresh this watchdog: say what to write',
    ],
    ['a fallback without its current', 'watchdog.fallback', { kind: 'safe-current' }, 'watchdog.fallback.currentMa: '],
    ['a temperature without a limit', 'limits.overTemperatureDc', null, 'a limit where a temperature is measured'],
    ['less than 6 A', 'limits.minCurrentMa', 5999, 'limits.minCurrentMa: '],
    ['a condition that says nothing', 'state.0.when.0.in', undefined, 'state.0.when.0: say one of "in"'],
    ['a condition that says two things', 'state.0.when.0.atLeast', 1, 'state.0.when.0: say one of "in"'],
    ['a number compared with a text', 'state.0.when.0', { point: 'state', is: ['A'] }, '"state" is not a text'],
    ['a fault of no catalogue', 'faults.0.code', 'broken', 'faults.0.code: '],
    ['a value that the register cannot hold', 'commands.setup.1.value', 65_536, '65536 does not fit u16'],
    ['a limit that the register cannot hold', 'writes.maxCurrent.multiply', 500, '80000 does not fit u16'],
    ['a register written as a coil', 'writes.maxCurrent.fc', 5, 'writes.maxCurrent.type: function 5 writes coil'],
    ['a point in a forbidden range', 'forbidden', [[18, 18]], 'points.energyTotal.address: 18 to 18 must not be read'],
    ['a point longer than the longest read', 'maxReadRegisters', 1, 'points.energyTotal.type: 2 registers, but one'],
    ['an identity read again and again', 'identity.serial', 'state', 'identity.serial: "state" is read at every poll'],
    ['a serial device without settings', 'serial', undefined, 'serial: needed where'],
    ['a proof of nothing', 'setupProof.0.point', 'watchdog', 'setupProof.0.point: no point is named "watchdog"'],
    ['a proof by what every poll reads', 'setupProof.0.point', 'state', '"state" is read at every poll: say "set-up"'],
    ['a vector that says nothing', 'vectors.0.reads', undefined, 'vectors.0: say either "reads" or "writes"'],
    ['a vector with nothing to read from', 'vectors.0.reply', undefined, 'vectors.0.reply: needed'],
    ['a vector with value and limit', 'vectors.4.writes.raw', 160, 'vectors.4.writes: say either "raw" or "limitMa"'],
  ])('%s', (_, path, value, complaint) => {
    expect(heidelberg(path, value)).toContain(complaint);
  });

  test.each<[string, string, string, unknown, string]>([
    ['a text compared with numbers', 'alfen-ng9xx', 'state.0.when.0', { point: 'state', in: [65] }, 'is a text'],
    ['a bit field of a text', 'alfen-ng9xx', 'points.state.mask', 255, 'points.state.mask: ascii has no bit fields'],
    ['a unit of a text', 'alfen-ng9xx', 'points.state.unit', 'mA', 'points.state.unit: a text has none'],
    [
      'a feed of the limit without a setpoint',
      'alfen-ng9xx',
      'measures.setpoint',
      undefined,
      'measures.setpoint: the ',
    ],
    ['a feed of 0 that does not pause', 'alfen-ng9xx', 'zeroMeans', 'end-session', 'watchdog.feed: without a charge'],
    ['32 bits by a function for 16', 'abb-terra-ac', 'writes.maxCurrent.fc', 6, 'function 6 writes u16'],
    ['a variant of no point', 'keba-p40', 'variants.0.when.0.point', 'fw', 'variants.0.when.0.point: no point'],
    ['energy without currents', 'keba-p40', 'measures.currents', [], 'measures.currents: a pile that measures energy'],
    ['a watchdog write left out', 'keba-p40', 'watchdog.feed', undefined, 'watchdog.feed: reads do not refresh'],
    ['a meter without energy', 'eastron-sdm630', 'measures.energy', undefined, 'measures.energy: '],
    ['a meter with commands', 'eastron-sdm630', 'commands', {}, 'commands: unknown key'],
    ['a kind that does not exist', 'eastron-sdm630', 'kind', 'meter', 'kind: '],
  ])('%s', (_, profileId, path, value, complaint) => {
    expect(refusalOf(profileId, path, value)).toContain(complaint);
  });

  test('a file that is no JSON', () => {
    expect(refusal('{ "profileId": ', 'keba-p30.json')).toMatch(/JSON/);
  });

  test('a file whose name is another', () => {
    expect(refusal(JSON.stringify(packagedProfile('keba-p30')), 'keba.json')).toContain(
      'profileId: "keba-p30" does not fit the file\'s name',
    );
  });

  test('several mistakes are told at once', () => {
    const twice = withValue(withValue(packagedProfile('keba-p30'), 'timing.gap', 1), 'points.state.type', 'u24');
    const told = refusal(JSON.stringify(twice), 'keba-p30.json');
    expect(told).toContain('points.state.type: ');
    expect(told).toContain('timing.gap: unknown key');
  });
});

test('ED-02 another pile needs no code: low-first words, bit states, texts, FC16 and sockets are taken as data', () => {
  const other = {
    ...packagedProfile('heidelberg-energy-control'),
    vectors: [],
    identity: {},
    forbidden: [],
    watchdog: null,
    sockets: { count: 2, stride: 500 },
    points: {
      state: { fc: 3, address: 10, type: 'u16', shift: 8, mask: 255, unit: 'none' },
      mode: { fc: 3, address: 11, type: 'ascii', words: 1, unit: 'none' },
      current: { fc: 3, address: 12, type: 'i32', wordOrder: 'low-first', unit: 'mA', notAvailable: [4_294_967_295] },
      energy: { fc: 3, address: 20, type: 'u64', unit: 'Wh' },
    },
    writes: { limit: { fc: 16, address: 300, type: 'u32' }, enable: { fc: 5, address: 400, type: 'coil' } },
    state: [
      { when: [{ point: 'state', bits: 3, equals: 1 }], is: 'charging' },
      { when: [{ point: 'mode', startsWith: 'B' }], is: 'plugged' },
    ],
    faults: [{ when: [{ point: 'state', anyOf: 128 }], code: 'emergency-stop' }],
    faultPoints: [{ point: 'state', harmlessBits: 127 }],
    measures: { currents: ['current'], energy: { point: 'energy', kind: 'cumulative', rollsOverAtWh: null } },
    limits: {
      maxCurrentMa: 125_000,
      minCurrentMa: 6000,
      stepMa: 1,
      phases: 3,
      overTemperatureDc: null,
      overVoltageMv: null,
      underVoltageMv: null,
    },
    commands: {
      setup: [],
      start: [
        { write: 'limit', value: 'limit' },
        { write: 'enable', value: 1 },
      ],
      softStop: [{ write: 'limit', value: 0 }],
      hardStop: [{ write: 'enable', value: 0 }],
    },
    setupProof: [],
  };
  expect(refusal(JSON.stringify(other), 'heidelberg-energy-control.json')).toBe('taken');
});
