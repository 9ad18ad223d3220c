import type { SlaveDevice } from '../line/slave.ts';
import { ALFEN_STATION_UNIT, alfenStation } from './alfen-station.ts';
import { charxControllers } from './charx-controllers.ts';
import type { ModelOptions } from './model-options.ts';
import type { ModelName } from './models.ts';
import type { Pile } from './pile.ts';

/** A pile and where the station file puts it on its line. */
export interface PlacedPile {
  readonly settings: {
    readonly pileId: string;
    readonly model: ModelName;
    readonly unit: number;
    /** Which connector of its device it is, from 1; 1 when left out. */
    readonly socket?: number | undefined;
    readonly options?: ModelOptions | undefined;
  };
  readonly pile: Pile;
}

/** What answers at one unit of a line, and for which piles. */
export interface LineDevice extends SlaveDevice {
  readonly pileIds: readonly string[];
  /** False while none of its piles has mains. */
  powered(): boolean;
}

type Placed = readonly PlacedPile[];

/**
 * The devices of one line by unit. A device with several connectors is several piles: for a CHARX those that share a unit,
 * each with its own `socket`; for an Alfen all on the line, each on its own unit 1 or 2, with the station at unit 200 beside.
 *
 * @throws when two piles claim the same place, or a model that has one connector is given another socket
 */
export function createDevices(piles: Placed): Map<number, LineDevice> {
  const devices = new Map<number, LineDevice>();
  for (const [unit, placed] of byUnit(piles)) devices.set(unit, lineDevice(deviceOf(unit, placed), placed));
  const sockets = piles.filter(({ settings }) => settings.model === 'alfen-ng9xx');
  if (sockets.length > 0) addStation(devices, sockets);
  return devices;
}

function byUnit(piles: Placed): ReadonlyMap<number, PlacedPile[]> {
  const units = new Map<number, PlacedPile[]>();
  for (const placed of piles) units.set(placed.settings.unit, [...(units.get(placed.settings.unit) ?? []), placed]);
  return units;
}

function lineDevice(device: SlaveDevice, placed: Placed): LineDevice {
  return {
    execute: device.execute,
    pileIds: placed.map(({ settings }) => settings.pileId),
    powered: () => placed.some(({ pile }) => pile.powered()),
  };
}

function deviceOf(unit: number, placed: Placed): SlaveDevice {
  if (placed.every(({ settings }) => settings.model === 'phoenix-charx-sec')) return charxControllers(bySocket(placed));
  const [only, second] = placed;
  if (only === undefined || second !== undefined)
    throw new Error(`unit ${unit} has several piles that are no one device`);
  const { pileId, model } = only.settings;
  if (socketOf(only) !== 1)
    throw new Error(`pile ${pileId} is socket ${socketOf(only)}, but ${model} has one per unit`);
  return only.pile;
}

function bySocket(placed: Placed): ReadonlyMap<number, Pile> {
  const connectors = new Map<number, Pile>();
  for (const one of placed) {
    const socket = socketOf(one);
    if (connectors.has(socket)) throw new Error(`pile ${one.settings.pileId} is a second socket ${socket}`);
    connectors.set(socket, one.pile);
  }
  return connectors;
}

function socketOf({ settings }: PlacedPile): number {
  return settings.socket ?? 1;
}

function addStation(devices: Map<number, LineDevice>, sockets: Placed): void {
  if (devices.has(ALFEN_STATION_UNIT))
    throw new Error(`unit ${ALFEN_STATION_UNIT} is taken: an Alfen station answers there`);
  devices.set(
    ALFEN_STATION_UNIT,
    lineDevice(
      alfenStation(
        sockets.map(({ pile }) => pile),
        sockets[0]?.settings.options,
      ),
      sockets,
    ),
  );
}
