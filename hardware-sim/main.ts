import { pino } from 'pino';
import { parseCli, USAGE } from './cli.ts';
import { openControlServer } from './control/server.ts';
import type { OpenLine } from './line/open-line.ts';
import { openPtyLine } from './line/pty-line.ts';
import { processClock, processScheduler } from './line/real-time.ts';
import type { Slave } from './line/slave.ts';
import { openTcpLine } from './line/tcp-line.ts';
import { SLICE_MS } from './piles/pile.ts';
import { type LineSettings, loadStation, type Station } from './station.ts';
import { createWorld } from './world.ts';

const EXIT_BAD_INPUT = 2;
const log = pino({ name: 'hardware-sim' }, pino.destination({ dest: 2, sync: true }));

function openLine(settings: LineSettings, slave: Slave): Promise<OpenLine> {
  return settings.transport === 'serial'
    ? openPtyLine(settings, slave, processClock, processScheduler)
    : openTcpLine(settings, slave, processClock, processScheduler);
}

async function run(station: Station, seed: number, controlPort: number): Promise<void> {
  const world = createWorld(station, seed, processClock);
  const lines: OpenLine[] = [];
  for (const settings of station.lines) {
    const slave = world.slaves.get(settings.lineId);
    if (slave !== undefined) lines.push(await openLine(settings, slave));
  }
  const addresses = lines.map((line) => line.address);
  const control = await openControlServer(controlPort, { world, addresses, clock: processClock }, (error) =>
    log.error({ err: error }, 'a control call failed'),
  );
  const stopTicking = processScheduler.every(SLICE_MS, world.advance);

  const shutDown = async (signal: string): Promise<void> => {
    log.info({ signal }, 'closing');
    stopTicking();
    await Promise.all([control.close(), ...lines.map((line) => line.close())]);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void shutDown(signal));

  const piles = station.piles.map(({ pileId, model, lineId, unit }) => ({ pileId, model, lineId, unit }));
  process.stdout.write(`${JSON.stringify({ ready: true, controlUrl: control.url, lines: addresses, piles })}\n`);
  log.info({ stationId: station.stationId, seed, controlUrl: control.url }, 'station is up');
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
await run(loaded.station, cli.options.seed ?? loaded.station.seed, cli.options.controlPort);
