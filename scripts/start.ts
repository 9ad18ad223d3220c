import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { lockFolder } from '../edge/runtime/folder-lock.ts';
import { disagreements, figuresTable } from './start/figures.ts';
import { type Station, startStation } from './start/station.ts';
import { Story } from './start/story.ts';
import { supervise } from './start/supervise.ts';
import { walk } from './start/walk.ts';
import { WebhookReceiver } from './start/webhook-receiver.ts';

/** Each start is a fresh demonstration: its records are thrown away by the next one. */
const FOLDER = join(import.meta.dirname, '..', 'var', 'demo');
const KEY_FILE = join(FOLDER, 'partner-key.json');
const HTTP_PORT = 8080;
const MQTT_PORT = 1883;
const CHARGE_MS = 30_000;
const EXIT_INTERRUPTED = 130;
const WALK = { connectorId: 'DEMO-A1', pileId: 'A1' };

/** The usual port if it is free, any free one otherwise (0). */
function freeOr0(port: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(port)));
  });
}

const here = (path: string) => relative(process.cwd(), path) || '.';

function tellWhere(story: Story, station: Station): void {
  const { httpUrl, brokerUrl, metricsUrl } = station.cloud.ready;
  story.say(`
  API            ${httpUrl}
  documentation  ${httpUrl}/docs
  sandbox key    ${here(KEY_FILE)} (docs/partner-guide.md shows how to sign with it)
  broker         ${brokerUrl}
  metrics        ${metricsUrl}
  simulator      ${station.simulator.ready.controlUrl}/truth
  logs           ${here(join(FOLDER, 'logs'))}/{edge,cloud,hardware-sim}.log
  on the site    node_modules/.bin/node edge/cli/pilectl.ts --data ${here(join(FOLDER, 'edge', 'data'))} status
`);
}

/** Resolves when Ctrl-C is pressed. It reaches every process of the terminal, so what breaks because of it is no failure. */
function interruption(): { signal: Promise<'interrupted'>; isOver: () => boolean } {
  const interrupted = Promise.withResolvers<'interrupted'>();
  let isOver = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      isOver = true;
      interrupted.resolve('interrupted');
    });
  }
  return { signal: interrupted.promise, isOver: () => isOver };
}

async function run(isOnce: boolean): Promise<number> {
  const story = new Story(process.stdout);
  await lockFolder('demo', FOLDER);
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const { signal, isOver } = interruption();
  const receiver = await WebhookReceiver.listen();
  let station: Station | null = null;
  let isEnding = false;
  try {
    story.say('Pilegate: simulated piles, edge, broker and cloud are starting, each as its own process.');
    station = await startStation({
      folder: FOLDER,
      httpPort: isOnce ? 0 : await freeOr0(HTTP_PORT),
      mqttPort: isOnce ? 0 : await freeOr0(MQTT_PORT),
      webhookHostPort: receiver.hostPort,
      hasRig: true,
    });
    writeFileSync(KEY_FILE, `${JSON.stringify(station.key)}\n`, { mode: 0o600 });
    if (!isOnce) tellWhere(story, station);
    const broken = supervise(station, story, () => isEnding || isOver());
    const outcome = await Promise.race([
      walk(station, receiver, { ...WALK, chargeForMs: CHARGE_MS }, story),
      signal,
      broken,
    ]);
    if (outcome === 'interrupted') return EXIT_INTERRUPTED;
    story.say(`\n${figuresTable(outcome)}\n`);
    const problems = disagreements(outcome);
    for (const problem of problems) story.say(`  does not agree: ${problem}`);
    if (problems.length === 0)
      story.say("  All figures agree: energy within the meter's resolution of 1 Wh, money to the cent.");
    if (isOnce) return problems.length === 0 ? 0 : 1;
    tellWhere(story, station);
    story.say('It stays up. End it with Ctrl-C.');
    await Promise.race([signal, broken]);
    return problems.length === 0 ? 0 : 1;
  } catch (error) {
    if (isOver()) return EXIT_INTERRUPTED;
    story.say(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    isEnding = true;
    story.say('Ending.');
    await station?.stop();
    await receiver.close();
  }
}

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
try {
  process.exitCode = await run(values.once);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
