import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { disagreements, figuresTable } from './start/figures.ts';
import { type Station, startStation } from './start/station.ts';
import { Story } from './start/story.ts';
import { walk } from './start/walk.ts';
import { WebhookReceiver } from './start/webhook-receiver.ts';

/** Each start is a fresh demonstration: its records are thrown away by the next one. */
const FOLDER = join(import.meta.dirname, '..', 'var', 'demo');
const PID_FILE = join(FOLDER, 'pid');
const KEY_FILE = join(FOLDER, 'partner-key.json');
const HTTP_PORT = 8080;
const MQTT_PORT = 1883;
const CHARGE_MS = 30_000;
const EXIT_INTERRUPTED = 130;
const WALK = { connectorId: 'DEMO-A1', pileId: 'A1' };

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** @throws Error when another demonstration runs in the same folder */
function claimFolder(): void {
  if (existsSync(PID_FILE) && isAlive(Number(readFileSync(PID_FILE, 'utf8')))) {
    throw new Error(
      `a demonstration runs already (process ${readFileSync(PID_FILE, 'utf8')}); end it with Ctrl-C first`,
    );
  }
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(PID_FILE, String(process.pid));
}

/** The usual port if it is free, any free one otherwise (0). */
function freeOr0(port: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(port)));
  });
}

function tellWhere(story: Story, station: Station): void {
  const { httpUrl, brokerUrl } = station.cloud.ready;
  const here = (path: string) => relative(process.cwd(), path) || '.';
  story.say(`
  API            ${httpUrl}/v1
  documentation  ${httpUrl}/docs
  broker         ${brokerUrl}
  simulator      ${station.simulator.ready.controlUrl}/truth
  logs           ${here(join(FOLDER, 'logs'))}/{edge,cloud,hardware-sim}.log
  sandbox key    ${here(KEY_FILE)} (docs/partner-guide.md shows how to sign with it)
  on the site    node_modules/.bin/node edge/cli/pilectl.ts --data ${here(join(FOLDER, 'edge', 'data'))} status
`);
}

async function run(isOnce: boolean): Promise<number> {
  const story = new Story(process.stdout);
  claimFolder();
  const interrupted = Promise.withResolvers<'interrupted'>();
  let isInterrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      isInterrupted = true;
      interrupted.resolve('interrupted');
    });
  }
  const receiver = await WebhookReceiver.listen();
  let station: Station | null = null;
  try {
    story.say('Pilegate: simulated piles, edge, broker and cloud are starting, each as its own process.');
    station = await startStation({
      folder: FOLDER,
      httpPort: isOnce ? 0 : await freeOr0(HTTP_PORT),
      mqttPort: isOnce ? 0 : await freeOr0(MQTT_PORT),
      webhookHostPort: receiver.hostPort,
    });
    writeFileSync(KEY_FILE, `${JSON.stringify(station.key)}\n`, { mode: 0o600 });
    const done = walk(station, receiver, { ...WALK, chargeForMs: CHARGE_MS }, story);
    const outcome = await Promise.race([done, interrupted.promise]);
    if (outcome === 'interrupted') return EXIT_INTERRUPTED;
    story.say(`\n${figuresTable(outcome)}\n`);
    const problems = disagreements(outcome);
    for (const problem of problems) story.say(`  does not agree: ${problem}`);
    if (problems.length === 0)
      story.say("  All figures agree: energy within the meter's resolution of 1 Wh, money to the cent.");
    if (isOnce) return problems.length === 0 ? 0 : 1;
    tellWhere(story, station);
    story.say('It stays up. End it with Ctrl-C.');
    await Promise.race([interrupted.promise, unexpectedEnd(station)]);
    return problems.length === 0 ? 0 : 1;
  } catch (error) {
    // Ctrl-C reaches every process of the terminal: what breaks because of it is not a failure.
    if (isInterrupted) return EXIT_INTERRUPTED;
    throw error;
  } finally {
    story.say('Ending.');
    await station?.stop();
    await receiver.close();
    rmSync(PID_FILE, { force: true });
  }
}

/** Rejects when one of the processes ends by itself. */
async function unexpectedEnd(station: Station): Promise<never> {
  const name = await Promise.race(
    [station.cloud, station.edge, station.simulator].map(async (child) => `${child.name} ended (${await child.ended})`),
  );
  throw new Error(`${name}; see its log`);
}

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
try {
  process.exitCode = await run(values.once);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
