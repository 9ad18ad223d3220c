import type { FaultBoard } from './faults/board.ts';
import { stateEffects } from './faults/state-effects.ts';
import { createIoBoard, type IoBoardDevice } from './io/io-board.ts';
import type { RawDevice } from './line/raw-device.ts';
import { createLock, type LockDevice } from './locks/lock-device.ts';
import { createMeter, type Meter } from './meters/meter.ts';
import type { Network } from './network/network.ts';
import type { Pile } from './piles/pile.ts';
import type { Station } from './station.ts';
import type { MonoClock } from './world/clock.ts';

/** What stands on a site beside its piles. */
export interface FieldDevices {
  readonly meters: ReadonlyMap<string, Meter>;
  readonly locks: ReadonlyMap<string, LockDevice>;
}

/**
 * Builds the meters and locks of `station`.
 * @throws when a meter measures a pile or node that is not there
 */
export function createFieldDevices(
  station: Pick<Station, 'meters' | 'locks'>,
  piles: ReadonlyMap<string, Pile>,
  network: Network | undefined,
  faults: FaultBoard,
  clock: MonoClock,
): FieldDevices {
  const meters = new Map<string, Meter>();
  for (const settings of station.meters) {
    const supply = piles.get(settings.measures)?.supply ?? network?.supply(settings.measures);
    if (supply === undefined) throw new Error(`meter ${settings.meterId} measures nothing of this station`);
    const effects = () => stateEffects(faults.stateFaults(`meter:${settings.meterId}`));
    meters.set(settings.meterId, createMeter(settings, supply, effects));
  }
  const locks = new Map<string, LockDevice>();
  for (const settings of station.locks) {
    const effects = () => stateEffects(faults.stateFaults(`lock:${settings.lockId}`));
    locks.set(settings.lockId, createLock(settings, clock, effects));
  }
  return { meters, locks };
}

/** Builds the boards with inputs and relays of `station`. They are there before the piles whose supply they switch. */
export function createIoBoards(
  station: Pick<Station, 'io'>,
  faults: FaultBoard,
  clock: MonoClock,
): ReadonlyMap<string, IoBoardDevice> {
  const effects = (boardId: string) => () => stateEffects(faults.stateFaults(`io:${boardId}`));
  return new Map(
    station.io.map((settings) => [settings.boardId, createIoBoard(settings, clock, effects(settings.boardId))]),
  );
}

/** Devices on `lineId` that do not speak Modbus. */
export function rawDevicesOn({ meters, locks }: FieldDevices, lineId: string): RawDevice[] {
  const metersThere = [...meters.values()].filter((meter) => meter.lineId === lineId);
  const locksThere = [...locks.values()].filter((lock) => lock.lineId === lineId);
  return [...metersThere.flatMap(({ raw }) => (raw === undefined ? [] : [raw])), ...locksThere];
}
