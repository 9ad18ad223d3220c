import { defineConfig } from 'vitest/config';

const onPostgresqlOnly = 'cloud/**/*.postgresql.test.ts';

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Each file has a process of its own: native addons and real ports are closed with it.
    pool: 'forks',
    maxWorkers: 2,
    reporters: process.env.CI === 'true' ? ['default', './test/count-reporter.ts'] : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'embedded',
          include: ['{shared,edge,cloud,hardware-sim,scripts,test}/**/*.test.ts'],
          exclude: [onPostgresqlOnly],
        },
      },
      {
        // The same SQL on the engine that stations run on: what one of them understands otherwise shows here.
        extends: true,
        test: {
          name: 'postgresql',
          include: [
            onPostgresqlOnly,
            'cloud/{db,ingest,operations,orders,partners,staff,stations}/**/*.test.ts',
            'cloud/webhooks/delivery*.test.ts',
          ],
          globalSetup: './test/postgresql-setup.ts',
        },
      },
    ],
  },
});
