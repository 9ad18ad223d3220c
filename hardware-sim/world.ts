import type { FrameRecord } from '#shared/frame-log.ts';
import { createFaultBoard, type FaultBoard, type FaultTarget } from './faults/board.ts';
import { lineNoise } from './faults/line-noise.ts';
import { seededRandom } from './faults/random.ts';
import { stateEffects } from './faults/state-effects.ts';
import { drawWireEffects } from './faults/wire-effects.ts';
import { createFieldDevices, createIoBoards, type FieldDevices, rawDevicesOn } from './field-devices.ts';
import type { IoBoardDevice } from './io/io-board.ts';
import { zeroCounters } from './line/counters.ts';
import type { LineSettings } from './line/line-settings.ts';
import { createReplaySlave } from './line/replay-slave.ts';
import { createSlave, type Slave, type SlaveDevice } from './line/slave.ts';
import { NO_EFFECTS } from './line/wire-damage.ts';
import { createNetwork, type Network } from './network/network.ts';
import { createDevices } from './piles/device.ts';
import { createPile, type Pile } from './piles/pile.ts';
import { type CardReader, createCardReader } from './readers/card-reader.ts';
import type { Station } from './station.ts';
import type { MonoClock } from './world/clock.ts';

/** A whole simulated station without its wires: piles, faults, and one slave per line. */
export interface StationWorld extends FieldDevices {
  readonly piles: ReadonlyMap<string, Pile>;
  readonly io: ReadonlyMap<string, IoBoardDevice>;
  readonly readers: ReadonlyMap<string, CardReader>;
  /** `undefined` when the station file describes none. */
  readonly network: Network | undefined;
  readonly lines: ReadonlyMap<string, LineSettings>;
  readonly slaves: ReadonlyMap<string, Slave>;
  readonly faults: FaultBoard;
  /** The line that `target` is or is on; `undefined` when there is no such target. */
  lineOf(target: FaultTarget): LineSettings | undefined;
  /** Brings the physics of all piles up to the clock's present. */
  advance(): void;
}

/** What plays in place of devices: the recording of each line that replays one. */
export type Recordings = ReadonlyMap<string, readonly FrameRecord[]>;

/**
 * Builds the piles and slaves of `station`. Nothing runs by itself: `advance` must be called every 50 ms or so.
 * @throws when a line replays a recording that is not among `recordings`
 */
export function createWorld(
  station: Station,
  seed: number,
  clock: MonoClock,
  recordings: Recordings = new Map(),
): StationWorld {
  const faults = createFaultBoard(seededRandom(seed));
  const io = createIoBoards(station, faults, clock);
  const piles = new Map<string, Pile>();
  const advancePiles = (): void => {
    for (const pile of piles.values()) pile.advance();
  };
  const network = station.network === undefined ? undefined : createNetwork(station.network, clock, seed, advancePiles);
  for (const settings of station.piles) {
    const isCutOff = () => [...io.values()].some((board) => board.cuts(settings.pileId));
    const effects = () => {
      const own = stateEffects(faults.stateFaults(`pile:${settings.pileId}`));
      return isCutOff() ? { ...own, powerCut: {} } : own;
    };
    const mainsPhases = network?.wiringOf(settings.pileId)?.length === 1 ? 1 : 3;
    const onDraw = network?.listener(settings.pileId);
    piles.set(settings.pileId, createPile({ ...settings, mainsPhases }, clock, effects, onDraw));
  }
  const field = createFieldDevices(station, piles, network, faults, clock);
  const lines = new Map(station.lines.map((line) => [line.lineId, line]));
  const readers = new Map(
    station.readers.map((settings) => {
      const effects = () => drawWireEffects(faults, [`line:${settings.lineId}`], 0);
      return [settings.readerId, createCardReader(settings, effects, lineNoise(faults, settings.lineId))];
    }),
  );
  const slaves = new Map<string, Slave>();
  for (const line of station.lines)
    slaves.set(line.lineId, slaveOf(station, line, piles, { ...field, io }, faults, recordings));
  const advance = (): void => {
    for (const board of io.values()) board.advance();
    if (network === undefined) advancePiles();
    else network.advance();
    for (const device of [...field.meters.values(), ...field.locks.values()]) device.advance();
  };
  const lineIds = new Map<FaultTarget, string>(station.lines.map(({ lineId }) => [`line:${lineId}`, lineId]));
  for (const { pileId, lineId } of station.piles) lineIds.set(`pile:${pileId}`, lineId);
  for (const { meterId, lineId } of station.meters) lineIds.set(`meter:${meterId}`, lineId);
  for (const { lockId, lineId } of station.locks) lineIds.set(`lock:${lockId}`, lineId);
  for (const { boardId, lineId } of station.io) lineIds.set(`io:${boardId}`, lineId);
  const lineOf = (target: FaultTarget) => lines.get(lineIds.get(target) ?? '');
  return { ...field, io, readers, network, piles, lines, slaves, faults, lineOf, advance };
}

function slaveOf(
  station: Station,
  line: LineSettings,
  piles: ReadonlyMap<string, Pile>,
  field: FieldDevices & Pick<StationWorld, 'io'>,
  faults: FaultBoard,
  recordings: Recordings,
): Slave {
  const idleNoise = lineNoise(faults, line.lineId);
  if (line.replay !== undefined) {
    const records = recordings.get(line.lineId);
    if (records === undefined) throw new Error(`there is no recording for line ${line.lineId}`);
    return createReplaySlave(records, { drawEffects: () => draw(faults, line, []), idleNoise });
  }
  const ofLine = station.piles.filter(({ lineId }) => lineId === line.lineId);
  const placed = ofLine.flatMap((settings) => {
    const pile = piles.get(settings.pileId);
    return pile === undefined ? [] : [{ settings, pile }];
  });
  const pileDevices = createDevices(placed);
  const devices = new Map<number, SlaveDevice>(pileDevices);
  const metersHere = [...field.meters.values()].filter((meter) => meter.lineId === line.lineId);
  for (const { modbus } of metersHere) if (modbus !== undefined) devices.set(modbus.unit, modbus.device);
  const boardsHere = [...field.io.values()].filter((board) => board.lineId === line.lineId);
  for (const board of boardsHere) devices.set(board.unit, board);
  const targetsOf = (unit: number): FaultTarget[] => [
    ...(pileDevices.get(unit)?.pileIds ?? []).map((pileId) => `pile:${pileId}` as const),
    ...boardsHere.filter((board) => board.unit === unit).map(({ boardId }) => `io:${boardId}` as const),
    ...metersHere.filter(({ modbus }) => modbus?.unit === unit).map(({ meterId }) => `meter:${meterId}` as const),
  ];
  const isDark = (unit: number): boolean => pileDevices.get(unit)?.powered() === false;
  return createSlave(
    devices,
    zeroCounters(devices.keys()),
    (unit, functionCode) =>
      isDark(unit) ? { ...NO_EFFECTS, silent: true } : draw(faults, line, targetsOf(unit), functionCode),
    {
      rawDevices: rawDevicesOn(field, line.lineId),
      drawRawEffects: (deviceId) => draw(faults, line, [`device:${deviceId}`, `meter:${deviceId}`, `lock:${deviceId}`]),
      turnaroundMsOf: (unit) => ofLine.find((pile) => pile.unit === unit)?.turnaroundMs,
      idleNoise,
    },
  );
}

function draw(faults: FaultBoard, { lineId }: LineSettings, targets: readonly FaultTarget[], functionCode = 0) {
  return drawWireEffects(faults, [`line:${lineId}`, ...targets], functionCode);
}
