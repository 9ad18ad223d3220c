import type { TestProject } from 'vitest/node';
import { makeTemplateOnServer } from '../cloud/testing/database-template.ts';
import { startPostgres } from './e2e/engines.ts';

/** One PostgreSQL server for all test files of the project; each file has a database of its own on it, copied from a migrated one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  await makeTemplateOnServer(server.url);
  project.provide('postgresqlUrl', server.url);
  return () => server.stop();
}
