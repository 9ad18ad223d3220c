import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import type { Database } from './schema.ts';

/** Any fixed number: processes that start together migrate one after the other. */
const MIGRATION_LOCK = 7_145_301;

export interface Migration {
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
}

/** Reads `NNNN_name.sql` files in order of their numbers. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8');
      return { name, text, sha256: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

/** A file holds statements that end in a semicolon at the end of a line; no functions, so nothing is nested. */
function statementsOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('--'))
    .join('\n')
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/**
 * Brings the schema up to the given files, in one transaction under an advisory lock.
 *
 * @throws Error naming a migration that was changed or removed after it had been applied
 */
export async function migrate(db: Kysely<Database>, migrations: readonly Migration[], nowMs: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(trx);
    await sql`create table if not exists schema_migrations (
      name text primary key, sha256 text not null, applied_at_ms bigint not null)`.execute(trx);
    const applied = await trx.selectFrom('schema_migrations').select(['name', 'sha256']).orderBy('name').execute();
    for (const row of applied) {
      const file = migrations.find((migration) => migration.name === row.name);
      if (file === undefined) throw new Error(`migration ${row.name} is applied, but its file is missing`);
      if (file.sha256 !== row.sha256) throw new Error(`migration ${row.name} was changed after it had been applied`);
    }
    for (const migration of migrations.slice(applied.length)) {
      for (const statement of statementsOf(migration.text)) await sql.raw(statement).execute(trx);
      await trx
        .insertInto('schema_migrations')
        .values({ name: migration.name, sha256: migration.sha256, applied_at_ms: nowMs })
        .execute();
    }
  });
}
