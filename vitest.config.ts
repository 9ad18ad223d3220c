import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{shared,edge,cloud,hardware-sim,scripts,test}/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Each file has a process of its own: native addons and real ports are closed with it.
    pool: 'forks',
    maxWorkers: 2,
    reporters: process.env.CI === 'true' ? ['default', './test/count-reporter.ts'] : ['default'],
  },
});
