import { expect, test } from 'vitest';
import { findMosquitto, isLeftOut } from '../../e2e/engines.ts';
import { tortureSync } from './sync.ts';

/** The share of `npm run torture -- sync` that fits into a test run: this seed kills broker, database, edge and cloud within it. */
const QUICK_SEED = 841;
const MINUTES = 0.6;

const isWithout = isLeftOut(
  findMosquitto(),
  'edge, cloud, broker and database killed',
  'Install it: apt-get install mosquitto',
);

test.skipIf(isWithout)(
  'SY-01 SY-04 ED-10 edge, cloud, broker, database and the ways between them fail: every charge is billed once, and everything asked has one outcome',
  {
    timeout: 300_000,
  },
  async () => {
    const report = await tortureSync({ seed: QUICK_SEED, minutes: MINUTES });
    expect(report.complaints).toEqual([]);
    // Otherwise it was no trial.
    expect(report.troubles).toBeGreaterThanOrEqual(6);
    expect(report.cdrs).toBeGreaterThanOrEqual(4);
    expect(report.flowedWh).toBeGreaterThan(20);
  },
);
