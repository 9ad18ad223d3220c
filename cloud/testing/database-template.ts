import { readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, sql } from 'kysely';
import { sha256Hex } from '../canonical-json.ts';
import { connect, type Db } from '../db/connect.ts';
import { INT8_OID, parseInt8 } from '../db/int8.ts';
import { type Migration, migrate, readMigrations } from '../db/migrate.ts';
import type { Database } from '../db/schema.ts';
import { systemRandom } from '../random.ts';

export const migrationsFolder = join(import.meta.dirname, '..', 'db', 'migrations');

const parsers = { [INT8_OID]: parseInt8 };

export const kyselyOf = (pglite: PGlite): Db => new Kysely<Database>({ dialect: new PGliteDialect({ pglite }) });

/** A copy of a migrated database in the system's folder for such things; another schema has another name. */
const templatePath = (migrations: readonly Migration[]): string =>
  join(tmpdir(), `pilegate-test-database-${sha256Hex(migrations.map(({ name, sha256 }) => name + sha256).join())}.tar`);

async function makeTemplate(migrations: readonly Migration[], path: string): Promise<Uint8Array<ArrayBuffer>> {
  const pglite = await PGlite.create({ parsers });
  await migrate(kyselyOf(pglite), migrations, 0);
  const bytes = new Uint8Array(await (await pglite.dumpDataDir('none')).arrayBuffer());
  await pglite.close();
  // Written under another name first: test files that run side by side see all of it, or nothing.
  const partial = `${path}.${systemRandom.uuid()}`;
  await writeFile(partial, bytes);
  await rename(partial, path);
  return bytes;
}

/** A migrated PGlite in memory. Setting one up takes seconds, so all but the first are loaded from a copy. */
export async function openMigrated(migrations: readonly Migration[]): Promise<PGlite> {
  const path = templatePath(migrations);
  const bytes = await readFile(path).catch(() => makeTemplate(migrations, path));
  return PGlite.create({ parsers, loadDataDir: new Blob([new Uint8Array(bytes)]) });
}

const SERVER_TEMPLATE = 'test_template';
const fail = (error: Error): never => {
  throw error;
};

/** Runs one statement on the server, over a connection of its own. */
async function once(serverUrl: string, statement: string): Promise<void> {
  const server = await connect({ engine: 'postgresql', url: serverUrl }, fail);
  await sql.raw(statement).execute(server);
  await server.destroy();
}

function open(serverUrl: string, name: string): Promise<Db> {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return connect({ engine: 'postgresql', url: url.href }, fail);
}

/** Makes the migrated database that {@link openOnServer} copies. Once per server. */
export async function makeTemplateOnServer(serverUrl: string): Promise<void> {
  await once(serverUrl, `create database ${SERVER_TEMPLATE}`);
  const db = await open(serverUrl, SERVER_TEMPLATE);
  await migrate(db, await readMigrations(migrationsFolder), 0);
  await db.destroy();
}

/** A new migrated database on a server that is thrown away afterwards: a copy, which takes a fifth of the time. */
export async function openOnServer(serverUrl: string): Promise<Db> {
  const name = `test_${systemRandom.bytes(8).toString('hex')}`;
  await once(serverUrl, `create database ${name} template ${SERVER_TEMPLATE}`);
  return open(serverUrl, name);
}
