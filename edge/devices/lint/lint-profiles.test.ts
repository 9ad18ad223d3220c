import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadProfile, loadProfiles, packagedProfiles } from '../load-profiles.ts';
import { type Json, packagedProfile, profileFolder, withValue } from '../profile/testing.ts';
import { lintProfile, lintProfiles } from './lint-profiles.ts';

const CLI = join(import.meta.dirname, '../../../scripts/lint-profiles.ts');

/** What the linter says about a packaged profile with one value changed: "path: reason". */
function said(profileId: string, path: string, value: unknown): string[] {
  return saidOf(profileId, withValue(packagedProfile(profileId), path, value));
}
function saidOf(profileId: string, document: Json): string[] {
  const folder = profileFolder({ [`${profileId}.json`]: JSON.stringify(document) });
  return lintProfile(loadProfile(join(folder, `${profileId}.json`))).map(({ path, reason }) => `${path}: ${reason}`);
}
const vectorOf = (profileId: string, name: string): { i: number; vector: Json } => {
  const vectors = packagedProfile(profileId).vectors as Json[];
  const i = vectors.findIndex((vector) => vector.name === name);
  const vector = vectors[i];
  if (vector === undefined) throw new Error(name);
  return { i, vector };
};
/** The same with one key of the vector of that name changed. */
function saidOfVector(profileId: string, name: string, key: string, change: (hex: string) => unknown): string[] {
  const { i, vector } = vectorOf(profileId, name);
  return said(profileId, `vectors.${i}.${key}`, change(String(vector[key]))).map((line) =>
    line.replace(`vectors.${i}.`, ''),
  );
}

test('ED-02 the packaged profiles read and write exactly what their frame vectors say', () => {
  expect(lintProfiles(packagedProfiles)).toEqual([]);
  const vectors = [...loadProfiles(packagedProfiles).values()].flatMap((one) =>
    one.kind === 'pile' || one.kind === 'modbus-meter' ? [one.vectors.length] : [],
  );
  expect(vectors.length).toBeGreaterThanOrEqual(16);
  expect(Math.min(...vectors)).toBeGreaterThanOrEqual(5);
});

describe('ED-02 the frames that were seen or derived are among the vectors', () => {
  test.each<[string, string[]]>([
    [
      'heidelberg-energy-control',
      [
        '01 03 01 01 00 01 d4 36',
        '01 03 02 3a 98 ab 4e',
        '02 10 01 02 00 01 02 00 04 a2 41',
        '02 10 01 02 00 01 a1 c6',
        '01 10 01 02 00 01 a1 f5',
        '02 03 01 01 00 01 d4 05',
        '01 04 00 04 00 0f f1 cf',
        '01 10 01 05 00 01 02 00 a0 b6 bd',
        '01 10 01 05 00 01 02 00 3c b6 d4',
        '01 10 01 05 00 01 02 00 00 b6 c5',
      ],
    ],
    ['abb-terra-ac', ['00 04 00 00 00 0b 01 10 41 00 00 02 04 00 00 3e 80']],
    ['keba-p30', ['00 01 00 00 00 06 ff 06 13 8c 3e 80', '00 03 00 00 00 06 ff 06 13 9a 00 14']],
    ['keba-p40', ['00 01 00 00 00 06 ff 06 13 8c 3e 80', '00 03 00 00 00 06 ff 06 13 9a 00 14']],
    ['phoenix-em-cp-pp-eth', ['00 0a 00 00 00 06 b4 05 01 90 ff 00']],
    ['phoenix-charx-sec', ['01 10 05 15 00 01 02 00 10']],
    [
      'alfen-ng9xx',
      ['01 03 01 58 00 02', '41 12 7b 58 00 00 00 00', '42 31', '00 05 00 00 00 0b 01 10 04 ba 00 02 04 41 80 00 00'],
    ],
    ['schneider-evlink-pro-ac', ['ff 03 04 fe c6 41 2e', '00 07 00 00 00 06 ff 06 0f a0 00 01']],
    ['vestel-evc04', ['00 06 00 00 00 06 ff 06 17 70 00 01']],
    [
      'eastron-sdm630',
      ['01 04 00 00 00 06 70 08', '01 04 00 34 00 02 30 05', '01 04 00 48 00 02 f1 dd', '01 04 04 43 66 80 00 6f df'],
    ],
    ['chint-dtsu666', ['01 03 20 12 00 02 6f ce', '01 03 10 1e 00 02 a0 cd', '01 03 04 45 10 10 00 e3 3a']],
  ])('%s', (profileId, frames) => {
    const vectors = packagedProfile(profileId).vectors as Json[];
    const bytes = vectors.flatMap(({ request, reply }) => [request, reply]).join('\n');
    expect(frames.filter((frame) => !bytes.includes(frame))).toEqual([]);
  });
});

