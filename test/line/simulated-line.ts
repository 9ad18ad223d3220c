import type { ByteStream } from '../../edge/bus/byte-stream.ts';
import { type OpenedLine, rtuLine } from '../../edge/bus/open-line.ts';
import { silenceMsAt } from '../../edge/bus/serial-time.ts';
import { ManualTime } from '../../edge/bus/testing.ts';
import { zeroCounters } from '../../hardware-sim/line/counters.ts';
import { lineService, type ServiceSettings } from '../../hardware-sim/line/line-service.ts';
import { createMemoryLine, type MemoryLine } from '../../hardware-sim/line/memory-line.ts';
import { answerPdu, exceptionPdu } from '../../hardware-sim/line/pdu.ts';
import { type ReadOutcome, refuse } from '../../hardware-sim/line/register-image.ts';
import { createSlave, type Slave, type SlaveDevice } from '../../hardware-sim/line/slave.ts';
import { transmissionMs } from '../../hardware-sim/line/timing.ts';
import type { WireEffects } from '../../hardware-sim/line/wire-damage.ts';
import type { MonoClock, Scheduler } from '../../hardware-sim/world/clock.ts';

/** A word that says where it comes from: no two registers of a test have the same. Units to 7, addresses below 4096. */
export const wordAt = (unit: number, fc: number, address: number): number =>
  ((unit & 7) << 13) | (fc === 3 ? 0x1000 : 0) | (address & 0xfff);

export const wordsAt = (unit: number, fc: number, address: number, count: number): string =>
  Array.from({ length: count }, (_, i) => wordAt(unit, fc, address + i)).join(' ');

/** A device whose registers all say where they are. `accepts` is its map: what it refuses is answered with exception 2. */
export function tellingDevice(
  unit: number,
  accepts: (fc: number, address: number, count: number) => boolean = () => true,
): SlaveDevice {
  const read =
    (fc: number) =>
    (address: number, count: number): ReadOutcome =>
      accepts(fc, address, count)
        ? { ok: true, words: Array.from({ length: count }, (_, i) => wordAt(unit, fc, address + i)) }
        : refuse(2);
  const image = {
    functions: new Set([3, 4, 6]),
    readHolding: read(3),
    readInput: read(4),
    writeHolding: () => ({ ok: true, apply: () => {} }) as const,
  };
  return {
    execute: (request, how) =>
      how.exceptionCode === undefined
        ? answerPdu(request, image, true)
        : { reply: exceptionPdu(request[0] ?? 0, how.exceptionCode), kind: 'exception' },
  };
}

export function slaveOf(
  devices: ReadonlyMap<number, SlaveDevice>,
  drawEffects: (unit: number, functionCode: number) => WireEffects,
): Slave {
  return createSlave(devices, zeroCounters(devices.keys()), drawEffects);
}

/** The simulator's scheduler on the edge's manual time. */
export const schedulerOn = (time: ManualTime): Pick<Scheduler, 'at'> => ({
  at: (dueMonoMs, run) => time.after(Math.max(0, dueMonoMs - time.monoMs()), run),
});

export interface SimulatedLine extends OpenedLine {
  readonly time: ManualTime;
  readonly wire: MemoryLine;
}

export type RtuSettings = Exclude<ServiceSettings, { transport: 'tcp' }>;

/** The edge's line and the simulator's in simulated time, without any device of the operating system. */
export function simulatedLine(
  settings: RtuSettings,
  slave: Slave,
  onSent: (bytes: Uint8Array, atMs: number) => void = () => {},
): SimulatedLine {
  const time = new ManualTime();
  const clock: MonoClock = time;
  const scheduler = schedulerOn(time);
  const wire = createMemoryLine('L1', lineService(settings, slave, clock, scheduler), clock, scheduler);
  const stream: ByteStream = wire.newMaster();
  const opened = rtuLine({
    lineId: 'L1',
    stream,
    silenceMs: silenceMsAt(settings.baud),
    wireMs: (bytes) => transmissionMs(settings.baud, bytes),
    hasTransactionIds: false,
    reconnectAfterFailures: settings.transport === 'serial' ? null : 3,
    clock: time,
    timers: time,
    fineTimers: time,
    tap: (direction, bytes) => {
      if (direction === 'sent') onSent(bytes, time.monoMs());
    },
  });
  return { ...opened, time, wire };
}
