import { once } from 'node:events';
import { SerialPort } from 'serialport';
import { expect, onTestFinished, test } from 'vitest';
import { openStationLine } from './line/open-station-line.ts';
import { processClock, processScheduler } from './line/real-time.ts';
import { type Station, stationSchema } from './station.ts';
import { createManualTime } from './world/manual-clock.ts';
import { createWorld } from './world.ts';

const SERIAL = {
  lineId: 'rtu',
  transport: 'serial',
  baud: 9600,
  parity: 'even',
  stopBits: 1,
  turnaroundMs: 20,
} as const;
const TCP = { lineId: 'tcp', transport: 'tcp', host: '127.0.0.1', port: 0, turnaroundMs: 3 } as const;
const PILE = { pileId: 'P', model: 'heidelberg-energy-control', lineId: 'rtu', unit: 1, initialRegisterWh: 0 } as const;
const EASTRON = {
  meterId: 'E',
  model: 'eastron-sdm630',
  lineId: 'rtu',
  unit: 2,
  initialRegisterWh: 0,
  measures: 'P',
} as const;
const DLT = {
  meterId: 'D',
  model: 'dlt645-2007',
  lineId: 'rtu',
  address: '000000000161',
  preamble: 0,
  initialRegisterWh: 260,
  measures: 'P',
} as const;
const LOCK = { lockId: 'K', model: 'bus-lock', lineId: 'rtu', address: 7, pileId: 'P' } as const;
const SITE = { stationId: 's', seed: 1, lines: [SERIAL, TCP], piles: [PILE], meters: [EASTRON, DLT], locks: [LOCK] };

const IMPORT = Buffer.from('6861010000000068110433333433' + '1416', 'hex');
const IMPORT_REPLY = '686101000000006891083333343359333333' + '8a16';

function site(change: Partial<Record<keyof Station, unknown>> = {}): Station {
  return stationSchema.parse({ ...SITE, ...change });
}

/** A site whose vehicle draws 16 A on three phases, in simulated time. */
function chargingSite() {
  const time = createManualTime(1000);
  const world = createWorld(
    site({ piles: [{ ...PILE, startsPermitted: true, vehicle: { plugged: true } }] }),
    1,
    time.clock,
  );
  const slave = world.slaves.get('rtu');
  if (slave === undefined) throw new Error('no line');
  slave.handle(1, Uint8Array.of(6, 1, 1, 0, 0));
  const passMs = (durationMs: number): void => {
    time.passMs(durationMs);
    world.advance();
  };
  return { world, slave, passMs };
}

test('HS-05 meters in a supply count what the pile delivers, each with its own start', () => {
  const { world, passMs } = chargingSite();
  passMs(3_600_000);
  const flowedWh = world.piles.get('P')?.truth().energyTruthWh ?? 0;
  expect(flowedWh).toBeGreaterThan(11_000);
  for (const [id, startWh] of [
    ['E', 0],
    ['D', 260],
  ] as const) {
    const truth = world.meters.get(id)?.truth();
    expect(truth?.energyTruthWh).toBeCloseTo(flowedWh, 6);
    expect(truth?.reportedRegisterWh).toBe(Math.floor((startWh + flowedWh) / 10) * 10);
    expect(truth?.currentA).toEqual([16, 16, 16]);
  }
});

test('HS-03 a fault of one meter is not one of its neighbours', () => {
  const { world, passMs } = chargingSite();
  passMs(60_000);
  const faultId = world.faults.add('meter:E', { kind: 'stuck-meter' });
  const before = ['E', 'D'].map((id) => world.meters.get(id)?.truth().reportedRegisterWh ?? 0);
  passMs(600_000);
  const after = ['E', 'D'].map((id) => world.meters.get(id)?.truth().reportedRegisterWh ?? 0);
  expect(after[0]).toBe(before[0]);
  expect((after[1] ?? 0) - (before[1] ?? 0)).toBe(1840);
  world.faults.remove(faultId);
});

test('HS-03 a pile without mains is silent on its line while the meter before it answers', () => {
  const { world, slave, passMs } = chargingSite();
  world.faults.add('pile:P', { kind: 'power-cut', durationMs: 5000 });
  passMs(100);
  expect(slave.handle(1, Uint8Array.of(4, 0, 5, 0, 1))).toBeUndefined();
  expect(slave.handle(2, Uint8Array.of(4, 0, 0, 0, 2))?.pdu).toEqual(Uint8Array.of(4, 4, 0x43, 0x66, 0, 0));
  passMs(5000);
  expect(slave.handle(1, Uint8Array.of(4, 0, 5, 0, 1))?.pdu[0]).toBe(4);
});

