import type { TestProject } from 'vitest/node';
import { makeTemplateOnServer } from '../cloud/testing/database-template.ts';
import { startPostgres } from './e2e/engines.ts';

/** Four files at once, some with several processes of a cloud, each of them with a full pool: one that gets no connection is answered 503. */
const CONNECTIONS = 400;

/** One PostgreSQL server for all test files of the project; each file has a database of its own on it, copied from a migrated one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres(CONNECTIONS);
  await makeTemplateOnServer(server.url);
  project.provide('postgresqlUrl', server.url);
  return () => server.stop();
}
