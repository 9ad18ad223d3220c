import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import { formatFrame } from '#shared/frame-log.ts';
import type { DeviceCounters, LineCounters } from '../bus/counters.ts';
import { type OpenedLine, openLine } from '../bus/open-line.ts';
import type { LineConfig } from '../config/site.ts';
import { fineTimers } from './fine-timers.ts';
import { type FrameRecorder, frameRecorder } from './frame-recorder.ts';
import { LinesFile } from './lines-file.ts';

/** A line of the site with the record of what was on it. */
export interface SiteLine extends OpenedLine {
  readonly config: LineConfig;
  readonly frames: FrameRecorder;
  close(): Promise<void>;
}

/** How a line is doing, for the technician. */
export interface LineView {
  readonly lineId: string;
  readonly transport: LineConfig['transport'];
  /** The port or the connection is there. */
  readonly isOpen: boolean;
  /** Share of the time that requests kept the line, 0 to 1, since the process started. */
  readonly utilisation: number;
  readonly counters: LineCounters;
  readonly devices: readonly { readonly device: string; readonly counters: DeviceCounters }[];
}

const BYTES_PER_MB = 1_000_000;

export interface SiteLineDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
}

/** Makes the owner of every line of the site, by line id. */
export function siteLines(configs: readonly LineConfig[], deps: SiteLineDeps): ReadonlyMap<string, SiteLine> {
  return new Map(configs.map((config) => [config.lineId, siteLine(config, deps)]));
}

function siteLine(config: LineConfig, { clock, timers, log }: SiteLineDeps): SiteLine {
  const { lineId, frameLog } = config;
  const lineLog = log.child({ lineId });
  const file =
    frameLog === undefined
      ? null
      : new LinesFile({
          folder: frameLog.folder,
          name: lineId,
          what: 'frames',
          maxBytes: frameLog.maxMb * BYTES_PER_MB,
          log: lineLog,
        });
  const frames = frameRecorder({
    lineId,
    isMbap: config.transport === 'tcp',
    clock,
    record(frame) {
      file?.write(formatFrame(frame));
      if (lineLog.isLevelEnabled('trace')) lineLog.trace({ direction: frame.direction, hex: frame.hex }, 'frame');
    },
  });
  const opened = openLine(config, { clock, timers, fineTimers: fineTimers(clock, timers), tap: frames.tap });
  return {
    ...opened,
    config,
    frames,
    async close() {
      await opened.line.close();
      frames.flush();
      await file?.close();
    },
  };
}

export function viewOfLine({ config, line }: SiteLine, nowMonoMs: number): LineView {
  const { counters } = line;
  const elapsedMs = nowMonoMs - counters.sinceMonoMs;
  return {
    lineId: config.lineId,
    transport: config.transport,
    isOpen: line.isOpen,
    utilisation: elapsedMs > 0 ? Math.min(1, counters.busyMs / elapsedMs) : 0,
    counters: { ...counters },
    devices: [...line.deviceCounters].map(([device, own]) => ({ device, counters: { ...own } })),
  };
}
