import type { SiteConfig } from '../config/site.ts';
import type { SiteDevices, SitePile } from '../config/site-devices.ts';
import {
  type LimitBand,
  type OutletConfig,
  type PhaseLimit,
  type PhaseOrder,
  type PowerConfig,
  ROOT_NODE,
} from '../config/site-power.ts';
import { stepsOf } from '../devices/pile-driver.ts';
import { fallbackOf } from '../devices/profile/fallback.ts';
import type { Network, Outlet, PerPhase, PhaseIndex, PowerNode } from './network.ts';

/** What a DC pile's profile reckons with: 230 V a phase. */
const NOMINAL_V = 230;

/** The network that a site's file describes. Without a `power` part: the supply, and every pile on all of its phases. */
export function networkOf(
  site: Pick<SiteConfig, 'supplyLimitMa' | 'power'>,
  { piles }: Pick<SiteDevices, 'piles'>,
): Network {
  const { power } = site;
  const nodes = nodesOf(site.supplyLimitMa, power);
  return { nodes, outlets: piles.map((pile) => outletOf(pile, nodes, power)) };
}

export function perPhase(limit: PhaseLimit): PerPhase {
  return typeof limit === 'number' ? [limit, limit, limit] : [limit.L1, limit.L2, limit.L3];
}

/** Parents before their children, whatever the order in the file. */
function nodesOf(supplyLimitMa: number, power: PowerConfig | undefined): PowerNode[] {
  const nodes: PowerNode[] = [
    {
      nodeId: ROOT_NODE,
      parent: null,
      limitMa: perPhase(power?.site.limitMa ?? supplyLimitMa),
      bands: bandsOf(power?.site.timeOfDay),
    },
  ];
  const addBelow = (parentId: string): void => {
    const parent = nodes.findIndex(({ nodeId }) => nodeId === parentId);
    for (const { nodeId, parent: own, limitMa, timeOfDay } of power?.nodes ?? []) {
      if (own !== parentId) continue;
      nodes.push({ nodeId, parent, limitMa: perPhase(limitMa), bands: bandsOf(timeOfDay) });
      addBelow(nodeId);
    }
  };
  addBelow(ROOT_NODE);
  return nodes;
}

const bandsOf = (bands: readonly LimitBand[] = []): PowerNode['bands'] =>
  bands.map(({ from, limitMa }) => {
    const [hours = 0, minutes = 0] = from.split(':').map(Number);
    return { fromMinute: 60 * hours + minutes, limitMa: perPhase(limitMa) };
  });

function outletOf(pile: SitePile, nodes: readonly PowerNode[], power: PowerConfig | undefined): Outlet {
  const { config, profile } = pile;
  const { limits, zeroMeans, watchdog } = profile;
  const place = power?.outlets.find(({ connectorId }) => connectorId === config.connectorId);
  return {
    connectorId: config.connectorId,
    path: pathFrom(nodes, place),
    ...wiringOf(place?.phases ?? 'unknown', limits.phases),
    minMa: limits.minCurrentMa,
    maxMa: Math.min(config.limitMa, limits.maxCurrentMa),
    stepMa: limits.stepMa,
    canPause: zeroMeans === 'pause' && stepsOf(profile, 'limit').length > 0,
    priority: place?.priority ?? 0,
    drawPermille:
      limits.dc === undefined || power === undefined ? 1000 : Math.ceil((1000 * NOMINAL_V) / power.lowestVoltageV),
    fallback: { afterMs: watchdog?.timeoutMs ?? null, currentMa: fallbackOf(profile, config.limitMa).currentMa },
  };
}

function pathFrom(nodes: readonly PowerNode[], place: OutletConfig | undefined): number[] {
  const path: number[] = [];
  let at: number | null = nodes.findIndex(({ nodeId }) => nodeId === (place?.node ?? ROOT_NODE));
  while (at !== null) {
    path.push(at);
    at = nodes[at]?.parent ?? null;
  }
  return path;
}

const phaseIndexes: Readonly<Record<string, PhaseIndex>> = { L1: 0, L2: 1, L3: 2 };

/** A pile of one phase that hangs at nobody knows which one counts on each of them. */
function wiringOf(phases: PhaseOrder, count: 1 | 3): Pick<Outlet, 'loads' | 'order'> {
  if (phases === 'unknown') return { loads: [true, true, true], order: count === 3 ? [0, 1, 2] : null };
  const order = (phases.match(/L\d/g) ?? []).flatMap((name) => phaseIndexes[name] ?? []);
  return { loads: [order.includes(0), order.includes(1), order.includes(2)], order };
}
