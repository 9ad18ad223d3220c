import { expect, test } from 'vitest';
import { findMosquitto, isLeftOut } from '../../e2e/engines.ts';
import { tortureApi } from './api.ts';

/** The share of `npm run torture -- api` that fits into a test run. */
const QUICK_SEED = 16;
const MINUTES = 0.3;
const PILES = 6;

const isWithout = isLeftOut(findMosquitto(), 'every part of the cloud killed', 'Install it: apt-get install mosquitto');

test.skipIf(isWithout)(
  'OP-12 OP-14 OP-15 OP-16 OP-20 every part is killed in the middle of starts, stops and deliveries: each request has one outcome, each charge one bill, and partners are told of all in its order',
  { timeout: 240_000 },
  async () => {
    const report = await tortureApi({ seed: QUICK_SEED, minutes: MINUTES, piles: PILES });
    expect(report.complaints).toEqual([]);
    // Otherwise it was no trial.
    expect(report.kills).toBeGreaterThanOrEqual(4);
    expect(report.cdrs).toBeGreaterThanOrEqual(2);
    expect(report.attempts).toBeGreaterThan(report.events);
  },
);
