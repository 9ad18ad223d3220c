import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openMemoryStationLine } from '../line/open-station-line.ts';
import { loadStation } from '../station.ts';
import { createManualTime } from '../world/manual-clock.ts';
import { createWorld } from '../world.ts';
import { openControlServer } from './server.ts';

const DEMO_FILE = join(import.meta.dirname, '..', 'stations', 'demo.json');

async function openApi() {
  const loaded = loadStation(DEMO_FILE);
  if (!loaded.ok) throw new Error('demo station refused');
  const time = createManualTime(5000);
  const world = createWorld(loaded.station, 1, time.clock);
  const onError = (error: unknown): void => {
    throw error;
  };
  const deps = { faults: world.faults, clock: time.clock, scheduler: time.scheduler, onError };
  const lines = new Map(
    [...world.lines.values()].map((settings) => {
      const slave = world.slaves.get(settings.lineId);
      if (slave === undefined) throw new Error('a line without a slave');
      return [settings.lineId, openMemoryStationLine(settings, { slave, ...deps })] as const;
    }),
  );
  const server = await openControlServer(0, { world, lines, clock: time.clock, scheduler: time.scheduler }, onError);
  onTestFinished(server.close);
  const call = async (method: string, path: string, body?: unknown) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(server.url + path, { method, ...(body === undefined ? {} : { body: text }) });
    const reply = await response.text();
    return { status: response.status, body: reply === '' ? undefined : JSON.parse(reply) };
  };
  return { call, time, world, lines, url: server.url };
}

test('HS-05 the truth shows every pile with what is and what its meter says', async () => {
  const { call, time, world, url } = await openApi();
  expect(new URL(url).hostname).toBe('127.0.0.1');
  await call('PUT', '/piles/A1/vehicle', { plugged: true, maxCurrentA: 10, phases: 1, soc: 0.5 });
  world.slaves.get('rtu1')?.handle(1, Uint8Array.of(6, 1, 5, 0, 160));
  time.passMs(10_000);
  const { status, body } = await call('GET', '/truth');
  expect(status).toBe(200);
  expect(body.nowMonoMs).toBe(15_000);
  expect(body.piles.map((pile: { pileId: string }) => pile.pileId)).toEqual(['A1', 'A2', 'B1', 'B2', 'C1']);
  expect(body.piles[0]).toMatchObject({
    model: 'heidelberg-energy-control',
    plugged: true,
    contactorClosed: true,
    welded: false,
    currentA: [10, 0, 0],
    powerW: 2300,
    pileState: 'C2',
    effectiveLimitA: 16,
    watchdog: { enabled: true, tripped: false, timeoutMs: 15_000 },
    contactorEvents: [{ closed: true }],
  });
  expect(body.piles[0].registerWhTruth).toBeCloseTo(1284309.62 + body.piles[0].energyTruthWh, 9);
  expect(body.piles[1]).toMatchObject({ energyTruthWh: 0, reportedRegisterWh: 907118 });
});

test('HS-03 a fault is set, listed, felt and removed', async () => {
  const { call, world } = await openApi();
  const set = await call('POST', '/piles/A1/faults', { kind: 'silence' });
  expect(set).toEqual({ status: 201, body: { faultId: 'f1' } });
  const ask = () => world.slaves.get('rtu1')?.handle(1, Uint8Array.of(3, 1, 1, 0, 1));
  expect(ask()).toBeUndefined();
  expect((await call('GET', '/faults')).body.faults).toMatchObject([{ faultId: 'f1', target: 'pile:A1', strikes: 1 }]);
  expect((await call('DELETE', '/faults/f1')).status).toBe(204);
  expect(ask()).toBeDefined();
  expect((await call('GET', '/lines/rtu1')).body).toMatchObject({
    transport: 'memory',
    plugged: true,
    counters: { requests: 2, replies: 1, perUnit: { 1: { requests: 2, replies: 1 } } },
  });
});

test('HS-03 a line fault strikes every pile of its line', async () => {
  const { call, world } = await openApi();
  await call('POST', '/lines/rtu1/faults', { kind: 'exception', code: 6 });
  for (const unit of [1, 2]) {
    expect(world.slaves.get('rtu1')?.handle(unit, Uint8Array.of(3, 1, 1, 0, 1))?.pdu).toEqual(Uint8Array.of(0x83, 6));
  }
});

