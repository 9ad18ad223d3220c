import { z } from 'zod';
import { connectorIdSchema, meterIdSchema, powerNodeIdSchema } from '#shared/ids.ts';
import { isKnownZone } from '#shared/local-time.ts';
import type { AddIssue } from '../devices/profile/checks.ts';

/** The node that every other hangs below: the supply of the site, with `supplyLimitMa`. */
export const ROOT_NODE = 'site';

const perPhaseSchema = z.strictObject({ L1: z.int().min(0), L2: z.int().min(0), L3: z.int().min(0) });

/** In mA: the same for every phase, or one for each. */
const phaseLimitSchema = z.union([z.int().min(0), perPhaseSchema]);
export type PhaseLimit = z.infer<typeof phaseLimitSchema>;

/** From this local time on, until the next band of the list; the last one goes on over midnight. */
const limitBandSchema = z.strictObject({
  from: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as "07:30"'),
  limitMa: phaseLimitSchema,
});
export type LimitBand = z.infer<typeof limitBandSchema>;

const nodeSchema = z.strictObject({
  nodeId: powerNodeIdSchema,
  /** The node that feeds it; left out: the supply of the site. */
  parent: powerNodeIdSchema.default(ROOT_NODE),
  /** What it carries at any time. */
  limitMa: phaseLimitSchema,
  /** Less than that at some times of the day. */
  timeOfDay: z.array(limitBandSchema).min(1).max(48).optional(),
});

/**
 * Which phases of the network a pile loads, in the order of its own L1, L2 and L3. A pile of one phase loads one.
 * `unknown` counts on all of them.
 */
export const phaseOrders = [
  'L1L2L3',
  'L2L3L1',
  'L3L1L2',
  'L1L3L2',
  'L2L1L3',
  'L3L2L1',
  'L1',
  'L2',
  'L3',
  'unknown',
] as const;
export type PhaseOrder = (typeof phaseOrders)[number];

const outletSchema = z.strictObject({
  connectorId: connectorIdSchema,
  node: powerNodeIdSchema.default(ROOT_NODE),
  phases: z.enum(phaseOrders),
  /** A higher one is served first. */
  priority: z.int().min(0).max(9).default(0),
});
export type OutletConfig = z.infer<typeof outletSchema>;

const gridMeterSchema = z.strictObject({
  meterId: meterIdSchema,
  /** It measures everything that this node carries: the piles below it and what else hangs there. */
  node: powerNodeIdSchema.default(ROOT_NODE),
  /** What the piles below the node may take together while the meter cannot be relied on. No default: only the installer knows. */
  fallbackLimitMa: phaseLimitSchema,
  /** Primary over secondary current of its transformers; 1 where the meter tells the primary current by itself. */
  currentRatio: z.int().min(1).max(2000).default(1),
});
export type GridMeterConfig = z.infer<typeof gridMeterSchema>;

/** How the piles of a site share its supply. */
export const powerSchema = z.strictObject({
  /** Less than `supplyLimitMa` for some phases, or at some times of the day. */
  site: z
    .strictObject({
      limitMa: phaseLimitSchema.optional(),
      timeOfDay: z.array(limitBandSchema).min(1).max(48).optional(),
    })
    .default({}),
  nodes: z.array(nodeSchema).max(64).default([]),
  /** Every connector of the site, once. */
  outlets: z.array(outletSchema).min(1).max(64),
  gridMeter: gridMeterSchema.optional(),
  /** IANA zone of the times of day. */
  timezone: z.string().refine(isKnownZone, 'an IANA time zone such as Asia/Shanghai').optional(),
  /** How long a charge keeps its turn where not all can have the least current. */
  turnMinutes: z.int().min(5).max(240).default(15),
  /** The lowest mains voltage at which a DC pile still takes its power; EN 50160: 230 V less 10 %. */
  lowestVoltageV: z.int().min(180).max(230).default(207),
});
export type PowerConfig = z.infer<typeof powerSchema>;

interface Around {
  readonly supplyLimitMa: number;
  readonly piles: readonly { readonly connectorId: string; readonly meterId?: string | undefined }[];
  readonly meters: readonly { readonly meterId: string }[];
}

/** What holds between the `power` part and the rest of a site's file, whatever the profiles say. */
export function checkPower(power: PowerConfig, around: Around, add: AddIssue): void {
  checkNodes(power, around.supplyLimitMa, add);
  checkOutlets(power, around, add);
  checkGridMeter(power, around, add);
  checkTimes(power, add);
}

