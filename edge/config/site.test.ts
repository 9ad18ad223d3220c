import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import { loadProfiles, type Profile, packagedProfiles } from '../devices/load-profiles.ts';
import { planSite } from '../planner/plan-site.ts';
import { pileProfile } from '../planner/testing.ts';
import { loadSite } from './site.ts';
import { devicesOf } from './site-devices.ts';

const serial = { lineId: 'L1', transport: 'serial', path: '/dev/ttyS9', baud: 19_200, parity: 'even', stopBits: 1 };
const tcp = { lineId: 'T1', transport: 'tcp', host: '127.0.0.1', port: 502 };
const p1 = {
  pileId: 'P1',
  connectorId: 'P1-1',
  profile: 'heidelberg-energy-control',
  lineId: 'L1',
  unit: 1,
  limitMa: 16_000,
};
const p2 = { pileId: 'P2', connectorId: 'P2-1', profile: 'keba-p30', lineId: 'T1', unit: 255, limitMa: 32_000 };
const good = {
  siteId: 'site-1',
  dataDir: 'data',
  supplyLimitMa: 63_000,
  cloud: { brokerUrl: 'mqtt://127.0.0.1:1883', shard: 7, passwordFile: 'secret/broker' },
  lines: [serial, tcp],
  piles: [p1, p2],
  rules: 'rules.json',
};

function siteFile(document: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-site-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'site.json');
  writeFileSync(path, typeof document === 'string' ? document : JSON.stringify(document));
  return path;
}

/** The packaged profiles; beside them a pile with sockets, one whose sockets have units of their own, one without a meter. */
const profiles = new Map<string, Profile>([
  ...loadProfiles(packagedProfiles),
  ...[
    { ...pileProfile({ sockets: { count: 2, stride: 1000 } }), profileId: 'sockets' },
    { ...pileProfile({ sockets: { count: 2, stride: 0 } }), profileId: 'own-units' },
    { ...pileProfile(), profileId: 'unmetered', measures: { currents: ['current'], voltages: [], energy: null } },
  ].map((profile) => [profile.profileId, profile] as const),
]);

/** Loads a site and checks its devices, as the edge does; says why it is refused, without the file's own name. */
function refusal(document: unknown): string {
  const path = siteFile(document);
  try {
    const site = loadSite(path);
    devicesOf(site, profiles);
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    expect(error.code).toBe('config.invalid');
    expect(error.detail, 'the file is named').toContain(path);
    return error.detail.replace(`${path}: `, '');
  }
  return 'taken';
}

test('ED-15 a good site is taken; paths in it are relative to the file', () => {
  const path = siteFile(good);
  const site = loadSite(path);
  expect(site.dataDir).toBe(join(dirname(path), 'data'));
  expect(site.cloud.passwordFile).toBe(join(dirname(path), 'secret', 'broker'));
  expect(site.rules).toBe(join(dirname(path), 'rules.json'));
  const { piles } = devicesOf(site, profiles);
  expect(piles.map(({ config, line, profile }) => [config.pileId, line.lineId, profile.profileId])).toEqual([
    ['P1', 'L1', 'heidelberg-energy-control'],
    ['P2', 'T1', 'keba-p30'],
  ]);
  expect(site).toMatchObject({ meters: [], parking: [] });
});

test('ED-11 storage has defaults key by key', () => {
  expect(loadSite(siteFile(good)).storage).toEqual({
    ballastMb: 16,
    ledgerMaxMb: 512,
    samplesMaxMb: 256,
    sampleEverySeconds: 10,
    keepDays: 400,
    outboxMaxRecords: 50_000,
  });
  const { storage } = loadSite(siteFile({ ...good, storage: { ballastMb: 0, sampleEverySeconds: 60 } }));
  expect(storage).toMatchObject({ ballastMb: 0, sampleEverySeconds: 60, keepDays: 400 });
});

