import type { FaultBoard } from '../faults/board.ts';
import type { CardReader } from '../readers/card-reader.ts';
import type { MonoClock, Scheduler } from '../world/clock.ts';
import type { Attach } from './byte-end.ts';
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
  /** Speaks on the line in place of the slave. */
  readonly reader?: CardReader | undefined;
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
  const attach = attachOf(settings, deps);
  const line =
    settings.transport === 'serial' ? await openPtyLine(settings, attach) : await openSocketLine(settings, attach);
  return withPlug(line, settings, deps);
}

/** Opens the same line in memory, for simulated time: baud rate, turnaround, gateway and faults as in `settings`. */
export function openMemoryStationLine(settings: LineSettings, deps: LineDeps): StationLine<MemoryLine> {
  const attach = attachOf(settings, deps);
  return withPlug(createMemoryLine(settings.lineId, attach, deps.clock, deps.scheduler), settings, deps);
}

function attachOf(settings: LineSettings, { slave, reader, clock, scheduler }: LineDeps): Attach {
  if (reader !== undefined && settings.transport === 'serial') return reader.serve(settings.baud, clock, scheduler);
  return lineService(settings, slave, clock, scheduler);
}

function withPlug<Line extends OpenLine>(line: Line, { lineId }: LineSettings, deps: LineDeps): StationLine<Line> {
  const plug = followPlug(line, lineId, deps.faults, deps.clock, deps.scheduler, deps.onError);
  const close = (): Promise<void> => {
    plug.release();
    return line.close();
  };
  return { line, plug, close };
}
