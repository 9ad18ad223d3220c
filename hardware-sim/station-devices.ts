import type { IoBoardSettings } from './io/io-settings.ts';
import type { LineSettings } from './line/line-settings.ts';
import type { LockSettings } from './locks/lock-device.ts';
import type { MeterSettings } from './meters/meter-settings.ts';
import type { NetworkSettings } from './network/network-settings.ts';
import type { ReaderSettings } from './readers/reader-settings.ts';

/** The part of a station that says what stands where. */
interface Placed {
  readonly lines: readonly LineSettings[];
  readonly piles: readonly { readonly pileId: string; readonly lineId: string; readonly unit: number }[];
  readonly meters: readonly MeterSettings[];
  readonly locks: readonly LockSettings[];
  readonly io: readonly IoBoardSettings[];
  readonly readers: readonly ReaderSettings[];
  readonly network?: NetworkSettings | undefined;
}

/** What is wrong with one meter, lock or board, and where in the file. */
export interface DeviceProblem {
  readonly path: (string | number)[];
  readonly message: string;
}

/** Checks meters, locks and boards against the lines and piles: unknown lines and piles, doubled ids and addresses, wrong transport. */
export function deviceProblems(station: Placed): readonly DeviceProblem[] {
  const lines = new Map(station.lines.map((line) => [line.lineId, line]));
  const pileIds = new Set(station.piles.map(({ pileId }) => pileId));
  const ids = new Set<string>();
  const addresses = new Set(station.piles.map(({ lineId, unit }) => `${lineId} unit ${unit}`));
  const problems: DeviceProblem[] = [];

  const check = (path: readonly (string | number)[], device: Device): void => {
    const say = (field: string, message: string): void => void problems.push({ path: [...path, field], message });
    const line = lines.get(device.lineId);
    if (line === undefined) say('lineId', `there is no line ${device.lineId}`);
    else if (line.replay !== undefined) say('lineId', `line ${device.lineId} replays a recording`);
    else if (device.raw && line.transport === 'tcp') say('lineId', `${device.id} cannot speak on a Modbus TCP line`);
    if (ids.has(device.id)) say(device.idField, `${device.id} is named twice`);
    if (addresses.has(device.address)) say(device.addressField, `two devices on ${device.address}`);
    if (device.pileId !== undefined && !pileIds.has(device.pileId))
      say(device.pileField, `there is no pile ${device.pileId}`);
    ids.add(device.id);
    addresses.add(device.address);
  };
  const nodeIds = new Set(station.network?.nodes.map(({ nodeId }) => nodeId));
  for (const [index, meter] of station.meters.entries())
    check(['meters', index], { ...ofMeter(meter), ...(nodeIds.has(meter.measures) ? { pileId: undefined } : {}) });
  for (const [index, lock] of station.locks.entries()) check(['locks', index], ofLock(lock));
  for (const [index, board] of station.io.entries()) {
    check(['io', index], ofBoard(board));
    for (const [o, { feeds }] of board.outputs.entries())
      for (const pileId of feeds)
        if (!pileIds.has(pileId))
          problems.push({ path: ['io', index, 'outputs', o, 'feeds'], message: `there is no pile ${pileId}` });
  }
  return [...problems, ...readerProblems(station)];
}

/** A reader speaks when it likes: nothing else is on its line, and nothing keeps its words back. */
function readerProblems(station: Placed): DeviceProblem[] {
  const others = [...station.piles, ...station.meters, ...station.locks, ...station.io].map(({ lineId }) => lineId);
  return station.readers.flatMap(({ readerId, lineId }, index): DeviceProblem[] => {
    const line = station.lines.find((candidate) => candidate.lineId === lineId);
    const say = (field: string, message: string): DeviceProblem[] => [{ path: ['readers', index, field], message }];
    const earlier = station.readers.slice(0, index);
    if (line === undefined) return say('lineId', `there is no line ${lineId}`);
    if (line.transport !== 'serial' || line.replay !== undefined)
      return say('lineId', `a reader needs a serial line that replays nothing, and ${lineId} is none`);
    if (others.includes(lineId) || earlier.some((other) => other.lineId === lineId))
      return say('lineId', `something else is on line ${lineId}`);
    return earlier.some((other) => other.readerId === readerId) ? say('readerId', `${readerId} is named twice`) : [];
  });
}

interface Device {
  readonly id: string;
  readonly idField: string;
  readonly lineId: string;
  readonly address: string;
  readonly addressField: string;
  readonly pileId: string | undefined;
  readonly pileField: string;
  /** It does not speak Modbus. */
  readonly raw: boolean;
}

function ofMeter(meter: MeterSettings): Device {
  const raw = meter.model === 'dlt645-2007';
  const named = raw ? `address ${meter.address}` : `unit ${meter.unit}`;
  return {
    id: meter.meterId,
    idField: 'meterId',
    lineId: meter.lineId,
    address: `${meter.lineId} ${named}`,
    addressField: raw ? 'address' : 'unit',
    pileId: meter.measures,
    pileField: 'measures',
    raw,
  };
}

function ofBoard({ boardId, lineId, unit }: IoBoardSettings): Device {
  return {
    id: boardId,
    idField: 'boardId',
    lineId,
    address: `${lineId} unit ${unit}`,
    addressField: 'unit',
    pileId: undefined,
    pileField: 'outputs',
    raw: false,
  };
}

function ofLock({ lockId, lineId, model, address, pileId }: LockSettings): Device {
  return {
    id: lockId,
    idField: 'lockId',
    lineId,
    address: `${lineId} ${model} ${address}`,
    addressField: 'address',
    pileId,
    pileField: 'pileId',
    raw: true,
  };
}
