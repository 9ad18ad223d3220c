import { expect, onTestFinished, test } from 'vitest';
import { rateOccupancy } from '#shared/tariff/rate-fees.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { StationDocument } from './simulated-station.ts';
import { pass, Stand, until } from './stand.ts';

/** Goal: a vehicle that stays after its charge is told of once, for the time that it was there, whatever becomes of the controller. */

const station: StationDocument = {
  stationId: 'occupied',
  seed: 5,
  lines: [{ lineId: 'tcp1', transport: 'tcp', host: '127.0.0.1', port: 0, turnaroundMs: 3 }],
  piles: [
    {
      pileId: 'K1',
      model: 'keba-p30',
      lineId: 'tcp1',
      unit: 255,
      initialRegisterWh: 9000,
      vehicle: { rampAPerS: 1000, reactionMs: 100, stopMs: 100, startMs: 100, soc: 0.2 },
    },
  ],
};
const tariff: Tariff = {
  tariffId: 'staying',
  version: 1,
  currency: 'CNY',
  timezone: 'Asia/Shanghai',
  bands: [{ name: 'all day', startMinute: 0, electricityPriceE4: 7200, servicePriceE4: 4500 }],
  occupancy: { graceMinutes: 0, minutePriceE4: 5000 },
};

test('CH-09 ED-08 a stay outlives a kill of the controller, and is told of once when the gun is out', {
  timeout: 150_000,
}, async () => {
  const stand = await Stand.open({ station });
  onTestFinished(() => stand.close());
  await stand.plug('K1');
  stand.start('K1', { tariff });
  await stand.status('K1', 'charging');
  await pass(2000);
  stand.stop('K1');
  const cdr = await stand.cdr('K1');
  expect(cdr).toMatchObject({ stopReason: 'partner', occupancyId: expect.any(String) });
  const fromMs = performance.now();
  await stand.status('K1', 'plugged');
  await stand.edge.kill('SIGKILL');
  await pass(1500);
  await stand.restart();
  await stand.status('K1', 'plugged');
  await pass(2000);
  const leastMs = performance.now() - fromMs - 3000;
  await stand.station.vehicle('K1', { plugged: false });
  const told = () => stand.cloud.recordsOf('occupancy.ended').map(({ occupancy }) => occupancy);
  const [stay] = await until('the stay is told of', 30_000, () => (told().length > 0 ? told() : null));
  const mostMs = performance.now() - fromMs + 5000;
  expect(stay).toMatchObject({
    occupancyId: cdr.occupancyId,
    cdrId: cdr.cdrId,
    from: cdr.endedAt,
    endedBy: 'unplugged',
    rating: rateOccupancy(tariff, stay?.occupiedMs ?? 0),
  });
  expect(stay?.rating.totalMinor).toBeGreaterThanOrEqual(50);
  expect(stay?.occupiedMs).toBeGreaterThan(leastMs);
  expect(stay?.occupiedMs).toBeLessThan(mostMs);
  await stand.edge.kill('SIGKILL');
  await stand.restart();
  await stand.status('K1', 'available');
  expect(told()).toHaveLength(1);
  expect(stand.cloud.complaints).toEqual([]);
});
