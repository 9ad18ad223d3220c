import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { simulate } from './simulation.ts';

/**
 * `npm run sim -- --seed N --days D`: one run in simulated time. What does not hold is told with the last events, and the last
 * line is one JSON object. `--trace` prints everything that happens.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    days: { type: 'string', default: '1' },
    sites: { type: 'string', default: '4' },
    connectors: { type: 'string', default: '2' },
    trace: { type: 'boolean', default: false },
  },
});
const whole = (name: string, text: string): number => {
  const number = Number(text);
  if (!(number > 0)) throw new TypeError(`--${name} is a number above 0`);
  return number;
};
const seed = Number(values.seed);
const days = whole('days', values.days);
const sites = whole('sites', values.sites);
const say = (line: string) => process.stdout.write(`${line}\n`);
const beganMs = performance.now();
const { violations, traceSha256, last, counts } = await simulate({
  seed,
  days,
  sites,
  connectors: whole('connectors', values.connectors),
  ...(values.trace && { onLine: say }),
});
const minutes = (performance.now() - beganMs) / 60_000;
if (violations.length > 0) {
  for (const line of last.slice(-100)) say(line);
  for (const { atMs, invariant, detail } of violations)
    say(`seed ${seed}, ${new Date(atMs).toISOString()}: does not hold: ${invariant}\n  ${detail}`);
}
say(
  `  ${Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')}`,
);
const perMin = Math.round((10 * days * sites) / minutes) / 10;
say(
  JSON.stringify({
    seed,
    days,
    sites,
    site_days_per_min: perMin,
    trace_sha256: traceSha256,
    violations: violations.length,
  }),
);
process.exitCode = violations.length > 0 ? 1 : 0;
