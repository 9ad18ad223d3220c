import type { BootClock } from '#shared/stamp.ts';
import type { OccupancyRecord } from '#shared/wire/occupancy.ts';
import {
  type ConnectorState,
  type Context,
  type Decision,
  type LedgerTransaction,
  type Order,
  sessionOf,
  stay,
} from './connector.ts';
import { isStale, type Occupancy, occupancyRecord, occupiedUntil, repairOccupancy } from './occupancy.ts';

const put = (connectorId: string, occupancy: Occupancy): Order => ({
  kind: 'commit',
  answer: null,
  transaction: { session: null, records: [], occupancy: { connectorId, occupancy } },
});

/** What is stored when a vehicle does not stay any longer: its row is gone, and its record on the way, together. */
export function occupancyOver(occupancy: Occupancy, endedBy: OccupancyRecord['endedBy']): LedgerTransaction {
  const record = occupancyRecord(occupancy, endedBy);
  const { connectorId } = occupancy.about;
  return {
    session: null,
    records: record === null ? [] : [{ kind: 'occupancy.ended', occupancy: record }],
    occupancy: { connectorId, occupancy: null },
  };
}

/**
 * A fresh look at a connector where the vehicle of the last charge may still stand. While a record waits for the disk, and
 * when the next charge has begun, it is not counted on. A start that comes to nothing changes nothing.
 */
export function stillOccupied(state: ConnectorState, { now }: Context): Decision {
  const { occupancy, reading, phase } = state;
  const isCounting = phase.kind !== 'closing' && !hasBegun(state);
  const isThere = reading?.status === 'plugged' || reading?.status === 'charging';
  if (occupancy === null || !isCounting || !isThere) return stay(state);
  const seen = occupiedUntil(occupancy, now);
  if (seen === null) return over(state, occupancy, 'unseen');
  if (!isStale(occupancy, now)) return stay({ ...state, occupancy: seen });
  const stored = { ...seen, stored: now };
  return { state: { ...state, occupancy: stored }, orders: [put(occupancy.about.connectorId, stored)] };
}

/** Another charge than that of the stay, and not only the wish for one. */
const hasBegun = ({ phase }: ConnectorState): boolean => sessionOf(phase)?.confirmed === true;

/** The gun is out, or another charge has begun with it in: what the stay costs is known. */
export function occupancyEnds(state: ConnectorState): Decision {
  const { occupancy, reading, phase } = state;
  if (occupancy === null || phase.kind === 'closing') return stay(state);
  const isNext = hasBegun(state);
  if (!isNext && reading?.status !== 'unplugged') return stay(state);
  return over(state, occupancy, isNext ? 'next-charge' : 'unplugged');
}

const over = (state: ConnectorState, occupancy: Occupancy, endedBy: OccupancyRecord['endedBy']): Decision => ({
  state: { ...state, occupancy: null },
  orders: [{ kind: 'commit', answer: null, transaction: occupancyOver(occupancy, endedBy) }],
});

/** More is known of this boot's clock: what was told of the stay is told again on disk. */
export function occupancyRestamped(state: ConnectorState, clock: BootClock): Decision {
  const { occupancy, phase } = state;
  const repaired = occupancy === null ? null : repairOccupancy(occupancy, clock);
  if (repaired === null || repaired === occupancy) return stay(state);
  const orders = phase.kind === 'closing' ? [] : [put(repaired.about.connectorId, repaired)];
  return { state: { ...state, occupancy: repaired }, orders };
}
