import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pino } from 'pino';
import { type FrameRecord, parseFrameLog } from '#shared/frame-log.ts';
import { type CliOptions, parseCli, USAGE } from './cli.ts';
import { stationTruth } from './control/routes.ts';
import { openControlServer } from './control/server.ts';
import { openStationLine, type StationLine } from './line/open-station-line.ts';
import { processClock, processScheduler } from './line/real-time.ts';
import { SLICE_MS } from './piles/pile.ts';
import { runScenario } from './scenarios/run-scenario.ts';
import { type Scenario, scenarioSchema } from './scenarios/scenario.ts';
import { loadStation, type Station } from './station.ts';
import { createWorld, type Recordings, type StationWorld } from './world.ts';

const EXIT_LINE_LOST = 1;
const EXIT_BAD_INPUT = 2;
const log = pino({ name: 'hardware-sim' }, pino.destination({ dest: 2, sync: true }));

/** The recordings that lines of the station replay; their paths start at the station file's folder. */
function readRecordings(station: Station, folder: string): Recordings {
  const recordings = new Map<string, readonly FrameRecord[]>();
  for (const { lineId, replay } of station.lines) {
    if (replay === undefined) continue;
    const parsed = parseFrameLog(readFileSync(resolve(folder, replay), 'utf8'));
    if (!parsed.ok) throw new Error(`${replay}, line ${parsed.reason.line}: ${parsed.reason.reason}`);
    recordings.set(lineId, parsed.value);
  }
  return recordings;
}

function readScenario(file: string): Scenario {
  const checked = scenarioSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (checked.success) return checked.data;
  throw new Error(checked.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
}

/** Runs `read`; a file that cannot be used ends the process. */
function orRefuse<T>(file: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    log.fatal({ file, reason: error instanceof Error ? error.message : String(error) }, `${what} refused`);
    process.exit(EXIT_BAD_INPUT);
  }
}

async function openLines(station: Station, world: StationWorld): Promise<ReadonlyMap<string, StationLine>> {
  const onError = (error: unknown): void => {
    log.fatal({ err: error }, 'a line cannot be plugged again');
    process.exit(EXIT_LINE_LOST);
  };
  const time = { clock: processClock, scheduler: processScheduler };
  const lines = new Map<string, StationLine>();
  for (const settings of station.lines) {
    const slave = world.slaves.get(settings.lineId);
    if (slave === undefined) continue;
    const reader = [...world.readers.values()].find(({ lineId }) => lineId === settings.lineId);
    const deps = { slave, reader, faults: world.faults, ...time, onError };
    lines.set(settings.lineId, await openStationLine(settings, deps));
  }
  return lines;
}

async function run(station: Station, options: CliOptions): Promise<void> {
  const seed = options.seed ?? station.seed;
  const folder = dirname(options.stationFile);
  const recordings = orRefuse(options.stationFile, 'recording', () => readRecordings(station, folder));
  const world = orRefuse(options.stationFile, 'station', () => createWorld(station, seed, processClock, recordings));
  const lines = await openLines(station, world);
  const time = { clock: processClock, scheduler: processScheduler };
  const control = await openControlServer(options.controlPort, { world, lines, ...time }, (error) =>
    log.error({ err: error }, 'a control call failed'),
  );
  const stopTicking = processScheduler.every(SLICE_MS, world.advance);

  const shutDown = async (signal: string): Promise<void> => {
    log.info({ signal }, 'closing');
    stopTicking();
    if (options.reportFile !== undefined)
      writeFileSync(options.reportFile, JSON.stringify(stationTruth({ world, clock: processClock })));
    await Promise.all([control.close(), ...[...lines.values()].map((line) => line.close())]);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void shutDown(signal));

  startScenario(world, options.scenarioFile);
  const addresses = [...lines.values()].map(({ line }) => line.address);
  const piles = station.piles.map(({ pileId, model, lineId, unit, socket }) => ({
    pileId,
    model,
    lineId,
    unit,
    socket,
  }));
  process.stdout.write(`${JSON.stringify({ ready: true, controlUrl: control.url, lines: addresses, piles })}\n`);
  log.info({ stationId: station.stationId, seed, controlUrl: control.url }, 'station is up');
}

/** A scenario's steps count from the moment all lines are open. */
function startScenario(world: StationWorld, file: string | undefined): void {
  if (file === undefined) return;
  const scenario = orRefuse(file, 'scenario', () => readScenario(file));
  const running = runScenario(scenario, world, processClock, processScheduler);
  if (running.ok) return;
  log.fatal({ file, problems: running.reason }, 'scenario refused');
  process.exit(EXIT_BAD_INPUT);
}

const cli = parseCli(process.argv.slice(2));
if (!cli.ok) {
  log.fatal({ reason: cli.reason }, USAGE);
  process.exit(EXIT_BAD_INPUT);
}
const loaded = loadStation(cli.options.stationFile);
if (!loaded.ok) {
  log.fatal({ file: loaded.file, problems: loaded.problems }, 'station file refused');
  process.exit(EXIT_BAD_INPUT);
}
await run(loaded.station, cli.options);
