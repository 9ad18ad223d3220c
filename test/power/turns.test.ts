import { expect, onTestFinished, test } from 'vitest';
import type { StationDocument } from '../stand/simulated-station.ts';
import { connectorOf, smallStation } from '../stand/small-site.ts';
import { pass, Stand } from '../stand/stand.ts';

const TURN_MINUTES = 5;
const LASTS_MS = (2 * TURN_MINUTES + 2) * 60_000;
const ASKS_AGAIN_AFTER_MS = 3000;

/** Three boxes of one bus behind 13 A: two can have their least. */
const station: StationDocument = {
  ...smallStation,
  lines: smallStation.lines.slice(0, 1),
  piles: [1, 2, 3].map((unit) => ({
    pileId: `H${unit}`,
    model: 'heidelberg-energy-control',
    lineId: 'rtu1',
    unit,
    vehicle: { rampAPerS: 1000, reactionMs: 100, stopMs: 100, startMs: 100, soc: 0.2 },
    initialRegisterWh: 1000 * unit,
  })),
  meters: [],
};

test('ED-14 three cars, power for two: on real lines as well everybody has a turn, and no contacts chatter', {
  timeout: LASTS_MS + 120_000,
}, async () => {
  const stand = await Stand.open({
    station,
    site: (document) => ({
      ...document,
      supplyLimitMa: 13_000,
      power: {
        turnMinutes: TURN_MINUTES,
        outlets: station.piles.map(({ pileId }) => ({ connectorId: connectorOf(pileId), phases: 'L1L2L3' })),
      },
    }),
  });
  onTestFinished(() => stand.close());
  const untilMs = performance.now() + LASTS_MS;
  await Promise.all(stand.pileIds.map((pileId) => driver(stand, pileId, untilMs)));
  const { piles } = await stand.station.truth();
  const shareWh = piles.reduce((sum, { energyTruthWh }) => sum + energyTruthWh, 0) / piles.length;
  // Nobody has less than half of what would be even, and the contacts move for the charge and for one pause.
  expect(piles.filter(({ energyTruthWh }) => energyTruthWh < shareWh / 2)).toEqual([]);
  expect(Math.max(...piles.map(({ contactorOperations }) => contactorOperations))).toBeLessThanOrEqual(3);
  expect(piles.filter(({ contactorOperations }) => contactorOperations > 1).length).toBeGreaterThan(0);
  const turns = stand.edge.log
    .filter(({ msg }) => msg === 'the supply is shared anew')
    .map((line) => JSON.stringify(line));
  expect(turns.some((line) => line.includes('turn'))).toBe(true);
});

/** Plugs a car in, and asks until there is power for it. */
async function driver(stand: Stand, pileId: string, untilMs: number): Promise<void> {
  await stand.plug(pileId);
  while (performance.now() < untilMs) {
    if (stand.view(pileId)?.status === 'plugged') await stand.outcome(stand.start(pileId));
    await pass(ASKS_AGAIN_AFTER_MS);
  }
}
