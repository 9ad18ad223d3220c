import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

// Processes, disks and clocks that take their time, minutes of it: `npm run test:long`.
const long = [
  'test/storage/**/*.test.ts',
  'test/clock/**/*.test.ts',
  'test/stand/{cards,charge-target,hung-field,maintenance,site-change,systemd}.test.ts',
  'test/torture/{kills,outage}.test.ts',
  'test/torture/{api/api,sync/sync}.test.ts',
  'test/e2e/{field-devices,ingest-processes,local-charge,mosquitto-identity,rollout,sandbox-faults}.test.ts',
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
// How soon all of a crowd are answered is asked of a machine with nothing else to do.
const crowds = ['test/e2e/many-starts.test.ts'];
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

// Real lines, native addons, whole programs, and what a process holds: each file has a process of its own, with which all of it is closed.
const onRealLines = [
  'test/contract/message-lengths.test.ts',
  'hardware-sim/line/**/*.test.ts',
  'edge/link/**/*.test.ts',
  'test/{e2e,faults,line,stand,store,sync,torture}/**/*.test.ts',
];
/** Files whose tests end what they begin share processes: loading everything anew for each of them takes half of the processor's time. */
const oneProcess = { isolate: false };

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 120_000,
    // What is polled for comes in milliseconds; a machine with too much to do may take its time, and that is no failure.
    expect: { poll: { timeout: 15_000 } },
    env: { NODE_COMPILE_CACHE: compileCache },
    pool: 'forks',
    // More than there are processors at a station's size of machine: tests wait more than they work.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    reporters: process.env.CI === 'true' ? ['default', './test/count-reporter.ts'] : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'embedded',
          include: ['{shared,edge,cloud,hardware-sim,scripts,test}/**/*.test.ts'],
          exclude: [...onPostgresql, ...onRealLines, ...long, ...crowds, ...fullSite],
          ...oneProcess,
        },
      },
      { extends: true, test: { name: 'lines', include: onRealLines, exclude: [...long, ...crowds, ...fullSite] } },
      {
        extends: true,
        test: {
          name: 'long',
          include: long,
          // They wait for real devices and processes nearly all of the time: a file needs a fifth of a processor.
          maxWorkers: 5,
          sequence: { groupOrder: 1 },
        },
      },
      { extends: true, test: { name: 'crowds', include: crowds, maxWorkers: 1, sequence: { groupOrder: 2 } } },
      { extends: true, test: { name: 'site', include: fullSite, maxWorkers: 1, sequence: { groupOrder: 3 } } },
      {
        extends: true,
        test: {
          name: 'postgresql',
          include: [...onPostgresql, ...onBothEngines],
          ...oneProcess,
          globalSetup: './test/postgresql-setup.ts',
        },
      },
    ],
  },
});
