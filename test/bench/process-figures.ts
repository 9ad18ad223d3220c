import { readFileSync } from 'node:fs';

/** What Linux tells of a process, all of its threads together. */
export interface ProcessFigures {
  readonly atMs: number;
  /** Processor time, in user and in system mode. */
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly peakRssMb: number;
  /** What it has caused to be written to a disk, by whole pages. A file system in memory counts as none. */
  readonly writtenBytes: number;
}

/** USER_HZ of Linux: what /proc counts in, whatever the kernel's own clock. */
const TICKS_PER_S = 100;
/** Of utime among the fields that follow the program's name. proc(5). */
const UTIME = 11;

export function figuresOf(pid: number): ProcessFigures {
  const text = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8');
  const stat = text('stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[UTIME]) + Number(fields[UTIME + 1]);
  return {
    atMs: performance.now(),
    cpuMs: (ticks * 1000) / TICKS_PER_S,
    rssMb: numberIn(text('status'), 'VmRSS') / 1024,
    peakRssMb: numberIn(text('status'), 'VmHWM') / 1024,
    writtenBytes: numberIn(text('io'), 'write_bytes'),
  };
}

function numberIn(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1];
  if (found === undefined) throw new Error(`this kernel does not tell ${name}`);
  return Number(found);
}