describe('XC-08, ED-15 a bad site is refused with file, path and reason', () => {
  test.each<[string, object, string]>([
    ['an unknown key', { dataDirr: 'x' }, 'dataDirr: unknown key'],
    ['an unknown key of a line', { lines: [{ ...serial, bauds: 9600 }, tcp] }, 'lines.0.bauds: unknown key'],
    ['an unknown key of a pile', { piles: [{ ...p1, limitA: 16 }] }, 'piles.0.limitA: unknown key'],
    ['an unknown key of the cloud', { cloud: { ...good.cloud, broker: 1 } }, 'cloud.broker: unknown key'],
    [
      'a baud rate that is none',
      { lines: [{ ...serial, baud: 19_201 }, tcp] },
      'lines.0.baud: expected 1200, or 2400, or ',
    ],
    ['a transport nobody knows', { lines: [{ ...serial, transport: 'can' }, tcp] }, 'lines.0.transport: '],
    ['a port out of range', { lines: [serial, { ...tcp, port: 0 }] }, 'lines.1.port: '],
    ['a shard that does not exist', { cloud: { ...good.cloud, shard: 64 } }, 'cloud.shard: '],
    ['a broker that is no broker', { cloud: { ...good.cloud, brokerUrl: 'http://x' } }, 'cloud.brokerUrl: '],
    ['a name that would break a topic', { siteId: 'site/1' }, 'siteId: letters, digits'],
    ['no lines', { lines: [] }, 'lines: '],
    ['an unknown key of the storage', { storage: { balastMb: 1 } }, 'storage.balastMb: unknown key'],
    ['more ballast than is of use', { storage: { ballastMb: 1025 } }, 'storage.ballastMb: '],
    ['records that are kept for no month', { storage: { keepDays: 29 } }, 'storage.keepDays: '],
    ['a line named twice', { lines: [serial, { ...tcp, lineId: 'L1' }] }, 'lines.1.lineId: "L1" is lines.0 already'],
    [
      'two lines on one serial port',
      { lines: [serial, { ...serial, lineId: 'L2' }, tcp] },
      'lines.1: /dev/ttyS9 belongs to lines.0: one owner per port',
    ],
    [
      'two lines on one host and port',
      { lines: [serial, tcp, { ...tcp, lineId: 'T2', transport: 'rtu-over-tcp', gatewayBaud: 9600 }] },
      'lines.2: 127.0.0.1:502 belongs to lines.1',
    ],
    ['a pile named twice', { piles: [p1, { ...p2, pileId: 'P1' }] }, 'piles.1.pileId: "P1" is piles.0 already'],
    [
      'a connector named twice',
      { piles: [p1, { ...p2, connectorId: 'P1-1' }] },
      'piles.1.connectorId: "P1-1" is piles.0 already',
    ],
    [
      'two piles on one unit',
      { piles: [p1, { ...p1, pileId: 'P3', connectorId: 'P3-1' }] },
      'piles.1.unit: unit 1 on L1 is piles.0 already',
    ],
    ['unit 0, which is broadcast', { piles: [{ ...p1, unit: 0 }] }, 'piles.0.unit: '],
    ['a line that is not there', { piles: [{ ...p1, lineId: 'L9' }] }, 'piles.0.lineId: no line is named "L9"'],
    [
      'a profile that is not there',
      { piles: [p1, { ...p2, profile: 'keba' }] },
      'piles.1.profile: no profile is named "keba"',
    ],
    [
      'a limit above the profile',
      { piles: [{ ...p1, limitMa: 16_001 }] },
      'piles.0.limitMa: 16001 is outside 6000 to 16000 of heidelberg',
    ],
    ['a limit below what a pile offers', { piles: [{ ...p1, limitMa: 5999 }] }, 'piles.0.limitMa: 5999 is outside'],
    [
      'a profile on a line that it does not speak',
      { piles: [{ ...p1, lineId: 'T1', unit: 3 }] },
      'piles.0.lineId: heidelberg-energy-control is not reached over tcp',
    ],
  ])('%s', (_, change, complaint) => {
    expect(refusal({ ...good, ...change })).toContain(complaint);
  });

  const socket = { ...p1, profile: 'sockets', socket: 1 };
  const twin = { ...socket, pileId: 'P3', connectorId: 'P3-1' };
  test.each<[string, object, string]>([
    ['no supply limit', { supplyLimitMa: undefined }, 'supplyLimitMa: '],
    [
      'a frame log without a bound',
      { lines: [{ ...serial, frameLog: { folder: 'frames' } }, tcp] },
      'lines.0.frameLog.maxMb: ',
    ],
    [
      'a limit between two steps',
      { piles: [{ ...p1, limitMa: 10_050 }] },
      'piles.0.limitMa: 10050 is no multiple of 100 mA, the step of heidelberg-energy-control: say 10000 or 10100',
    ],
    ['a unit that Modbus reserves', { piles: [{ ...p1, unit: 248 }] }, 'piles.0.unit: 1 to 247, or 255'],
    [
      'a socket of a pile with one',
      { piles: [{ ...p1, socket: 1 }] },
      'piles.0.socket: heidelberg-energy-control has no',
    ],
    [
      'a socket above the last',
      { piles: [{ ...socket, socket: 3 }] },
      'piles.0.socket: 3 is above the 2 sockets of sockets',
    ],
    [
      'no socket where there are several',
      { piles: [{ ...socket, socket: undefined }] },
      'piles.0.socket: needed: sockets has 2',
    ],
    ['two piles on one socket', { piles: [socket, twin] }, 'piles.1.unit: unit 1 on L1, socket 1, is piles.0 already'],
    [
      'a socket beside a pile that has the whole unit',
      { piles: [{ ...p2, lineId: 'L1', unit: 1 }, twin] },
      'piles.1.unit: unit 1 on L1 is piles.0 already, without a socket',
    ],
    [
      'two sockets on one unit, each of which has its own',
      {
        piles: [
          { ...socket, profile: 'own-units' },
          { ...twin, profile: 'own-units', socket: 2 },
        ],
      },
      'piles.1.unit: unit 1 on L1 is piles.0 already; each socket of own-units has its own unit',
    ],
  ])('%s', (_, change, complaint) => {
    expect(refusal({ ...good, ...change })).toContain(complaint);
  });

  test('two sockets of one unit are two piles', () => {
    expect(refusal({ ...good, piles: [socket, { ...twin, socket: 2 }] })).toBe('taken');
  });

  test('a file that is no JSON', () => {
    expect(refusal('{ "siteId": ')).toContain('1:13 (document): found the end; expected a value');
  });

  test('a file that is not there', () => {
    expect(() => loadSite('/nowhere/site.json')).toThrow('config.invalid: /nowhere/site.json: ENOENT');
  });

  test('every complaint is told at once', () => {
    const told = refusal({ ...good, dataDirr: 'x', cloud: { ...good.cloud, shard: 64 } });
    expect(told).toContain('cloud.shard');
    expect(told).toContain('dataDirr: unknown key');
  });
});

