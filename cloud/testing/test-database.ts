import { inject } from 'vitest';
import type { Db } from '../db/connect.ts';
import { readMigrations } from '../db/migrate.ts';
import { kyselyOf, migrationsFolder, openMigrated, openOnServer } from './database-template.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A PostgreSQL server for tests, with a migrated database to copy; absent where they run on PGlite. */
    postgresqlUrl?: string;
  }
}

/**
 * A migrated PGlite in memory. Setting one up takes seconds, so all but the first are loaded from a copy.
 * In the test project that has a PostgreSQL server, the same tests run on that.
 */
export async function openTestDatabase(): Promise<Db> {
  const serverUrl = inject('postgresqlUrl');
  if (serverUrl !== undefined) return openOnServer(serverUrl);
  return kyselyOf(await openMigrated(await readMigrations(migrationsFolder)));
}
