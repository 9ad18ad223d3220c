import { expect, test } from 'vitest';
import { stationSchema } from '../station.ts';
import { createManualTime } from '../world/manual-clock.ts';
import { createWorld } from '../world.ts';
import { type Call, route } from './routes.ts';

const STATION = stationSchema.parse({
  stationId: 's',
  seed: 1,
  lines: [{ lineId: 'rtu', transport: 'serial', baud: 9600, parity: 'even', stopBits: 1, turnaroundMs: 20 }],
  piles: [
    { pileId: 'P', model: 'heidelberg-energy-control', lineId: 'rtu', unit: 1, initialRegisterWh: 0 },
    { pileId: 'A', model: 'abb-terra-ac', lineId: 'rtu', unit: 2, initialRegisterWh: 0 },
  ],
  meters: [{ meterId: 'M', model: 'chint-dtsu666', lineId: 'rtu', unit: 3, initialRegisterWh: 12_340, measures: 'P' }],
  locks: [{ lockId: 'K', model: 'bus-barrier', lineId: 'rtu', address: 3 }],
  io: [
    {
      boardId: 'B',
      model: 'waveshare-relay-8ch-d',
      lineId: 'rtu',
      unit: 4,
      closedInputs: [1],
      outputs: [{ channel: 1, feeds: ['P'], energised: 'trips' }],
    },
  ],
});

function createApi() {
  const time = createManualTime(1000);
  const world = createWorld(STATION, 1, time.clock);
  const deps = { world, lines: new Map(), clock: time.clock, scheduler: time.scheduler };
  const call = (method: Call['method'], path: string, body?: unknown) =>
    route(deps, { method, path: path.slice(1).split('/'), body });
  return { call, world, time };
}

test('HS-05 the truth about a meter and a barrier, alone and among all', async () => {
  const { call } = createApi();
  const meter = { meterId: 'M', model: 'chint-dtsu666', measures: 'P', reportedRegisterWh: 12_340, energyTruthWh: 0 };
  const lock = { lockId: 'K', position: 0, occupied: false, commands: [] };
  expect(await call('GET', '/meters/M')).toMatchObject({ status: 200, body: meter });
  expect(await call('GET', '/locks/K')).toMatchObject({ status: 200, body: lock });
  expect(await call('GET', '/truth')).toMatchObject({ body: { meters: [meter], locks: [lock] } });
});

test('HS-02 a car comes below the boom and leaves', async () => {
  const { call, world } = createApi();
  expect(await call('PUT', '/locks/K/bay', { occupied: true })).toMatchObject({
    status: 200,
    body: { occupied: true },
  });
  const ask = (): number | undefined => {
    const heard = world.slaves.get('rtu')?.hearRaw(Uint8Array.of(0x7e, 3, 0x10, 0, 0x13));
    return typeof heard === 'object' ? heard.frame[5] : undefined;
  };
  expect(ask()).toBe(1);
  await call('PUT', '/locks/K/bay', { occupied: false });
  expect(ask()).toBe(0);
});

test('HS-03 a power cycle switches a pile off for a while', async () => {
  const { call, world, time } = createApi();
  expect(await call('POST', '/piles/P/power-cycle', { offMs: 3000 })).toMatchObject({ status: 200 });
  time.passMs(2900);
  expect(world.piles.get('P')?.truth().powered).toBe(false);
  time.passMs(200);
  expect(world.piles.get('P')?.truth().powered).toBe(true);
});

test('HS-03 a plug that a jammed lock holds cannot be pulled, but torn out', async () => {
  const { call, time } = createApi();
  await call('PUT', '/piles/P/vehicle', { plugged: true });
  await call('POST', '/piles/P/faults', { kind: 'lock-jammed' });
  time.passMs(100);
  expect(await call('PUT', '/piles/P/vehicle', { plugged: false })).toMatchObject({
    status: 409,
    body: { code: 'plug-locked' },
  });
  await call('POST', '/piles/P/faults', { kind: 'gun-pulled' });
  time.passMs(100);
  expect(await call('GET', '/piles/P')).toMatchObject({ body: { plugged: false } });
});

