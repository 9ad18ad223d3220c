import type { StationDocument } from '../stand/simulated-station.ts';
import { connectorOf, type SiteDocument } from '../stand/small-site.ts';
import type { Wiring } from './shared-log.ts';

/**
 * Twenty-four piles behind 250 A per phase that they share with a house: four RS-485 lines, a socket for each of eleven
 * boxes, a line for the grid meter. One-phase piles, turned phases, one-phase cars on three-phase piles, two DC piles.
 * With everybody at the least current, the site is half full before the house has switched anything on.
 */

type Piles = StationDocument['piles'];
type PileDocument = Piles[number];
type Vehicle = NonNullable<PileDocument['vehicle']>;
type Network = NonNullable<StationDocument['network']>;
type NetworkPhase = 'L1' | 'L2' | 'L3';

const SITE_LIMIT_A = 250;
const FALLBACK_LIMIT_A = 60;
export const TURN_MINUTES = 5;
/** What the house takes when nothing special happens, per phase: a walk between these. */
const HOUSE_A = { min: 60, max: 85 } as const;

const STRAIGHT: NetworkPhase[] = ['L1', 'L2', 'L3'];
const TURNED: NetworkPhase[] = ['L2', 'L3', 'L1'];
const TURNED_TWICE: NetworkPhase[] = ['L3', 'L1', 'L2'];

interface Place {
  readonly pile: Omit<PileDocument, 'vehicle'>;
  readonly vehicle: Vehicle;
  readonly nodeId: string;
  readonly phases: NetworkPhase[];
  readonly limitMa: number;
}

/** Cars differ: how soon they follow, how many phases they have, how much they take. */
function carOf(n: number): Vehicle {
  return {
    reactionMs: 500 + ((n * 700) % 2500),
    rampAPerS: 8,
    stopMs: 1000,
    startMs: 500,
    soc: 0.2,
    capacityWh: 80_000,
    maxCurrentA: n % 4 === 1 ? 16 : 32,
    phases: n % 5 === 2 ? 1 : 3,
  };
}

const wiring = (n: number): NetworkPhase[] => [STRAIGHT, TURNED, TURNED_TWICE][n % 3] ?? STRAIGHT;

function place(n: number, nodeId: string, limitMa: number, pile: Omit<PileDocument, 'vehicle' | 'initialRegisterWh'>) {
  return {
    pile: { ...pile, initialRegisterWh: 100_000 + n * 1234.5 },
    vehicle: carOf(n),
    nodeId,
    phases: wiring(n),
    limitMa,
  };
}

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

/** H1 to H8 on two serial lines, A1 to A3 on a slow one. */
const garage: Place[] = [
  ...count(8).map((n) =>
    place(n, 'garage', 16_000, {
      pileId: `H${n}`,
      model: 'heidelberg-energy-control',
      lineId: n <= 4 ? 'rtu1' : 'rtu2',
      unit: n,
    }),
  ),
  ...count(3).map((n) =>
    place(8 + n, 'garage', 32_000, { pileId: `A${n}`, model: 'abb-terra-ac', lineId: 'rtu3', unit: n }),
  ),
];

/** K1 to K11; the last three on one phase each. */
const yard: Place[] = count(11).map((n) => {
  const box = place(11 + n, 'yard', 32_000, { pileId: `K${n}`, model: 'keba-p30', lineId: `box${n}`, unit: 255 });
  const phase = STRAIGHT[n - 9];
  return phase === undefined ? box : { ...box, phases: [phase] };
});

/** 60 kW each: 92 A per phase. */
const fast: Place[] = count(2).map((n) => ({
  ...place(22 + n, 'fast', 92_000, { pileId: `D${n}`, model: 'generic-dc', lineId: 'rtu4', unit: n }),
  phases: STRAIGHT,
}));

const places: readonly Place[] = [...garage, ...yard, ...fast];