describe('ED-03 XC-08 meters and parking devices', () => {
  const m1 = { meterId: 'M1', profile: 'dlt645-2007', lineId: 'L1', address: '000000000161' };
  const modbusMeter = { meterId: 'M2', profile: 'dlt645-2007', lineId: 'L1', unit: 9 };
  const lock = { deviceId: 'G1', profile: 'some-lock', lineId: 'L1', address: 4, connectorId: 'P1-1' };
  const billed = { ...p1, meterId: 'M1' };

  test('a meter bills for a connector whose pile has none', () => {
    const unmetered = { ...billed, profile: 'unmetered' };
    const site = loadSite(siteFile({ ...good, piles: [unmetered], meters: [m1] }));
    const [meter] = devicesOf(site, profiles).meters;
    expect([meter?.config.meterId, meter?.line.lineId, meter?.profile.kind]).toEqual(['M1', 'L1', 'dlt645-meter']);
  });

  test('a pile that measures no current is proven off by a Modbus meter with currents', () => {
    const sdm = { meterId: 'M1', profile: 'eastron-sdm630', lineId: 'L1', unit: 9 };
    const site = loadSite(siteFile({ ...good, piles: [{ ...billed, profile: 'phoenix-ev-cc-ac1' }], meters: [sdm] }));
    expect(devicesOf(site, profiles).piles).toHaveLength(1);
  });

  test.each<[string, object, string]>([
    [
      'a pile without a meter, and none for it',
      { piles: [{ ...p1, profile: 'unmetered' }] },
      'piles.0.meterId: needed: unmetered has no meter',
    ],
    [
      'a pile that measures no current, with a meter that is not asked for any',
      { piles: [{ ...billed, profile: 'phoenix-ev-cc-ac1' }], meters: [m1] },
      'piles.0.meterId: phoenix-ev-cc-ac1 measures no current; its meter has to, and dlt645-2007 is not asked for any',
    ],
    ['a meter that is not there', { piles: [billed] }, 'piles.0.meterId: no meter is named "M1"'],
    [
      'a meter that would bill for two',
      { piles: [billed, { ...p2, meterId: 'M1' }], meters: [m1] },
      'piles.1.meterId: "M1" bills for piles.0 already',
    ],
    [
      'a meter named twice',
      { meters: [m1, { ...m1, address: '000000000162' }] },
      'meters.1.meterId: "M1" is meters.0 already',
    ],
    ['an address that is not twelve digits', { meters: [{ ...m1, address: '161' }] }, 'meters.0.address: 12 digits'],
    [
      'a meter with unit and address',
      { meters: [{ ...m1, unit: 3 }] },
      'meters.0: say either "unit" (Modbus) or "address" (DL/T 645)',
    ],
    ['a meter with neither', { meters: [{ ...m1, address: undefined }] }, 'meters.0: say either'],
    [
      'a DL/T 645 meter with a unit',
      { meters: [modbusMeter] },
      'meters.0.unit: dlt645-2007 is a dlt645-meter: say "address"',
    ],
    [
      'two meters at one address',
      { meters: [m1, { ...m1, meterId: 'M3' }] },
      'meters.1: address 000000000161 on L1 is meters.0 already',
    ],
    [
      'two meters at one unit',
      { meters: [modbusMeter, { ...modbusMeter, meterId: 'M3' }] },
      'meters.1: unit 9 on L1 is meters.0 already',
    ],
    [
      "a meter at a pile's unit",
      { meters: [{ ...modbusMeter, unit: 1 }] },
      'meters.0.unit: unit 1 on L1 is piles.0 already',
    ],
    [
      "a meter with a pile's profile",
      { meters: [{ ...m1, profile: 'keba-p30' }] },
      'meters.0.profile: "keba-p30" is a pile, needed is modbus-meter or dlt645-meter',
    ],
    [
      "a pile with a meter's profile",
      { piles: [{ ...p1, profile: 'dlt645-2007' }] },
      'piles.0.profile: "dlt645-2007" is a dlt645-meter, needed is pile',
    ],
    [
      'a DL/T 645 meter on Modbus TCP',
      { meters: [{ ...m1, lineId: 'T1' }] },
      'meters.0.lineId: dlt645-2007 is not reached over tcp, but over serial, rtu-over-tcp',
    ],
    [
      'a meter on a line that is not there',
      { meters: [{ ...m1, lineId: 'L9' }] },
      'meters.0.lineId: no line is named "L9"',
    ],
    [
      'a lock of a connector that is not there',
      { parking: [{ ...lock, connectorId: 'P9-1' }] },
      'parking.0.connectorId: no pile has the connector "P9-1"',
    ],
    ['a lock without a profile', { parking: [lock] }, 'parking.0.profile: no profile is named "some-lock"'],
    ['a lock with an address above its switches', { parking: [{ ...lock, address: 256 }] }, 'parking.0.address: '],
    [
      'a lock with an address it cannot have',
      { parking: [{ ...lock, profile: 'bus-lock', address: 0 }] },
      'parking.0.address: address 0 is not within',
    ],
    [
      'a lock on Modbus TCP',
      { parking: [{ ...lock, profile: 'bus-lock', lineId: 'T1' }] },
      'parking.0.lineId: bus-lock is not reached over tcp, but over serial',
    ],
    [
      'a lock behind a gateway, which could hand out an old look at the bay',
      {
        lines: [serial, tcp, { ...tcp, lineId: 'T2', port: 503, transport: 'rtu-over-tcp', gatewayBaud: 9600 }],
        parking: [{ ...lock, profile: 'bus-lock', lineId: 'T2' }],
      },
      'parking.0.lineId: bus-lock is not reached over rtu-over-tcp, but over serial',
    ],
    [
      'two locks at one address',
      { parking: [lock, { ...lock, deviceId: 'G2' }] },
      'parking.1.address: address 4 on L1 is parking.0 already',
    ],
    [
      'two locks of one name',
      { parking: [lock, { ...lock, address: 5 }] },
      'parking.1.deviceId: "G1" is parking.0 already',
    ],
  ])('%s', (_, change, complaint) => {
    expect(refusal({ ...good, ...change })).toContain(complaint);
  });
});