test.each([
  ['POST', '/meters/M/faults', { kind: 'meter-rollover' }, 201],
  ['POST', '/meters/M/faults', { kind: 'emergency-stop' }, 400],
  ['POST', '/meters/Z/faults', { kind: 'stuck-meter' }, 404],
  ['POST', '/locks/K/faults', { kind: 'arm-damaged' }, 201],
  ['POST', '/locks/K/faults', { kind: 'stuck-meter' }, 400],
  ['POST', '/piles/P/faults', { kind: 'arm-damaged' }, 400],
  ['POST', '/piles/P/faults', { kind: 'meter-rollover', belowEndWh: 50 }, 201],
  ['POST', '/piles/A/faults', { kind: 'meter-rollover' }, 400],
  ['POST', '/piles/A/faults', { kind: 'meter-missing' }, 400],
  ['POST', '/piles/P/faults', { kind: 'bms-abort', reason: 'mood' }, 400],
  ['POST', '/piles/Z/power-cycle', {}, 404],
  ['POST', '/piles/P/power-cycle', { offMs: 0 }, 400],
  [
    'PUT',
    '/piles/P/vehicle',
    {
      chargeCurve: [
        { soc: 0.5, share: 1 },
        { soc: 0.5, share: 0 },
      ],
    },
    400,
  ],
  ['PUT', '/piles/P/vehicle', { chargeCurve: [{ soc: 0.5, share: 1 }] }, 200],
  ['GET', '/meters/Z', undefined, 404],
  ['GET', '/locks/Z', undefined, 404],
  ['PUT', '/locks/K/bay', { occupied: 1 }, 400],
  ['PUT', '/locks/Z/bay', { occupied: true }, 404],
] as const)('HS-03 %s %s with %j is answered with %i', async (method, path, body, status) => {
  expect((await createApi().call(method, path, body)).status).toBe(status);
});

test('HS-05 a board: its truth, a contact that opens, a breaker that a hand closes, a fault', async () => {
  const { call, world, time } = createApi();
  const first = (closed: boolean) => ({ boardId: 'B', inputs: [closed, ...new Array(7).fill(false)] });
  const breaker = (closed: boolean) => ({ status: 200, body: { feeders: [{ closed }] } });
  expect(await call('GET', '/io/B')).toMatchObject({ status: 200, body: first(true) });
  expect(await call('GET', '/truth')).toMatchObject({ body: { io: [first(true)] } });
  expect(await call('PUT', '/io/B/inputs/1', { closed: false })).toMatchObject({ body: first(false) });
  world.slaves.get('rtu')?.handle(4, Uint8Array.of(5, 0, 0, 0xff, 0));
  time.passMs(100);
  expect(await call('GET', '/io/B')).toMatchObject(breaker(false));
  world.slaves.get('rtu')?.handle(4, Uint8Array.of(5, 0, 0, 0, 0));
  expect(await call('PUT', '/io/B/outputs/1', { closed: true })).toMatchObject(breaker(true));
  expect(await call('POST', '/io/B/faults', { kind: 'trip-jammed' })).toMatchObject({ status: 201 });
});

test.each([
  ['PUT', '/io/B/inputs/9', { closed: true }, 404],
  ['PUT', '/io/B/inputs/x', { closed: true }, 404],
  ['PUT', '/io/X/inputs/1', { closed: true }, 404],
  ['PUT', '/io/B/inputs/1', { closed: 1 }, 400],
  ['PUT', '/io/B/outputs/2', { closed: true }, 404],
  ['PUT', '/io/B/outputs/1', { closed: false }, 400],
  ['GET', '/io/X', undefined, 404],
  ['POST', '/io/B/faults', { kind: 'arm-damaged' }, 400],
] as const)('HS-05 %s %s is answered as it deserves', async (method, path, body, status) => {
  expect(await createApi().call(method, path, body)).toMatchObject({ status });
});
