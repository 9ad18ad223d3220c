import type { TestProject } from 'vitest/node';
import { startPostgres } from './e2e/engines.ts';

/** One PostgreSQL server for all test files of the project; each file makes a database of its own on it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  project.provide('postgresqlUrl', server.url);
  return () => server.stop();
}
