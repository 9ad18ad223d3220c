import type { FaultBoard } from '../faults/board.ts';
import type { MonoClock, Scheduler } from '../world/clock.ts';
import { followPlug, type LinePlug } from './line-plug.ts';
import { lineService } from './line-service.ts';
import type { LineSettings } from './line-settings.ts';
import { createMemoryLine, type MemoryLine } from './memory-line.ts';
import type { OpenLine } from './open-line.ts';
import { openPtyLine } from './pty-line.ts';
import type { Slave } from './slave.ts';
import { openSocketLine } from './socket-line.ts';

/** What a line of a station needs beside its settings. */
export interface LineDeps {
  readonly slave: Slave;
  readonly faults: FaultBoard;
  readonly clock: MonoClock;
  readonly scheduler: Pick<Scheduler, 'at'>;
  /** Hears when a line cannot be closed or opened again. */
  readonly onError: (error: unknown) => void;
}

/** A line whose plug follows the faults of its station. */
export interface StationLine<Line extends OpenLine = OpenLine> {
  readonly line: Line;
  readonly plug: LinePlug;
  close(): Promise<void>;
}

/** Opens a line on a pseudo-terminal or at a port, as its settings say. */
export async function openStationLine(settings: LineSettings, deps: LineDeps): Promise<StationLine> {
  const attach = lineService(settings, deps.slave, deps.clock, deps.scheduler);
  const line =
    settings.transport === 'serial' ? await openPtyLine(settings, attach) : await openSocketLine(settings, attach);
  return withPlug(line, settings, deps);
}

/** Opens the same line in memory, for simulated time: baud rate, turnaround, gateway and faults as in `settings`. */
export function openMemoryStationLine(settings: LineSettings, deps: LineDeps): StationLine<MemoryLine> {
  const attach = lineService(settings, deps.slave, deps.clock, deps.scheduler);
  return withPlug(createMemoryLine(settings.lineId, attach, deps.clock, deps.scheduler), settings, deps);
}

function withPlug<Line extends OpenLine>(line: Line, { lineId }: LineSettings, deps: LineDeps): StationLine<Line> {
  const plug = followPlug(line, lineId, deps.faults, deps.clock, deps.scheduler, deps.onError);
  const close = (): Promise<void> => {
    plug.release();
    return line.close();
  };
  return { line, plug, close };
}
