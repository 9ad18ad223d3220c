import { expect, test } from 'vitest';
import { route } from '../control/routes.ts';
import { openMemoryStationLine } from '../line/open-station-line.ts';
import { stationSchema } from '../station.ts';
import { createManualTime } from '../world/manual-clock.ts';
import { createWorld } from '../world.ts';
import type { ReaderModel } from './reader-settings.ts';

const LINE = { lineId: 'C1', transport: 'serial', baud: 9600, parity: 'none', stopBits: 1, turnaroundMs: 0 } as const;
const STATION = { stationId: 's', seed: 1, lines: [LINE], piles: [] };

async function openReader(model: ReaderModel) {
  const time = createManualTime(1000);
  const station = stationSchema.parse({ ...STATION, readers: [{ readerId: 'R1', model, lineId: 'C1' }] });
  const world = createWorld(station, 1, time.clock);
  const slave = world.slaves.get('C1');
  const reader = world.readers.get('R1');
  if (slave === undefined || reader === undefined) throw new Error('no line');
  const { clock, scheduler } = time;
  const line = openMemoryStationLine(LINE, {
    slave,
    reader,
    faults: world.faults,
    clock,
    scheduler,
    onError: () => {},
  });
  const heard: { atMs: number; hex: string }[] = [];
  const master = line.line.newMaster();
  await master.open({
    onBytes: (bytes) => heard.push({ atMs: clock.monoMs(), hex: Buffer.from(bytes).toString('hex') }),
    onClosed: () => {},
  });
  const deps = { world, lines: new Map(), clock, scheduler };
  const call = (method: string, path: string, body?: unknown) =>
    route(deps, { method, path: path.slice(1).split('/'), body });
  return { time, heard, master, call, world };
}

test.each<[ReaderModel, string, string]>([
  ['em4100-module', '62E3086CED', '02363245333038364345443038' + '03'],
  ['em4100-ascii', '62E3086CED', '02363245333038364345443038' + '0d0a03'],
  ['hex-line', '04a1b2c3d4e5f6', '30344131423243334434453546360d0a'],
])('HS-01 %s tells a card by itself, when its last byte has gone out', async (model, card, frame) => {
  const { time, heard, call } = await openReader(model);
  expect(await call('POST', '/readers/R1/card', { card, holdMs: 60 })).toMatchObject({
    status: 200,
    body: { card: card.toUpperCase() },
  });
  time.passMs(100);
  const wireMs = ((frame.length / 2) * 11_000) / 9600;
  expect(heard).toEqual([{ atMs: 1000 + wireMs, hex: frame }]);
  expect(await call('GET', '/readers/R1')).toMatchObject({ body: { card: null, framesSent: 1 } });
});

test('HS-01 the module repeats a tag that lies there, the others do not', async () => {
  const module125 = await openReader('em4100-module');
  await module125.call('POST', '/readers/R1/card', { card: '62E3086CED', holdMs: 1000 });
  module125.time.passMs(3000);
  expect(module125.heard.length).toBe(Math.ceil(1000 / 65));
  const once = await openReader('em4100-ascii');
  await once.call('POST', '/readers/R1/card', { card: '62E3086CED', holdMs: 1000 });
  once.time.passMs(3000);
  expect(once.heard.length).toBe(1);
});

test('HS-03 what it sends is lost, cut or spoilt as the faults of its line say', async () => {
  const { time, heard, call, world } = await openReader('hex-line');
  const present = async () => {
    heard.length = 0;
    await call('POST', '/readers/R1/card', { card: 'D4CD7650', holdMs: 10 });
    time.passMs(200);
    return heard.map(({ hex }) => hex).join(' ');
  };
  const during = async (fault: object) => {
    const set = await call('POST', '/lines/C1/faults', fault);
    const sent = await present();
    world.faults.remove((set.body as { faultId: string }).faultId);
    return sent;
  };
  expect(await during({ kind: 'silence' })).toBe('');
  expect(await during({ kind: 'truncate', keepBytes: 4 })).toBe('44344344');
  expect(await during({ kind: 'crc-error' })).toBe('44344344373635310d0a');
  expect(await during({ kind: 'split', pieces: 2, pauseMs: 20 })).toBe('4434434437 3635300d0a');
  expect(await present()).toBe('44344344373635300d0a');
});

test('HS-01 it hears nothing', async () => {
  const { time, heard, master } = await openReader('hex-line');
  master.write(Uint8Array.of(1, 3, 0, 0, 0, 1, 0x84, 0x0a));
  time.passMs(1000);
  expect(heard).toEqual([]);
});

test.each([
  ['/readers/R2/card', { card: 'D4CD7650' }, 404],
  ['/readers/R1/card', { card: 'D4CD765' }, 400],
  ['/readers/R1/card', { card: 'D4CD7650', holdMs: 0 }, 400],
])('HS-03 POST %s with %j is answered with %i', async (path, body, status) => {
  expect(await (await openReader('hex-line')).call('POST', path, body)).toMatchObject({ status });
});

const reader = { readerId: 'R1', model: 'hex-line', lineId: 'C1' };
const tcp = { lineId: 'T1', transport: 'tcp', host: '127.0.0.1', port: 0, turnaroundMs: 0 };
const pile = { pileId: 'P1', model: 'keba-p30', lineId: 'C1', unit: 1, initialRegisterWh: 0 };
test.each<[string, object, string]>([
  ['beside a pile', { piles: [pile], readers: [reader] }, 'something else is on line C1'],
  ['beside another', { readers: [reader, { ...reader, readerId: 'R2' }] }, 'something else is on line C1'],
  ['on a network', { lines: [LINE, tcp], readers: [{ ...reader, lineId: 'T1' }] }, 'needs a serial line'],
  ['nowhere', { readers: [{ ...reader, lineId: 'C9' }] }, 'there is no line C9'],
])('HS-01 a reader %s is refused', (_name, change, reason) => {
  const parsed = stationSchema.safeParse({ ...STATION, ...change });
  expect(parsed.error?.message).toContain(reason);
});
