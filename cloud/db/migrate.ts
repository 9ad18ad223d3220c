import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { PilegateError } from '#shared/errors.ts';
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
 * Applies the given files that the database does not have yet, in order of their names, in one transaction under an advisory lock.
 * One that comes before others that are applied already is applied all the same: files come from more than one hand.
 *
 * @throws PilegateError `database.newer` when one is applied that is not given, `database.changed` when one has another content
 *   than what was applied; nothing is changed then
 */
export async function migrate(db: Kysely<Database>, migrations: readonly Migration[], nowMs: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(trx);
    await sql`create table if not exists schema_migrations (
      name text primary key, sha256 text not null, applied_at_ms bigint not null)`.execute(trx);
    const rows = await trx.selectFrom('schema_migrations').select(['name', 'sha256']).execute();
    for (const { name, sha256, text } of missing(migrations, new Map(rows.map((row) => [row.name, row.sha256])))) {
      for (const statement of statementsOf(text)) await sql.raw(statement).execute(trx);
      await trx.insertInto('schema_migrations').values({ name, sha256, applied_at_ms: nowMs }).execute();
    }
  });
}

function missing(migrations: readonly Migration[], applied: ReadonlyMap<string, string>): Migration[] {
  const given = new Map(migrations.map((one) => [one.name, one.sha256]));
  const unknown = [...applied.keys()].filter((name) => !given.has(name)).sort();
  if (unknown.length > 0) throw new PilegateError('database.newer', `not known here: ${unknown.join(', ')}`);
  const changed = [...applied].filter(([name, sha256]) => given.get(name) !== sha256).map(([name]) => name);
  if (changed.length > 0) throw new PilegateError('database.changed', `changed since: ${changed.sort().join(', ')}`);
  return migrations.filter(({ name }) => !applied.has(name)).sort((one, other) => (one.name < other.name ? -1 : 1));
}