test('HS-01 a wire fault of a raw device takes its reply', () => {
  const { world, slave } = chargingSite();
  expect(slave.hearRaw(IMPORT)).toBeTypeOf('object');
  const faultId = world.faults.add('meter:D', { kind: 'silence' });
  expect(slave.hearRaw(IMPORT)).not.toBeTypeOf('object');
  world.faults.remove(faultId);
  expect(slave.hearRaw(IMPORT)).toBeTypeOf('object');
});

test('HS-01 on a real pseudo-terminal a DL/T 645 meter, a lock and a Modbus meter answer side by side', async () => {
  const world = createWorld(site(), 1, processClock);
  const slave = world.slaves.get('rtu');
  const settings = world.lines.get('rtu');
  if (slave === undefined || settings === undefined) throw new Error('no line');
  const onError = (error: unknown): void => {
    throw error;
  };
  const time = { clock: processClock, scheduler: processScheduler };
  const { line, close } = await openStationLine(settings, { slave, faults: world.faults, ...time, onError });
  onTestFinished(close);
  if (line.address.transport !== 'serial') throw new Error('not a serial line');
  const port = new SerialPort({ path: line.address.path, baudRate: 9600, autoOpen: false });
  port.open();
  await once(port, 'open');
  onTestFinished(async () => {
    port.close();
    await once(port, 'close');
  });
  const ask = async (request: Buffer, replyBytes: number): Promise<string> => {
    const heard: Buffer[] = [];
    const listen = (chunk: Buffer): void => void heard.push(chunk);
    port.on('data', listen);
    port.write(request);
    while (Buffer.concat(heard).length < replyBytes) await once(port, 'data');
    port.off('data', listen);
    return Buffer.concat(heard).toString('hex');
  };
  expect(await ask(IMPORT, 20)).toBe(IMPORT_REPLY);
  expect(await ask(Buffer.from('55aa02070104', 'hex'), 10)).toBe('aa55060781ff0050002f');
  expect(await ask(Buffer.from('0204000000067' + '03b', 'hex'), 17)).toMatch(/^02040c4366/);
  expect(await ask(IMPORT, 20)).toBe(IMPORT_REPLY);
  expect(slave.counters).toMatchObject({ crcErrors: 0, unknownUnit: 0, rawReplies: 3 });
});

test.each([
  ['a meter on an unknown line', { meters: [{ ...EASTRON, lineId: 'x' }] }, 'meters.0.lineId', /no line x/],
  [
    'a meter on the unit of a pile',
    { meters: [{ ...EASTRON, unit: 1 }] },
    'meters.0.unit',
    /two devices on rtu unit 1/,
  ],
  ['a meter of no pile', { meters: [{ ...EASTRON, measures: 'Q' }] }, 'meters.0.measures', /no pile Q/],
  ['two meters of one address', { meters: [DLT, { ...DLT, meterId: 'D2' }] }, 'meters.1.address', /two devices/],
  ['a DL/T 645 meter on Modbus TCP', { meters: [{ ...DLT, lineId: 'tcp' }] }, 'meters.0.lineId', /Modbus TCP/],
  ['a short DL/T 645 address', { meters: [{ ...DLT, address: '161' }] }, 'meters.0.address', /twelve digits/],
  ['a lock with the name of a meter', { locks: [{ ...LOCK, lockId: 'E' }] }, 'locks.0.lockId', /named twice/],
  ['a lock of no pile', { locks: [{ ...LOCK, pileId: 'Q' }] }, 'locks.0.pileId', /no pile Q/],
  ['a lock on Modbus TCP', { locks: [{ ...LOCK, lineId: 'tcp' }] }, 'locks.0.lineId', /Modbus TCP/],
])('HS-01 %s is refused', (_name, change, path, reason) => {
  const checked = stationSchema.safeParse({ ...SITE, ...change });
  const issue = checked.error?.issues[0];
  expect(issue?.path.join('.')).toBe(path);
  expect(issue?.message).toMatch(reason);
});
