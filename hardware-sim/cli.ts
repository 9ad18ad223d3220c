import { parseArgs } from 'node:util';

/** What the command line asks for. */
export interface CliOptions {
  readonly stationFile: string;
  /** 0 takes a free port. */
  readonly controlPort: number;
  /** Replaces the station file's seed. */
  readonly seed: number | undefined;
  /** Runs as soon as all lines are open. */
  readonly scenarioFile: string | undefined;
  /** Where the truth is written when the process is asked to end. */
  readonly reportFile: string | undefined;
}

/** One line of help. */
export const USAGE =
  'usage: node hardware-sim/main.ts --station <file.json> [--scenario <file.json>] [--control-port N] [--seed N] [--report <file.json>]';

/** Reads `argv` (without node and script). A mistake comes back as a reason. */
export function parseCli(argv: readonly string[]): { ok: true; options: CliOptions } | { ok: false; reason: string } {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        station: { type: 'string' },
        scenario: { type: 'string' },
        'control-port': { type: 'string' },
        seed: { type: 'string' },
        report: { type: 'string' },
      },
    });
    if (values.station === undefined) return { ok: false, reason: '--station is missing' };
    const controlPort = wholeNumber('--control-port', values['control-port'] ?? '0', 65_535);
    const seed = values.seed === undefined ? undefined : wholeNumber('--seed', values.seed, 0xffff_ffff);
    const { station: stationFile, scenario: scenarioFile, report: reportFile } = values;
    return { ok: true, options: { stationFile, controlPort, seed, scenarioFile, reportFile } };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

function wholeNumber(option: string, text: string, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > max) throw new RangeError(`${option} must be a whole number from 0 to ${max}`);
  return value;
}
