import { measureSerial, measureStops, readMs, type SerialFigures } from './line-serial.ts';
import { measureTcp } from './line-tcp.ts';
import { percentile, round } from './measure.ts';
import type { SerialStation } from './simulator.ts';

const BAUDS = [9600, 19_200, 115_200] as const;
const UNIT_COUNTS = [1, 8, 32];
const TURNAROUNDS_MS = [0, 20];
/** Long enough for some tens of requests on the slowest line. */
const DURATION_MS = 4000;
const STOPS = 150;
const STOP_STATION: SerialStation = { baud: 9600, units: 8, turnaroundMs: 20 };

interface Measured extends SerialFigures {
  readonly station: SerialStation;
}

async function measureAll(): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const baud of BAUDS)
    for (const units of UNIT_COUNTS)
      for (const turnaroundMs of TURNAROUNDS_MS) {
        const station = { baud, units, turnaroundMs };
        const figures = await measureSerial(station, DURATION_MS);
        measured.push({ station, ...figures });
        const what = `${baud} baud, ${units} units, ${turnaroundMs} ms`.padEnd(30);
        process.stdout.write(`  ${what} ${figures.fraction.toFixed(3)}  shortest ${figures.shortest.toFixed(4)}\n`);
        // Faster than the wire would be: then the measurement is wrong, or a silence was cut.
        if (figures.shortest < 1) throw new Error(`${what}: a transaction took less time than its bytes and silences`);
      }
  return measured;
}

/**
 * The line against the formula of its own wire, against other masters over TCP, and how long a stop waits for its first
 * byte while the line is full of polls. The simulator runs in a process of its own.
 */
export async function line(): Promise<Record<string, number | null>> {
  const measured = await measureAll();
  const lowest = (baud: number) =>
    round(Math.min(...measured.filter(({ station }) => station.baud === baud).map(({ fraction }) => fraction)), 3);
  const cpu = measured.find(({ station }) => station.baud === 19_200 && station.units === 8)?.cpuMsPer1000 ?? null;
  const stopWaitsMs = await measureStops(STOP_STATION, STOPS);
  const tcp = await measureTcp();
  if (tcp.libmodbus === null) process.stdout.write('  no C compiler or no libmodbus here: no ratio to it\n');
  return {
    line_fraction_9600: lowest(9600),
    line_fraction_19200: lowest(19_200),
    line_fraction_115200: lowest(115_200),
    tcp_ratio_modbus_serial: round(tcp.overModbusSerial, 3),
    tcp_ratio_libmodbus: tcp.overLibmodbus === null ? null : round(tcp.overLibmodbus, 3),
    stop_wait_p99_ms: round(percentile(stopWaitsMs, 0.99)),
    longest_frame_ms: round(readMs(STOP_STATION)),
    tcp_reads_per_s: Math.round(tcp.own),
    tcp_reads_per_s_modbus_serial: Math.round(tcp.modbusSerial),
    tcp_reads_per_s_libmodbus: tcp.libmodbus === null ? null : Math.round(tcp.libmodbus),
    cpu_ms_per_1000_serial: cpu === null ? null : round(cpu),
    cpu_ms_per_1000_tcp: round(tcp.cpuMsPer1000),
  };
}
