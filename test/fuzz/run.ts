import { parseArgs } from 'node:util';
import { runFuzz } from './run-fuzz.ts';
import { tableOf } from './tally.ts';

/**
 * Sends drawn requests to everything that the cloud answers to, and judges the answers:
 * `npm run fuzz -- --seed 1 --requests 50000 [--engine postgresql | pglite] [--only /v1/orders]`. A table for people, and one JSON object as the last line.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    requests: { type: 'string', default: '50000' },
    engine: { type: 'string', default: 'postgresql' },
    only: { type: 'string' },
  },
});
const engine = values.engine === 'pglite' ? 'pglite' : 'postgresql';
const wish = {
  seed: Number(values.seed),
  requests: Number(values.requests),
  engine,
  only: values.only ?? null,
} as const;
const report = await runFuzz(wish, (line) => process.stderr.write(`${line}\n`));
for (const { index, operation, complaints, answer, curl } of report.failures)
  process.stdout.write(`\nrequest ${index}: ${operation}\n  ${complaints.join('\n  ')}\n  ${answer}\n  ${curl}\n`);
for (const complaint of report.complaints) process.stdout.write(`\n${complaint}\n`);
process.stdout.write(`\noperation, requests, successes, refusals by code:\n${tableOf(report.operations)}\n`);
const brokenOff = Object.entries(report.walks.brokenOff).sort(([, a], [, b]) => b - a);
process.stdout.write(`\nwalks broken off:\n${brokenOff.map(([why, count]) => `${count} ${why}`).join('\n')}\n`);
const { failures, complaints, neverDone, operations, walks, ...numbers } = report;
const kinds = failures.length + complaints.length;
const line = { ...wish, ...numbers, operations: operations.length, walks: walks.begun, whole_walks: walks.whole };
process.stdout.write(`${JSON.stringify({ ...line, never_done: neverDone.length, failures: kinds })}\n`);
process.exitCode = kinds === 0 ? 0 : 1;