test('ED-15 slow lines and frame logs are taken; their folder is relative to the file', () => {
  const frameLog = { folder: 'frames', maxMb: 50 };
  const slow = { ...serial, baud: 1200, frameLog };
  const path = siteFile({ ...good, lines: [slow, { ...tcp, frameLog }] });
  expect(loadSite(path).lines.map((line) => line.frameLog)).toEqual([
    { folder: join(dirname(path), 'frames'), maxMb: 50 },
    { folder: join(dirname(path), 'frames'), maxMb: 50 },
  ]);
});

test('ED-15 the site that the documentation shows is taken, and can be run', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/site-file.md'), 'utf8');
  const [, example = ''] = /```json\n([^`]+)```/.exec(page) ?? [];
  const site = loadSite(siteFile(example));
  expect(planSite(site, devicesOf(site, profiles)).problems).toEqual([]);
});

describe('ED-21 ED-07 XC-08 site inputs and trip outputs', () => {
  const stop = { inputId: 'E1', channel: 1, kind: 'emergency-stop', normally: 'closed', covers: 'all' };
  const door = {
    inputId: 'D1',
    channel: 2,
    kind: 'door',
    normally: 'closed',
    covers: ['P1-1'],
    latch: true,
    stops: true,
  };
  const feedback = { channel: 8, suppliedWhen: 'closed' };
  const trip = { outputId: 'T1', channel: 1, trips: ['P1-1', 'P2-1'], energised: 'trips', pulseMs: 500, feedback };
  const board = {
    boardId: 'B1',
    profile: 'waveshare-relay-8ch-d',
    lineId: 'L1',
    unit: 50,
    inputs: [stop, door],
    outputs: [trip],
  };
  const withBoard = (change: object) => ({ ...good, io: [{ ...board, ...change }] });
  const withInput = (change: object) => withBoard({ inputs: [{ ...stop, ...change }] });
  const withOutput = (change: object) => withBoard({ outputs: [{ ...trip, ...change }] });

  test('a good board is taken', () => {
    const site = loadSite(siteFile(withBoard({})));
    const [joined] = devicesOf(site, profiles).io;
    expect(joined?.profile.profileId).toBe('waveshare-relay-8ch-d');
    expect(site.io).toEqual([board]);
    expect(loadSite(siteFile(good)).io).toEqual([]);
  });

  test.each<[string, object, string]>([
    ['the unit of a pile', withBoard({ unit: 1 }), 'io.0.unit: unit 1 on L1 is piles.0 already'],
    [
      'two boards at one unit',
      { ...good, io: [board, { boardId: 'B2', profile: board.profile, lineId: 'L1', unit: 50 }] },
      'io.1.unit: unit 50 on L1 is io.0 already',
    ],
    ['an unknown line', withBoard({ lineId: 'L9' }), 'io.0.lineId: no line is named "L9"'],
    [
      'a line that it is not reached over',
      withBoard({ lineId: 'T1' }),
      'io.0.lineId: waveshare-relay-8ch-d is not reached over tcp',
    ],
    [
      'the profile of a meter',
      withBoard({ profile: 'chint-dtsu666' }),
      'io.0.profile: "chint-dtsu666" is a modbus-meter, needed is io-board',
    ],
    ['an input that covers nobody', withInput({ covers: [] }), 'io.0.inputs.0.covers: '],
    [
      'an input that covers an unknown connector',
      withInput({ covers: ['P1-1', 'X'] }),
      'io.0.inputs.0.covers.1: no pile has the connector "X"',
    ],
    [
      'an input that covers one twice',
      withInput({ covers: ['P1-1', 'P1-1'] }),
      'io.0.inputs.0.covers.1: "P1-1" is named twice',
    ],
    [
      'an emergency stop that does not latch',
      withInput({ latch: false }),
      'io.0.inputs.0.latch: an input of kind emergency-stop always latches',
    ],
    [
      'a fire alarm that does not stop',
      withInput({ kind: 'fire', stops: false }),
      'io.0.inputs.0.stops: an input of kind fire always stops',
    ],
    [
      'one input channel for two',
      withBoard({ inputs: [stop, { ...door, channel: 1 }] }),
      'io.0.inputs.1.channel: input 1 is io.0.inputs.0 already',
    ],
    [
      'a feedback at an input',
      withOutput({ feedback: { ...feedback, channel: 2 } }),
      'io.0.outputs.0.feedback.channel: input 2 is io.0.inputs.1 already',
    ],
    [
      'an input that the board does not have',
      withInput({ channel: 9 }),
      'io.0.inputs.0.channel: 9 is above the 8 inputs of waveshare-relay-8ch-d',
    ],
    [
      'a relay that the board does not have',
      withOutput({ channel: 9 }),
      'io.0.outputs.0.channel: 9 is above the 8 outputs of waveshare-relay-8ch-d',
    ],
    [
      'a feedback that the board does not have',
      withOutput({ feedback: { ...feedback, channel: 9 } }),
      'io.0.outputs.0.feedback.channel: 9 is above the 8 inputs',
    ],
    ['a name for two things', withOutput({ outputId: 'E1' }), 'io.0.outputs.0.outputId: "E1" is io.0.inputs.0 already'],
    [
      'an output that trips an unknown connector',
      withOutput({ trips: ['X'] }),
      'io.0.outputs.0.trips.0: no pile has the connector "X"',
    ],
    [
      'a connector behind two outputs',
      withBoard({ outputs: [trip, { outputId: 'T2', channel: 2, trips: ['P2-1'], energised: 'holds' }] }),
      'io.0.outputs.1.trips: "P2-1" is cut off by io.0.outputs.0 already',
    ],
    [
      'one relay for two',
      withBoard({ outputs: [trip, { outputId: 'T2', channel: 1, trips: ['P2-1'], energised: 'holds' }] }),
      'io.0.outputs.1.channel: output 1 is io.0.outputs.0 already',
    ],
    [
      'a pulse of a relay that holds',
      withOutput({ energised: 'holds' }),
      'io.0.outputs.0.pulseMs: a relay that holds is energised all the time',
    ],
    ['an unknown kind', withInput({ kind: 'gas' }), 'io.0.inputs.0.kind: '],
  ])('%s is refused with its place', (_, document, reason) => {
    expect(refusal(document)).toContain(reason);
  });
});
