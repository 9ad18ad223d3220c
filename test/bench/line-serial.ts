import type { DeviceTiming, Priority } from '../../edge/bus/exchange.ts';
import type { FrameTap } from '../../edge/bus/line.ts';
import { type OpenedLine, openLine } from '../../edge/bus/open-line.ts';
import { silenceMsAt } from '../../edge/bus/serial-time.ts';
import { fineTimers } from '../../edge/runtime/fine-timers.ts';
import { systemClock, systemTimers } from '../../edge/runtime/system-time.ts';
import { median } from './measure.ts';
import { type SerialStation, startSimulator } from './simulator.ts';

const REGISTERS = 10;
const FIRST_REGISTER = 5;
const WARM_UP = 5;
/** Of each run, the middle one of so many stretches counts. */
const STRETCHES = 9;
/** A reply that a busy machine holds up is no failure here. */
const timing: DeviceTiming = { gapMs: 0, responseTimeoutMs: 5000, slowestReplyMs: 10_000 };

/**
 * How long one read of ten registers takes at least: request and reply of `13 + 2 × 10` characters of 11 bits, a silence
 * before each, and the device. Modbus over serial line V1.02, 2.5.1.
 */
export const readMs = ({ baud, turnaroundMs }: SerialStation): number =>
  ((13 + 2 * REGISTERS) * 11 * 1000) / baud + 2 * silenceMsAt(baud) + turnaroundMs;

export interface SerialFigures {
  /** Requests per second as a share of what the wire allows, in the middle stretch of the run. */
  readonly fraction: number;
  /** The shortest time between two questions, as a multiple of what a read takes at least. */
  readonly shortest: number;
  readonly cpuMsPer1000: number;
}

function openSerial(path: string, baud: SerialStation['baud'], tap: FrameTap): OpenedLine {
  const deps = { clock: systemClock, timers: systemTimers, fineTimers: fineTimers(systemClock, systemTimers), tap };
  return openLine({ lineId: 'L1', transport: 'serial', path, baud, parity: 'even', stopBits: 1 }, deps);
}

/** Keeps every unit asked; the queue is never empty. */
function saturate({ modbus }: OpenedLine, units: number) {
  let isOver = false;
  const request = { fc: 4, address: FIRST_REGISTER, count: REGISTERS } as const;
  const poll = async (unit: number): Promise<void> => {
    while (!isOver) await modbus.request({ unit, priority: 'poll', request, timing });
  };
  const polls = Array.from({ length: units * 2 }, (_, i) => poll(1 + (i % units)));
  return {
    end: () => {
      isOver = true;
      return Promise.all(polls);
    },
  };
}

/** Reads ten registers of every unit in turn as fast as the line carries them. */
export async function measureSerial(station: SerialStation, durationMs: number): Promise<SerialFigures> {
  const simulator = await startSimulator(station);
  const sentMs: number[] = [];
  const opened = openSerial(simulator.path, station.baud, (direction) => {
    if (direction === 'sent') sentMs.push(systemClock.monoMs());
  });
  const cpu = process.cpuUsage();
  const load = saturate(opened, station.units);
  await new Promise((resolve) => setTimeout(resolve, durationMs));
  await load.end();
  const { user, system } = process.cpuUsage(cpu);
  await opened.line.close();
  await simulator.stop();

  const timed = sentMs.slice(WARM_UP);
  const gaps = timed.slice(1).map((atMs, i) => atMs - (timed[i] ?? 0));
  return {
    fraction: readMs(station) / median(meansOf(gaps)),
    shortest: Math.min(...gaps) / readMs(station),
    cpuMsPer1000: (user + system) / sentMs.length,
  };
}

/** The mean of each stretch of the samples. */
function meansOf(samples: readonly number[]): number[] {
  const length = Math.max(1, Math.floor(samples.length / STRETCHES));
  return Array.from({ length: STRETCHES }, (_, i) => samples.slice(i * length, (i + 1) * length))
    .filter((stretch) => stretch.length > 0)
    .map((stretch) => stretch.reduce((sum, sample) => sum + sample, 0) / stretch.length);
}

/** How long stops wait for their first byte while the line is full of polls, in ms. */
export async function measureStops(station: SerialStation, stops: number): Promise<number[]> {
  const simulator = await startSimulator(station);
  let askedMs: number | null = null;
  const waitsMs: number[] = [];
  const opened = openSerial(simulator.path, station.baud, (direction, bytes) => {
    if (direction !== 'sent' || bytes[1] !== 6 || askedMs === null) return;
    waitsMs.push(systemClock.monoMs() - askedMs);
    askedMs = null;
  });
  const load = saturate(opened, station.units);
  const priority: Priority = 'stop';
  for (let i = 0; i < stops; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 60 + Math.random() * 120));
    askedMs = systemClock.monoMs();
    const unit = 1 + (i % station.units);
    // Whether this box takes it by function 6 does not matter here: it waits and goes out all the same.
    await opened.modbus
      .request({ unit, priority, request: { fc: 6, address: 261, word: 0 }, timing })
      .catch((error: { exceptionCode?: number }) => {
        if (error.exceptionCode === undefined || error.exceptionCode === null) throw error;
      });
  }
  await load.end();
  await opened.line.close();
  await simulator.stop();
  return waitsMs;
}
