import { allocate } from '../../edge/power/allocate.ts';
import { type Demand, noDemand } from '../../edge/power/demand.ts';
import type { Network, Outlet } from '../../edge/power/network.ts';
import { median, percentile, round, timeMs } from './measure.ts';
import { powerOnLines } from './power-on-lines.ts';

const PILES = 64;
const FEEDERS = 8;
const WARM_UP = 500;
const ROUNDS = 5000;

const evenly = (ma: number) => [ma, ma, ma] as const;

/** A supply with eight feeders; every fourth pile has one phase, every eighth takes DC, limits and priorities differ. */
function network(): Network {
  const outlets = Array.from({ length: PILES }, (_, i): Outlet => {
    const phase = ([0, 1, 2] as const)[i % 3] ?? 0;
    const isSingle = i % 4 === 1;
    return {
      connectorId: `P${String(i).padStart(2, '0')}`,
      path: [1 + (i % FEEDERS), 0],
      loads: isSingle ? [phase === 0, phase === 1, phase === 2] : [true, true, true],
      order: isSingle ? [phase] : [phase, ((phase + 1) % 3) as 0 | 1 | 2, ((phase + 2) % 3) as 0 | 1 | 2],
      minMa: 6000,
      maxMa: i % 2 === 0 ? 16_000 : 32_000,
      stepMa: i % 5 === 0 ? 1000 : 100,
      canPause: i % 7 !== 0,
      priority: i % 3,
      drawPermille: i % 8 === 0 ? 1112 : 1000,
      fallback: { afterMs: 15_000, currentMa: 0 },
    };
  });
  const feeders = Array.from({ length: FEEDERS }, (_, i) => ({
    nodeId: `F${i}`,
    parent: 0,
    limitMa: evenly(80_000),
    bands: [],
  }));
  return { nodes: [{ nodeId: 'site', parent: null, limitMa: evenly(400_000), bands: [] }, ...feeders], outlets };
}

/**
 * How long a decision takes, and how a site's limits hold on real lines.
 *
 * @param houseSteps how often a house switches on and off on the lines
 */
export async function power(houseSteps = 3): Promise<Record<string, number>> {
  return { ...allocation(), ...(await powerOnLines(houseSteps)) };
}

/** How long one allocation takes with 64 piles that all charge, under a house load that never rests. */
function allocation(): Record<string, number> {
  const of = network();
  let shares: Parameters<typeof allocate>[2] = new Map();
  const samples: number[] = [];
  for (let i = 0; i < WARM_UP + ROUNDS; i += 1) {
    const houseMa = 1000 * ((i * 37) % 150);
    const limitsMa = of.nodes.flatMap(({ limitMa }, node) => limitMa.map((ma) => (node === 0 ? ma - houseMa : ma)));
    const demands = new Map(
      of.outlets.map(({ connectorId, maxMa }): [string, Demand] => {
        const hasMa = shares.get(connectorId)?.grantMa ?? 0;
        const wants = hasMa > 0 ? ('charge' as const) : ('start' as const);
        const demand = { ...noDemand(connectorId), wants, maxMa, mayTakeMa: hasMa, flowsMa: hasMa, inForceMa: hasMa };
        return [connectorId, demand];
      }),
    );
    const conditions = { nowMonoMs: 1000 * i, limitsMa, mayRaise: true, turnMs: 900_000 };
    const ms = timeMs(() => {
      shares = allocate(of, demands, shares, conditions).shares;
    });
    if (i >= WARM_UP) samples.push(1000 * ms);
  }
  return {
    allocation_us_64_piles: round(median(samples)),
    allocation_p99_us_64_piles: round(percentile(samples, 0.99)),
  };
}
