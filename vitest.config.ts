import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// Processes, disks and clocks that take their time, minutes of it: `npm run test:long`.
const long = [
  'test/storage/**/*.test.ts',
  'test/clock/**/*.test.ts',
  'test/stand/{cards,charge-target,hung-field,maintenance,site-change,systemd}.test.ts',
  'test/torture/{kills,outage}.test.ts',
  'test/torture/{api/api,sync/sync}.test.ts',
  'test/e2e/{field-devices,ingest-processes,local-charge,many-starts,mosquitto-identity,rollout,sandbox-faults}.test.ts',
  'test/line/{card-reader,late-replies}.test.ts',
  'test/faults/{io,interlocks-lasting}.test.ts',
  'test/rating/oracle-many.test.ts',
  'test/stand/occupancy.test.ts',
  'test/power/rush-hour.test.ts',
  'test/contract/data-budget.test.ts',
  'test/drain/drain.test.ts',
  'test/sync/second-way.test.ts',
  'test/store/restored-cloud.test.ts',
  'test/sim/*.test.ts',
  'test/fuzz/fuzz.test.ts',
  'test/security/{fields,rights}.test.ts',
];
// A full site for a quarter of an hour, alone on the machine: `npm run test:site`.
const fullSite = ['test/power/{grid,turns}.test.ts'];
/** Programs that tests start are compiled once: beginning the second of a kind takes half of the processor's time. */
const compileCache = join(import.meta.dirname, 'node_modules/.cache/compile');
// The engine that stations run on. What the embedded one could understand otherwise (types, ingest, money, the order of things) is asked of both.
const onPostgresql = [
  'cloud/{alarms,alerts,audit,documents,keys,limits,metrics,partners,reservations,rollouts,samples,sandbox,sites,staff,stations,streaming,tickets}/**/*.test.ts',
  'cloud/webhooks/{endpoints,replay}.test.ts',
  'cloud/**/*.postgresql.test.ts',
];
const onBothEngines = ['cloud/{db,ingest,operations,orders}/**/*.test.ts', 'cloud/webhooks/delivery*.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 120_000,
    // What is polled for comes in milliseconds; a machine with too much to do may take its time, and that is no failure.
    expect: { poll: { timeout: 15_000 } },
    // Each file has a process of its own: native addons and real ports are closed with it.
    pool: 'forks',
    // More than there are processors at a station's size of machine: tests wait more than they work.
    maxWorkers: 3,
    reporters: process.env.CI === 'true' ? ['default', './test/count-reporter.ts'] : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'embedded',
          include: ['{shared,edge,cloud,hardware-sim,scripts,test}/**/*.test.ts'],
          exclude: [...onPostgresql, ...long, ...fullSite],
          env: { NODE_COMPILE_CACHE: compileCache },
        },
      },
      { extends: true, test: { name: 'long', include: long } },
      { extends: true, test: { name: 'site', include: fullSite, maxWorkers: 1 } },
      {
        extends: true,
        test: {
          name: 'postgresql',
          include: [...onPostgresql, ...onBothEngines],
          globalSetup: './test/postgresql-setup.ts',
        },
      },
    ],
  },
});
