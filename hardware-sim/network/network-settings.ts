import { z } from 'zod';
import { idSchema as id } from '../line/line-settings.ts';
import { houseLoadSchema } from './house-load.ts';

/** The conductors of the site's network. */
export const NETWORK_PHASES = ['L1', 'L2', 'L3'] as const;
export type NetworkPhase = (typeof NETWORK_PHASES)[number];

/** What a pile's own terminals L1, L2, L3 are wired to, in that order. A pile with one entry has one phase. */
const wiringSchema = z
  .array(z.enum(NETWORK_PHASES))
  .refine((phases) => phases.length === 1 || phases.length === 3, 'one phase or three')
  .refine((phases) => new Set(phases).size === phases.length, 'each phase once');

export const limitASchema = z.number().positive().max(10_000);

const node = z.strictObject({
  nodeId: id,
  /** The node that feeds it; the first node has none. */
  parent: id.optional(),
  /** Per phase. Time above it is counted; nothing is switched off. */
  limitA: limitASchema.optional(),
  piles: z.array(z.strictObject({ pileId: id, phases: wiringSchema })).default([]),
  loads: z.array(houseLoadSchema).default([]),
});

/** What a station file says about the electrical network of the site: a tree of nodes, each named after the one that feeds it. */
export const networkSchema = z.strictObject({ nodes: z.array(node).min(1) });

export type NetworkSettings = z.infer<typeof networkSchema>;
export type NetworkNodeSettings = NetworkSettings['nodes'][number];

/** What is wrong with a network, and where in it. */
export interface NetworkProblem {
  readonly path: (string | number)[];
  readonly message: string;
}

/** Checks a network against the piles of its station: a tree with one root, every pile known and fed once, every name once. */
export function networkProblems(
  { nodes }: NetworkSettings,
  piles: readonly { readonly pileId: string }[],
): readonly NetworkProblem[] {
  const known = new Set(piles.map(({ pileId }) => pileId));
  const nodeIds = new Set<string>();
  const fed = new Set<string>();
  const problems: NetworkProblem[] = [];
  for (const [n, { nodeId, parent, piles: hanging, loads }] of nodes.entries()) {
    const say = (path: (string | number)[], message: string): void =>
      void problems.push({ path: ['nodes', n, ...path], message });
    if (nodeIds.has(nodeId) || known.has(nodeId)) say(['nodeId'], `${nodeId} is named twice`);
    if (n === 0 && parent !== undefined) say(['parent'], 'nothing feeds the first node');
    if (n > 0 && (parent === undefined || !nodeIds.has(parent))) say(['parent'], `no node ${parent} stands before it`);
    for (const [p, { pileId }] of hanging.entries()) {
      if (!known.has(pileId)) say(['piles', p, 'pileId'], `there is no pile ${pileId}`);
      if (fed.has(pileId)) say(['piles', p, 'pileId'], `pile ${pileId} is fed twice`);
      fed.add(pileId);
    }
    for (const [l, { loadId }] of loads.entries())
      if (loads.findIndex((load) => load.loadId === loadId) !== l)
        say(['loads', l, 'loadId'], `load ${loadId} is named twice`);
    nodeIds.add(nodeId);
  }
  return problems;
}
