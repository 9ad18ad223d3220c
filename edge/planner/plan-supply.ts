import type { SiteConfig } from '../config/site.ts';
import type { SiteDevices } from '../config/site-devices.ts';
import { ROOT_NODE } from '../config/site-power.ts';
import { type Fallback, fallbackOf } from '../devices/profile/fallback.ts';
import { type Network, type Outlet, type PerPhase, PHASES } from '../power/network.ts';
import { networkOf, perPhase } from '../power/network-of.ts';

/** A pile without its controller. */
export type FallbackCurrent = Fallback & { readonly pileId: string };

/** One node of the network, and what its piles ask of it. Per phase. */
export interface NodePlan {
  readonly nodeId: string;
  /** Place in the site's file. */
  readonly path: string;
  readonly limitMa: PerPhase;
  /** What its piles may take together while there is no edge: less than the limit where a grid meter keeps room for the rest. */
  readonly theirsMa: PerPhase;
  /** All piles in fallback at once. */
  readonly fallbackMa: PerPhase;
  /** All piles at their limits at once. */
  readonly fullMa: PerPhase;
  readonly piles: readonly FallbackCurrent[];
}

export interface SupplyPlan {
  /** The supply itself first. */
  readonly nodes: readonly NodePlan[];
  readonly piles: readonly FallbackCurrent[];
}

/** Adds up what the piles take when the edge is gone: nobody is left to share the supply between them then. */
export function planSupply(site: SiteConfig, devices: SiteDevices): SupplyPlan {
  const network = networkOf(site, devices);
  const piles = devices.piles.map(({ config, profile }) => ({
    pileId: config.pileId,
    connectorId: config.connectorId,
    ...fallbackOf(profile, config.limitMa),
  }));
  const below = (node: number) =>
    network.outlets
      .filter(({ path }) => path.includes(node))
      .flatMap((outlet) => {
        const pile = piles.find(({ connectorId }) => connectorId === outlet.connectorId);
        return pile === undefined ? [] : [{ outlet, pile }];
      });
  return {
    nodes: network.nodes.map((node, index) => {
      const own = below(index);
      return {
        nodeId: node.nodeId,
        path: pathOf(site, node.nodeId),
        limitMa: node.limitMa,
        theirsMa: theirsOf(site, network, index),
        fallbackMa: sum(own.map(({ outlet, pile }) => drawnBy(outlet, pile.currentMa))),
        fullMa: sum(own.map(({ outlet }) => drawnBy(outlet, outlet.maxMa))),
        piles: own.map(({ pile: { connectorId: _, ...pile } }) => pile),
      };
    }),
    piles: piles.map(({ connectorId: _, ...pile }) => pile),
  };
}

const phases = (of: (phase: 0 | 1 | 2) => number): PerPhase => [of(0), of(1), of(2)];
const sum = (currents: readonly PerPhase[]): PerPhase =>
  phases((phase) => currents.reduce((total, current) => total + current[phase], 0));
const drawnBy = ({ loads, drawPermille }: Outlet, ma: number): PerPhase =>
  phases((phase) => (loads[phase] ? Math.ceil((ma * drawPermille) / 1000) : 0));

function pathOf({ power }: SiteConfig, nodeId: string): string {
  if (nodeId === ROOT_NODE) return power?.site.limitMa === undefined ? 'supplyLimitMa' : 'power.site.limitMa';
  return `power.nodes.${power?.nodes.findIndex((node) => node.nodeId === nodeId)}.limitMa`;
}

/** Without the edge nobody reads the meter either. */
function theirsOf({ power }: SiteConfig, { nodes }: Network, index: number): PerPhase {
  const { nodeId, limitMa } = nodes[index] ?? { nodeId: '', limitMa: [0, 0, 0] as const };
  if (power?.gridMeter?.node !== nodeId) return limitMa;
  const fallbackMa = perPhase(power.gridMeter.fallbackLimitMa);
  return phases((phase) => Math.min(limitMa[phase], fallbackMa[phase]));
}

/** The phase on which most is missing, or least is left. */
export function worstPhase({ theirsMa, fallbackMa }: NodePlan): 0 | 1 | 2 {
  return PHASES.reduce((worst, phase) =>
    fallbackMa[phase] - theirsMa[phase] > fallbackMa[worst] - theirsMa[worst] ? phase : worst,
  );
}