describe('ED-02 a vector that does not fit is told', () => {
  const trace = 'trace: the watchdog timeout as delivered';
  const stop = 'derived: stop';
  test.each<[string, string, string, string, (hex: string) => unknown, string]>([
    ['no hex', 'heidelberg-energy-control', trace, 'request', () => '01 0', 'request: not whole bytes in hex'],
    [
      'a broken checksum',
      'heidelberg-energy-control',
      trace,
      'request',
      (hex) => hex.replace('d4 36', 'd4 37'),
      'request: the checksum does not fit',
    ],
    [
      'a reply with a broken checksum',
      'heidelberg-energy-control',
      trace,
      'reply',
      (hex) => hex.replace('3a', '3b'),
      'reply: the checksum does not fit',
    ],
    [
      'the reply of another unit',
      'heidelberg-energy-control',
      trace,
      'reply',
      () => '02 03 02 3a 98 ef 4e',
      'reply: unit 2 answers for 1',
    ],
    [
      'a refusal where values are expected',
      'heidelberg-energy-control',
      trace,
      'reply',
      () => '01 83 02 c0 f1',
      'reply: ',
    ],
    [
      'a read of other registers',
      'heidelberg-energy-control',
      trace,
      'request',
      () => '01 03 01 02 00 01 24 36',
      'reads.watchdogTimeout: takes 257 to 257, asked was 258 to 258',
    ],
    [
      'a read by another function',
      'heidelberg-energy-control',
      trace,
      'request',
      () => '01 04 01 01 00 01 61 f6',
      'reply: function 3 answers 4',
    ],
    [
      'an echo of another write',
      'heidelberg-energy-control',
      stop,
      'reply',
      () => '01 10 01 06 00 01 e0 34',
      'reply: the echo is of another write',
    ],
    [
      'a header that does not fit its length',
      'keba-p30',
      'derived: 16 A',
      'request',
      (hex) => hex.replace('00 06', '00 07'),
      'request: not one Modbus TCP message',
    ],
    [
      'bytes behind a message',
      'keba-p30',
      'derived: 16 A',
      'reply',
      (hex) => `${hex} 00`,
      'reply: not one Modbus TCP message',
    ],
    [
      'the reply to another transaction',
      'keba-p30',
      'derived: 16 A',
      'reply',
      (hex) => hex.replace('00 01', '00 02'),
      'reply: the transaction id is not the one of the request',
    ],
    [
      'a socket left out',
      'phoenix-charx-sec',
      'start: enable',
      'socket',
      () => undefined,
      'socket: needed: it moves the addresses',
    ],
    [
      'another socket',
      'phoenix-charx-sec',
      'start: enable',
      'socket',
      () => 2,
      'request: the edge sends 01 10 08 fc 00 01 02 00 01',
    ],
    [
      'values of a variant that is not given',
      'keba-p40',
      'energy before firmware 1.2.1',
      'given',
      () => undefined,
      'reads.energyTotal: reads 10000, expected 100000',
    ],
  ])('%s', (_, profileId, name, key, change, complaint) => {
    const lines = saidOfVector(profileId, name, key, change);
    expect(lines).toEqual(expect.arrayContaining([expect.stringContaining(complaint)]));
  });

  test.each<[string, string, string, string]>([
    ['a value of a read', 'reads.watchdogTimeout', trace, 'reads 15000, expected 15001'],
    ['null instead of a value', 'reads.watchdogTimeout', trace, 'reads 15000, expected null'],
    ['a point that is not there', 'reads.nothing', trace, 'no point is named "nothing"'],
    ['a point of another function', 'reads.state', trace, 'is read by function 4, asked was function 3'],
    ['a write that is not there', 'writes.write', stop, 'no write is named "nothing"'],
    ['another raw value', 'writes.raw', stop, 'the edge sends 01 10 01 05 00 01 02 00 01 77 05'],
  ])('%s', (what, key, name, complaint) => {
    const { i } = vectorOf('heidelberg-energy-control', name);
    const values: Record<string, unknown> = {
      'a value of a read': 15_001,
      'null instead of a value': null,
      'a write that is not there': 'nothing',
    };
    const lines = said('heidelberg-energy-control', `vectors.${i}.${key}`, what in values ? values[what] : 1);
    expect(lines).toEqual(expect.arrayContaining([expect.stringContaining(complaint)]));
  });

  test('a wrong scale, a wrong address and a wrong word order cannot pass the vectors', () => {
    for (const [profileId, path, value] of [
      ['heidelberg-energy-control', 'writes.maxCurrent.divide', 1000],
      ['heidelberg-energy-control', 'points.currentL1.multiply', 1],
      ['keba-p30', 'points.energyTotal.divide', 1],
      ['keba-p30', 'writes.failsafeTimeout.address', 1602],
      ['abb-terra-ac', 'points.state.shift', 0],
      ['schneider-evlink-pro-ac', 'points.power.wordOrder', 'high-first'],
      ['alfen-ng9xx', 'writes.maxCurrent.divide', 1],
      ['webasto-next', 'points.energyTotal.multiply', 100],
      ['bender-cc612', 'points.energyTotal.notAvailable', undefined],
      ['chint-dtsu666', 'points.power.divide', 1],
    ] as const)
      expect([profileId, path, said(profileId, path, value).length > 0]).toEqual([profileId, path, true]);
  });

  test('a read that the device forbids, or that is too long for it', () => {
    expect(said('heidelberg-energy-control', 'forbidden', [[16, 16]])).toContainEqual(
      expect.stringContaining('request: 16 to 16 must not be read'),
    );
    expect(said('heidelberg-energy-control', 'maxReadRegisters', 14)).toContainEqual(
      expect.stringContaining('15 registers, but one read takes 14'),
    );
  });
});

