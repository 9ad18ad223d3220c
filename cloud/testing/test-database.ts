import { sql } from 'kysely';
import { inject } from 'vitest';
import { connect, type Db } from '../db/connect.ts';
import { type Migration, migrate, readMigrations } from '../db/migrate.ts';
import { systemRandom } from '../random.ts';
import { kyselyOf, migrationsFolder, openMigrated } from './database-template.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A PostgreSQL server for tests; absent where they run on PGlite. */
    postgresqlUrl?: string;
  }
}

/** A new database on a server that is thrown away afterwards. */
async function openOnServer(serverUrl: string, migrations: readonly Migration[]): Promise<Db> {
  const fail = (error: Error): never => {
    throw error;
  };
  const name = `test_${systemRandom.bytes(8).toString('hex')}`;
  const server = await connect({ engine: 'postgresql', url: serverUrl }, fail);
  await sql.raw(`create database ${name}`).execute(server);
  await server.destroy();
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const db = await connect({ engine: 'postgresql', url: url.href }, fail);
  await migrate(db, migrations, 0);
  return db;
}

/**
 * A migrated PGlite in memory. Setting one up takes seconds, so all but the first are loaded from a copy.
 * In the test project that has a PostgreSQL server, the same tests run on that.
 */
export async function openTestDatabase(): Promise<Db> {
  const migrations = await readMigrations(migrationsFolder);
  const serverUrl = inject('postgresqlUrl');
  if (serverUrl !== undefined) return openOnServer(serverUrl, migrations);
  return kyselyOf(await openMigrated(migrations));
}
