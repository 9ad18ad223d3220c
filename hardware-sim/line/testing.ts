import { createFaultBoard, type FaultBoard } from '../faults/board.ts';
import { lineNoise } from '../faults/line-noise.ts';
import { seededRandom } from '../faults/random.ts';
import { drawWireEffects } from '../faults/wire-effects.ts';
import { createManualTime, type ManualTime } from '../world/manual-clock.ts';
import { zeroCounters } from './counters.ts';
import { lineSettingsSchema } from './line-settings.ts';
import type { MasterEnd } from './memory-line.ts';
import { openMemoryStationLine } from './open-station-line.ts';
import type { RawDevice } from './raw-device.ts';
import { createSlave, type Slave, type SlaveDevice } from './slave.ts';

/** Reads 0x3a98 from register 0x0101 of unit 1, in RTU. */
export const READ = '010301010001d436';
export const READ_REPLY = '0103023a98ab4e';

/** A device that answers every request with one register of 0x3a98. */
export const oneRegister: SlaveDevice = {
  execute: () => ({ reply: Uint8Array.of(3, 2, 0x3a, 0x98), kind: 'read' }),
};

/** A device that answers a request for one register with the address that was asked for. */
export const addressEcho: SlaveDevice = {
  execute: (request) => ({ reply: Uint8Array.of(3, 2, request[1] ?? 0, request[2] ?? 0), kind: 'read' }),
};

/** What a master has heard, and when. */
export interface Heard {
  readonly atMs: number;
  readonly hex: string;
}

/** A line in memory with a fault board, in simulated time. */
export interface LineBench {
  readonly time: ManualTime;
  readonly board: FaultBoard;
  readonly slave: Slave;
  readonly master: MasterEnd;
  readonly heard: Heard[];
  readonly closed: string[];
  /** Another master's end, opened, with its own ears. */
  connect(): Promise<{ master: MasterEnd; heard: Heard[]; closed: string[] }>;
  write(hex: string): void;
}

/** Opens line `L` with `settings` beside the defaults: a serial line of 19200 baud, turnaround 10 ms, and one device as unit 1. */
export async function openBench(
  settings: Record<string, unknown> = {},
  players: { devices?: Map<number, SlaveDevice>; rawDevices?: RawDevice[]; seed?: number; slave?: Slave } = {},
): Promise<LineBench> {
  const time = createManualTime();
  const board = createFaultBoard(seededRandom(players.seed ?? 1));
  const devices = players.devices ?? new Map([[1, oneRegister]]);
  const slave =
    players.slave ??
    createSlave(
      devices,
      zeroCounters(devices.keys()),
      (unit, functionCode) => drawWireEffects(board, ['line:L', `pile:P${unit}`], functionCode),
      {
        rawDevices: players.rawDevices ?? [],
        drawRawEffects: (deviceId) => drawWireEffects(board, ['line:L', `device:${deviceId}`], 0),
        idleNoise: lineNoise(board, 'L'),
      },
    );
  const shape =
    settings.transport === undefined || settings.transport === 'serial'
      ? { transport: 'serial', baud: 19200, parity: 'even', stopBits: 1 }
      : { host: '127.0.0.1', port: 0, ...(settings.transport === 'tcp' ? {} : { baud: 19200 }) };
  const line = openMemoryStationLine(
    lineSettingsSchema.parse({ lineId: 'L', turnaroundMs: 10, ...shape, ...settings }),
    {
      slave,
      faults: board,
      clock: time.clock,
      scheduler: time.scheduler,
      onError: (error) => {
        throw error;
      },
    },
  );
  const connect = async () => {
    const master = line.line.newMaster();
    const heard: Heard[] = [];
    const closed: string[] = [];
    await master.open({
      onBytes: (bytes) => heard.push({ atMs: time.clock.monoMs(), hex: Buffer.from(bytes).toString('hex') }),
      onClosed: (reason) => closed.push(reason),
    });
    return { master, heard, closed };
  };
  const first = await connect();
  const write = (hex: string): void => first.master.write(Buffer.from(hex, 'hex'));
  return { time, board, slave, connect, write, ...first };
}

/** The read of one register at `address` from `unit`, as MBAP with its transaction. */
export function mbapRead(transactionId: number, address: number, unit = 1): string {
  const word = (value: number): string => value.toString(16).padStart(4, '0');
  return `${word(transactionId)}00000006${unit.toString(16).padStart(2, '0')}03${word(address)}0001`;
}