describe('ED-02 what the vectors do not show is told', () => {
  const without = (profileId: string, isLeftOut: (vector: Json) => boolean) => {
    const document = packagedProfile(profileId);
    return saidOf(profileId, { ...document, vectors: (document.vectors as Json[]).filter((one) => !isLeftOut(one)) });
  };

  test('a polled point', () => {
    expect(without('heidelberg-energy-control', ({ name }) => name === 'poll block, locked')).toEqual([
      'points.remoteLock: is read at every poll, and no vector reads it',
    ]);
  });

  test("a variant's point, even if the point is read in its other meaning", () => {
    expect(without('keba-p40', ({ name }) => name === 'energy before firmware 1.2.1')).toEqual([
      'variants.0.points.energyTotal: no vector reads it: say in "given" what chooses the variant',
    ]);
  });

  test('a write, and the scale of a limit', () => {
    expect(without('tinkerforge-warp', ({ name }) => String(name).includes('able'))).toEqual([
      'writes.enable: no vector shows its frame',
    ]);
    expect(without('tinkerforge-warp', ({ name }) => name === 'start: 16 A')).toEqual([
      'writes.maxCurrent: no vector shows a limit in mA, which proves its scale',
    ]);
  });

  test('a write that nothing uses', () => {
    expect(said('keba-p30', 'writes.unlock', { fc: 6, address: 5012, type: 'u16' })).toEqual([
      'writes.unlock: no command and no feed writes it',
    ]);
  });
});

