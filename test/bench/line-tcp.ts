import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import modbusSerial from 'modbus-serial';
import { openLine } from '../../edge/bus/open-line.ts';
import { fineTimers } from '../../edge/runtime/fine-timers.ts';
import { systemClock, systemTimers } from '../../edge/runtime/system-time.ts';
import { median } from './measure.ts';
import { startProcess } from './start-process.ts';

const ROUNDS = 9;
const READS = 3000;
const WARM_UP = 3000;
const REGISTERS = 10;
const timing = { gapMs: 0, responseTimeoutMs: 1000, slowestReplyMs: 2000 };
const run = promisify(execFile);

export interface TcpFigures {
  /** Reads per second, one after the other: medians of all rounds. */
  readonly own: number;
  readonly modbusSerial: number;
  /** Null when this machine has no C compiler or no libmodbus. */
  readonly libmodbus: number | null;
  readonly overModbusSerial: number;
  readonly overLibmodbus: number | null;
  readonly cpuMsPer1000: number;
}

/** A master that is connected: reads ten registers once. */
interface Reader {
  read(): Promise<unknown>;
  close(): Promise<void>;
}

function ownReader(port: number): Reader {
  const deps = { clock: systemClock, timers: systemTimers, fineTimers: fineTimers(systemClock, systemTimers) };
  const config = { lineId: 'T1', transport: 'tcp', host: '127.0.0.1', port } as const;
  const { line, modbus } = openLine(config, { ...deps, tap: () => {} });
  const request = { fc: 3, address: 100, count: REGISTERS } as const;
  return {
    read: () => modbus.request({ unit: 1, priority: 'poll', request, timing }),
    close: () => line.close(),
  };
}

async function modbusSerialReader(port: number): Promise<Reader> {
  const client = new modbusSerial.default();
  await client.connectTCP('127.0.0.1', { port });
  client.setID(1);
  client.setTimeout(1000);
  return {
    read: () => client.readHoldingRegisters(100, REGISTERS),
    close: () => new Promise((resolve) => client.close(() => resolve())),
  };
}

/** Compiles our client of libmodbus; null where that is not possible. */
async function buildLibmodbusClient(folder: string): Promise<string | null> {
  const program = join(folder, 'client');
  const source = join(import.meta.dirname, 'libmodbus-client.c');
  try {
    await run('cc', ['-O2', '-I/usr/include/modbus', source, '-o', program, '-lmodbus']);
    return program;
  } catch {
    return null;
  }
}

async function readsPerSecond({ read }: Reader): Promise<number> {
  const fromMs = systemClock.monoMs();
  for (let i = 0; i < READS; i += 1) await read();
  return (READS * 1000) / (systemClock.monoMs() - fromMs);
}

/** Sequential reads over loopback from one slave process, by three masters in turn. */
export async function measureTcp(): Promise<TcpFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-bench-'));
  const slave = await startProcess([join(import.meta.dirname, 'mbap-slave.ts')]);
  const { port } = slave.ready as { port: number };
  const program = await buildLibmodbusClient(folder);
  const own = ownReader(port);
  const bare = await modbusSerialReader(port);
  for (let i = 0; i < WARM_UP; i += 1) {
    await own.read();
    await bare.read();
  }
  const rounds: { own: number; bare: number; c: number }[] = [];
  let cpuUs = 0;
  for (let i = 0; i < ROUNDS; i += 1) {
    const cpu = process.cpuUsage();
    const ownRate = await readsPerSecond(own);
    const { user, system } = process.cpuUsage(cpu);
    cpuUs += user + system;
    const bareRate = await readsPerSecond(bare);
    const c = program === null ? Number.NaN : Number((await run(program, [String(port), String(READS)])).stdout);
    rounds.push({ own: ownRate, bare: bareRate, c });
  }
  await own.close();
  await bare.close();
  await slave.stop();
  rmSync(folder, { recursive: true, force: true });
  const hasC = program !== null;
  return {
    own: median(rounds.map((round) => round.own)),
    modbusSerial: median(rounds.map((round) => round.bare)),
    libmodbus: hasC ? median(rounds.map((round) => round.c)) : null,
    overModbusSerial: median(rounds.map((round) => round.own / round.bare)),
    overLibmodbus: hasC ? median(rounds.map((round) => round.own / round.c)) : null,
    cpuMsPer1000: cpuUs / (ROUNDS * READS),
  };
}