test('HS-03 a line is unplugged and plugged, and says so', async () => {
  const { call, lines } = await openApi();
  const master = lines.get('rtu1')?.line.newMaster();
  await master?.open({ onBytes: () => {}, onClosed: () => {} });
  const pulled = await call('POST', '/lines/rtu1/unplug');
  expect(pulled).toMatchObject({ status: 200, body: { lineId: 'rtu1', plugged: false } });
  expect(master?.isOpen).toBe(false);
  expect(await call('POST', '/lines/rtu1/plug')).toMatchObject({ status: 200, body: { plugged: true } });
  await master?.open({ onBytes: () => {}, onClosed: () => {} });
  expect(master?.isOpen).toBe(true);
});

test('HS-03 a line that was unplugged for a time comes back when it is over', async () => {
  const { call, time } = await openApi();
  await call('POST', '/lines/rtu1/unplug', { durationMs: 300 });
  time.passMs(299);
  expect((await call('GET', '/lines/rtu1')).body.plugged).toBe(false);
  time.passMs(1);
  expect((await call('GET', '/lines/rtu1')).body.plugged).toBe(true);
});

test('HS-03 a scenario is started through the API and runs by the clock', async () => {
  const { call, time } = await openApi();
  const file = join(import.meta.dirname, '..', 'scenarios', 'rough-evening.json');
  const started = await call('POST', '/scenarios', readFileSync(file, 'utf8'));
  expect(started).toEqual({ status: 201, body: { scenarioId: 'rough-evening', endsAtMonoMs: 65_000 } });
  time.passMs(6000);
  expect((await call('GET', '/faults')).body.faults).toMatchObject([{ target: 'line:rtu1', fault: { kind: 'noise' } }]);
});

test.each([
  ['PUT', '/piles/A1/vehicle', { plugged: 'yes' }, 400, /plugged/],
  ['PUT', '/piles/A1/vehicle', { color: 1 }, 400, /color/],
  ['PUT', '/piles/A1/vehicle', '{', 400, /not JSON/],
  ['PUT', '/piles/Z9/vehicle', {}, 404, /pile Z9/],
  ['POST', '/piles/A1/faults', { kind: 'delay', delayMs: -1 }, 400, /delayMs/],
  ['POST', '/lines/rtu1/faults', { kind: 'stuck-meter' }, 400, /kind/],
  ['POST', '/lines/tcp1/faults', { kind: 'crc-error' }, 400, /serial/],
  ['POST', '/piles/B1/faults', { kind: 'crc-error' }, 400, /serial/],
  ['POST', '/lines/tcp1/faults', { kind: 'noise', mode: 'idle' }, 400, /serial/],
  ['POST', '/lines/rtu1/faults', { kind: 'noise', mode: 'before', everyMs: 5 }, 400, /everyMs/],
  ['POST', '/piles/A1/faults', { kind: 'noise', mode: 'idle' }, 400, /mode/],
  ['POST', '/piles/A1/faults', { kind: 'unplugged' }, 400, /kind/],
  ['POST', '/lines/rtu1/faults', { kind: 'stale-reply' }, 400, /gateway/],
  ['POST', '/lines/rtu1/unplug', { forMs: 3 }, 400, /forMs/],
  ['POST', '/lines/rtu9/unplug', {}, 404, /line rtu9/],
  ['POST', '/scenarios', { scenarioId: 's', seed: 1, steps: [] }, 400, /steps/],
  ['DELETE', '/faults/f9', undefined, 404, /fault f9/],
  ['GET', '/lines/rtu9', undefined, 404, /line rtu9/],
  ['GET', '/teapot', undefined, 404, /teapot/],
])('HS-03 %s %s with %j is refused with %i', async (method, path, body, status, message) => {
  const { call } = await openApi();
  const reply = await call(method, path, body);
  expect(reply.status).toBe(status);
  expect(reply.body.code).toBe(status === 404 ? 'not-found' : 'bad-input');
  expect(reply.body.message).toMatch(message);
});
