import type { Difference } from '../documents/differences.ts';
import type { SiteConfig } from './site.ts';
import type { SiteInputConfig, TripOutputConfig } from './site-io.ts';

/**
 * Which connectors must have no charge when a change is applied. Empty: it may be applied while charges run, which go on over the
 * restart of the controller.
 */
export type ChangeEffect = readonly string[];

interface Sites {
  readonly before: SiteConfig;
  readonly after: SiteConfig;
}

/** @returns connectors of either configuration */
export function effectOf({ segments, before: old, after: young }: Difference, sites: Sites): ChangeEffect {
  const [part = '', name = '', key = ''] = segments;
  switch (part) {
    // They only set how much and who; the next decision is made by them.
    case 'supplyLimitMa':
    case 'power':
    case 'access':
    case 'readers':
    case 'storage':
    case 'rules':
    case 'documents':
      return [];
    case 'charge':
      return isTighter(old, young) ? [] : allConnectors(sites);
    case 'lines':
      return key === 'frameLog' ? [] : either(sites, (site) => connectorsOnLine(site, name));
    case 'piles':
      return key === 'limitMa' ? [] : either(sites, (site) => connectorOfPile(site, name));
    case 'meters':
      return either(sites, (site) => billedBy(site, name));
    case 'parking':
      return either(sites, (site) => guardedBy(site, name));
    case 'io':
      return either(sites, (site) => touchedByBoard(site, name));
    default:
      return allConnectors(sites);
  }
}

/** "at once", or "when EAST-A1 has no charge". */
export const describeEffect = (effect: ChangeEffect): string =>
  effect.length === 0 ? 'at once' : `when ${effect.join(', ')} ${effect.length === 1 ? 'has' : 'have'} no charge`;

const isTighter = (old: unknown, young: unknown): boolean =>
  typeof young === 'number' && (typeof old !== 'number' || young < old);

const connectorIdsOf = ({ piles }: SiteConfig) => piles.map(({ connectorId }) => connectorId);
const allConnectors = (sites: Sites) => either(sites, connectorIdsOf);

const either = ({ before, after }: Sites, find: (site: SiteConfig) => readonly string[]): string[] => [
  ...new Set([...find(before), ...find(after)]),
];

const connectorOfPile = ({ piles }: SiteConfig, pileId: string) =>
  piles.filter((pile) => pile.pileId === pileId).map(({ connectorId }) => connectorId);

const billedBy = ({ piles }: SiteConfig, meterId: string) =>
  piles.filter((pile) => pile.meterId === meterId).map(({ connectorId }) => connectorId);

const guardedBy = ({ parking }: SiteConfig, deviceId: string) =>
  parking.filter((device) => device.deviceId === deviceId).map(({ connectorId }) => connectorId);

function touchedByBoard(site: SiteConfig, boardId: string): readonly string[] {
  const board = site.io.find((candidate) => candidate.boardId === boardId);
  const covered = (board?.inputs ?? []).flatMap(({ covers }: SiteInputConfig) =>
    covers === 'all' ? connectorIdsOf(site) : covers,
  );
  return [...covered, ...(board?.outputs ?? []).flatMap(({ trips }: TripOutputConfig) => trips)];
}

/** Everything that hangs on a line, or is billed, guarded or watched over by what does. */
function connectorsOnLine(site: SiteConfig, lineId: string): readonly string[] {
  const isHere = (device: { readonly lineId: string }) => device.lineId === lineId;
  return [
    ...site.piles.filter(isHere).map(({ connectorId }) => connectorId),
    ...site.meters.filter(isHere).flatMap(({ meterId }) => billedBy(site, meterId)),
    ...site.parking.filter(isHere).map(({ connectorId }) => connectorId),
    ...site.io.filter(isHere).flatMap(({ boardId }) => touchedByBoard(site, boardId)),
  ];
}

/** A change, and which of the connectors that it concerns have a charge. */
export interface Obstacle {
  readonly change: Difference;
  readonly connectorIds: readonly string[];
}

/** What keeps changes from being applied now. */
export function obstaclesTo(changes: readonly Difference[], sites: Sites, charging: ReadonlySet<string>): Obstacle[] {
  return changes.flatMap((change) => {
    const connectorIds = effectOf(change, sites).filter((connectorId) => charging.has(connectorId));
    return connectorIds.length === 0 ? [] : [{ change, connectorIds }];
  });
}

/** "waits for the end of the charge at EAST-A1: lines[rtu1].baud changes" */
export function describeObstacles(obstacles: readonly Obstacle[]): string {
  const connectorIds = [...new Set(obstacles.flatMap((obstacle) => obstacle.connectorIds))];
  const paths = obstacles.map(({ change }) => change.path);
  const more = paths.length > 3 ? ` and ${paths.length - 3} more` : '';
  return `waits for the end of the charge at ${connectorIds.join(', ')}: ${paths.slice(0, 3).join(', ')}${more} change`;
}