describe('ED-02 rules and addresses that contradict each other are told', () => {
  const heidelberg = (path: string, value: unknown) => said('heidelberg-energy-control', path, value);

  test('two points at the same registers', () => {
    expect(heidelberg('points.power.address', 18)).toContain(
      'points.energyTotal.address: "power" has the same registers',
    );
  });

  test('bit fields of the same register are two points', () => {
    const field = (mask: number) => ({ fc: 3, address: 300, type: 'u16', mask, unit: 'none', read: 'set-up' });
    const document = withValue(packagedProfile('keba-p30'), 'points.low', field(1));
    expect(saidOf('keba-p30', withValue(document, 'points.high', field(2)))).toEqual([]);
    expect(saidOf('keba-p30', withValue(document, 'points.high', field(3)))).toEqual([
      'points.high.address: "low" has the same registers',
    ]);
  });

  test.each<[string, string, unknown, string]>([
    ['a rule that never counts', 'state.1.when.0.in', [2], 'state.1: never counts: state.0 holds whenever it does'],
    ['a value that is taken', 'state.1.when.0.in', [3, 4, 5], 'state.1.when.0: 3 is taken by state.0 already'],
    ['a listed value without a rule', 'state.1.when.0.in', [4], 'points.state.listed.3: no state rule takes 5'],
  ])('%s', (_, path, value, complaint) => {
    expect(heidelberg(path, value)).toContain(complaint);
  });

  test.each<[string, object[], object[], boolean]>([
    ['the beginning of a text', [{ point: 'state', startsWith: 'B' }], [{ point: 'state', is: ['B2'] }], true],
    ['a longer beginning', [{ point: 'state', startsWith: 'B' }], [{ point: 'state', startsWith: 'B2' }], true],
    ['a shorter beginning', [{ point: 'state', startsWith: 'B2' }], [{ point: 'state', startsWith: 'B' }], false],
    ['bits of a mask', [{ point: 'enabled', anyOf: 6 }], [{ point: 'enabled', anyOf: 2 }], true],
    ['more than a mask', [{ point: 'enabled', anyOf: 2 }], [{ point: 'enabled', anyOf: 6 }], false],
    ['a range', [{ point: 'enabled', atLeast: 1 }], [{ point: 'enabled', atLeast: 2, below: 9 }], true],
    ['a wider range', [{ point: 'enabled', atLeast: 2 }], [{ point: 'enabled', atLeast: 1 }], false],
    [
      'one more condition',
      [{ point: 'enabled', in: [1] }],
      [
        { point: 'enabled', in: [1] },
        { point: 'state', is: ['A'] },
      ],
      true,
    ],
    [
      'one condition less',
      [
        { point: 'enabled', in: [1] },
        { point: 'state', is: ['A'] },
      ],
      [{ point: 'enabled', in: [1] }],
      false,
    ],
    ['the same bits', [{ point: 'enabled', bits: 3, equals: 1 }], [{ point: 'enabled', bits: 3, equals: 1 }], true],
    ['other bits', [{ point: 'enabled', bits: 3, equals: 1 }], [{ point: 'enabled', bits: 3, equals: 2 }], false],
  ])('%s after a rule: never counts %j %j %s', (_, first, second, never) => {
    const faults = [first, second].map((when) => ({ when, code: 'pile-fault' }));
    const document = withValue(packagedProfile('phoenix-charx-sec'), 'faults', faults);
    const faultPoints = [{ point: 'enabled', harmlessBits: 0 }];
    expect(saidOf('phoenix-charx-sec', withValue(document, 'faultPoints', faultPoints))).toEqual(
      never ? ['faults.1: never counts: faults.0 holds whenever it does'] : [],
    );
  });
});

describe('ED-05.o a register that reports errors says which values are none', () => {
  test('one that fault rules look at, and no table', () => {
    expect(said('phoenix-em-cp-pp-eth', 'faultPoints', [])).toContain(
      'faults.0.when.0: "error" reports errors: say in "faultPoints" which values are none',
    );
  });

  test('a state that the table lists needs none: what is not listed is no state', () => {
    expect(said('heidelberg-energy-control', 'faultPoints', [])).toEqual([]);
    expect(said('heidelberg-energy-control', 'points.state.listed', undefined)).toContain(
      'faults.0.when.0: "state" reports errors: say in "faultPoints" which values are none',
    );
  });

  test('a value that is harmless and a fault', () => {
    expect(said('phoenix-em-cp-pp-eth', 'faultPoints.0.harmless', [0, 12])).toContain(
      'faultPoints.0: 12 is harmless, and a fault rule takes it',
    );
    expect(said('bender-cc612', 'faultPoints.0.harmlessBits', 192)).toContain(
      'faultPoints.0: a harmless bit is taken by a fault rule',
    );
  });
});

describe('ED-02 npm run lint:profiles', () => {
  const run = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });

  test('says nothing and ends with 0 where all is well', () => {
    expect(run()).toMatchObject({ status: 0, stdout: 'profiles: nothing to say\n' });
  });

  test('tells file, path and reason of every file, and ends with 1', () => {
    const bad = withValue(packagedProfile('keba-p30'), 'points.energyTotal.divide', 1);
    const folder = profileFolder({
      'keba-p30.json': JSON.stringify(bad),
      'webasto-next.json': JSON.stringify(withValue(packagedProfile('webasto-next'), 'timing.gap', 1)),
      'other.json': '{',
      'vestel-evc04.json': readFileSync(join(packagedProfiles, 'vestel-evc04.json'), 'utf8'),
    });
    const { status, stdout } = run(folder);
    expect(status).toBe(1);
    expect(stdout).toContain('keba-p30.json: vectors.8.reads.energyTotal: reads 1000009, expected 100000\n');
    expect(stdout).toContain('webasto-next.json: timing.gap: unknown key\n');
    expect(stdout).toMatch(/other\.json: \(document\): .*JSON/);
    expect(stdout).not.toContain('vestel');
    expect(stdout).toContain('profiles: 3 to mend');
  });
});