const serial = (lineId: string, baud: number, parity: 'none' | 'even', turnaroundMs: number) => ({
  lineId,
  transport: 'serial' as const,
  baud,
  parity,
  stopBits: 1 as const,
  turnaroundMs,
});

const houseWalk = {
  kind: 'random-walk' as const,
  loadId: 'house',
  startA: [70, 65, 75] as [number, number, number],
  stepA: 3,
  everyMs: 1000,
  minA: HOUSE_A.min,
  maxA: HOUSE_A.max,
};

const feeders = [
  { nodeId: 'garage', limitA: 100 },
  { nodeId: 'yard', limitA: 125 },
  { nodeId: 'fast', limitA: 125 },
];

const network: Network = {
  nodes: [
    { nodeId: 'site', limitA: SITE_LIMIT_A, loads: [houseWalk] },
    ...feeders.map(({ nodeId, limitA }) => ({
      nodeId,
      parent: 'site',
      limitA,
      piles: places.filter((one) => one.nodeId === nodeId).map(({ pile: { pileId }, phases }) => ({ pileId, phases })),
    })),
  ],
};

/** @param seed decides the house's walk */
export const gridStation = (seed: number): StationDocument => ({
  stationId: 'grid',
  seed,
  lines: [
    serial('rtu1', 19_200, 'even', 8),
    serial('rtu2', 19_200, 'even', 8),
    serial('rtu3', 9600, 'none', 10),
    serial('rtu4', 19_200, 'none', 8),
    serial('grid', 9600, 'none', 20),
    ...count(11).map((n) => ({
      lineId: `box${n}`,
      transport: 'tcp' as const,
      host: '127.0.0.1',
      port: 0,
      turnaroundMs: 3,
    })),
  ],
  piles: places.map(({ pile, vehicle }) => ({ ...pile, vehicle })),
  meters: [
    {
      meterId: 'GRID',
      model: 'eastron-sdm630',
      lineId: 'grid',
      unit: 1,
      measures: 'site',
      initialRegisterWh: 5_000_000,
    },
  ],
  network,
});

const limitOf = (pileId: unknown) => places.find(({ pile }) => pile.pileId === pileId)?.limitMa ?? 0;

/** The site's file for that station: its network said once more, as an installer would. */
export function gridSite(document: SiteDocument): SiteDocument {
  const piles = (document.piles as readonly { pileId: string }[]).map((pile) => ({
    ...pile,
    limitMa: limitOf(pile.pileId),
  }));
  return {
    ...document,
    supplyLimitMa: SITE_LIMIT_A * 1000,
    piles,
    power: {
      nodes: feeders.map(({ nodeId, limitA }) => ({ nodeId, limitMa: limitA * 1000 })),
      outlets: places.map(({ pile, nodeId, phases }) => ({
        connectorId: connectorOf(pile.pileId),
        node: nodeId,
        phases: phases.join(''),
      })),
      gridMeter: { meterId: 'GRID', fallbackLimitMa: FALLBACK_LIMIT_A * 1000 },
      turnMinutes: TURN_MINUTES,
    },
  };
}

/** The lowest voltage at which a DC pile counts by default: EN 50160. */
const LOWEST_V = 207;

/** Where piles and nodes hang, what each node carries per phase in A, and where a pile's current flows. */
export const gridShape: Wiring = {
  nodesAbove: (name) => {
    const nodeId = places.find(({ pile }) => pile.pileId === name)?.nodeId ?? name;
    return nodeId === 'site' ? ['site'] : [nodeId, 'site'];
  },
  limitsA: new Map([['site', SITE_LIMIT_A], ...feeders.map(({ nodeId, limitA }) => [nodeId, limitA] as const)]),
  pileIds: places.map(({ pile }) => pile.pileId),
  loads: (pileId) => {
    const found = places.find(({ pile }) => pile.pileId === pileId);
    const phases = (found?.phases ?? []).map((phase) => STRAIGHT.indexOf(phase));
    return { phases, draw: found?.pile.model === 'generic-dc' ? 230 / LOWEST_V : 1 };
  },
};