const isNode = ({ nodes }: PowerConfig, nodeId: string) =>
  nodeId === ROOT_NODE || nodes.some((node) => node.nodeId === nodeId);

function checkNodes(power: PowerConfig, supplyLimitMa: number, add: AddIssue): void {
  const { nodes, site } = power;
  if (site.limitMa !== undefined && largestOf(site.limitMa) > supplyLimitMa)
    add(['power', 'site', 'limitMa'], `not above supplyLimitMa, ${supplyLimitMa}`);
  nodes.forEach(({ nodeId, parent }, i) => {
    const first = nodes.findIndex((other) => other.nodeId === nodeId);
    if (nodeId === ROOT_NODE) add(['power', 'nodes', i, 'nodeId'], `"${ROOT_NODE}" is the supply itself`);
    else if (first < i) add(['power', 'nodes', i, 'nodeId'], `"${nodeId}" is power.nodes.${first} already`);
    if (!isNode(power, parent)) add(['power', 'nodes', i, 'parent'], `no node is named "${parent}"`);
    else if (isInCircle(power, nodeId)) add(['power', 'nodes', i, 'parent'], `"${nodeId}" hangs below itself`);
  });
}

function isInCircle({ nodes }: PowerConfig, nodeId: string): boolean {
  let at = nodeId;
  for (let steps = 0; steps <= nodes.length; steps += 1) {
    const node = nodes.find((candidate) => candidate.nodeId === at);
    if (node === undefined) return false;
    at = node.parent;
  }
  return true;
}

function checkOutlets(power: PowerConfig, { piles }: Around, add: AddIssue): void {
  const { outlets } = power;
  outlets.forEach(({ connectorId, node }, i) => {
    const first = outlets.findIndex((other) => other.connectorId === connectorId);
    if (first < i) add(['power', 'outlets', i, 'connectorId'], `"${connectorId}" is power.outlets.${first} already`);
    if (!piles.some((pile) => pile.connectorId === connectorId))
      add(['power', 'outlets', i, 'connectorId'], `no pile has the connector "${connectorId}"`);
    if (!isNode(power, node)) add(['power', 'outlets', i, 'node'], `no node is named "${node}"`);
  });
  // One that is not said where it hangs would be missing in the sum of its feeder.
  for (const { connectorId } of piles)
    if (!outlets.some((outlet) => outlet.connectorId === connectorId))
      add(['power', 'outlets'], `"${connectorId}" is missing: every connector of the site takes part`);
}

function checkGridMeter(power: PowerConfig, { piles, meters }: Around, add: AddIssue): void {
  const { gridMeter, outlets } = power;
  if (gridMeter === undefined) return;
  const { meterId, node } = gridMeter;
  if (!meters.some((meter) => meter.meterId === meterId))
    add(['power', 'gridMeter', 'meterId'], `no meter is named "${meterId}"`);
  const billed = piles.findIndex((pile) => pile.meterId === meterId);
  if (billed >= 0) add(['power', 'gridMeter', 'meterId'], `"${meterId}" bills for piles.${billed}`);
  if (!isNode(power, node)) add(['power', 'gridMeter', 'node'], `no node is named "${node}"`);
  // What a pile takes is taken off what the meter shows, phase by phase.
  outlets.forEach(({ phases }, i) => {
    if (phases === 'unknown') add(['power', 'outlets', i, 'phases'], 'needed: the grid meter tells phase by phase');
  });
}

function checkTimes({ timezone, nodes, site }: PowerConfig, add: AddIssue): void {
  const lists = [
    { bands: site.timeOfDay, path: ['power', 'site', 'timeOfDay'] },
    ...nodes.map(({ timeOfDay }, i) => ({ bands: timeOfDay, path: ['power', 'nodes', i, 'timeOfDay'] })),
  ];
  for (const { bands = [], path } of lists)
    bands.forEach(({ from }, i) => {
      if (i === 0 && from !== '00:00') add([...path, i, 'from'], 'the first band begins at 00:00');
      const before = bands[i - 1]?.from;
      if (before !== undefined && from <= before) add([...path, i, 'from'], `later than ${before}, the band before it`);
    });
  const isTimed = lists.some(({ bands }) => bands !== undefined);
  if (isTimed && timezone === undefined) add(['power', 'timezone'], 'needed: limits by the time of day have a zone');
}

const largestOf = (limit: PhaseLimit) => (typeof limit === 'number' ? limit : Math.max(limit.L1, limit.L2, limit.L3));
