import { parseArgs } from 'node:util';
import { runFuzz } from './run-fuzz.ts';

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
if (report.neverDone.length > 0) process.stdout.write(`\nnever done:\n  ${report.neverDone.join('\n  ')}\n`);
const { failures, complaints, neverDone, ...numbers } = report;
const kinds = failures.length + complaints.length;
process.stdout.write(`${JSON.stringify({ ...wish, ...numbers, never_done: neverDone.length, failures: kinds })}\n`);
process.exitCode = kinds === 0 ? 0 : 1;
