import { expect, test } from 'vitest';
import type { ChargeUnderWay } from '../orders/charges-under-way.ts';
import { nextProgress, nothingTold, type ProgressDue, takeProgress } from './progress-due.ts';

const charge = (n: number, observedAtMs: number): ChargeUnderWay => ({
  orderId: `o${n}`,
  partnerId: 'p',
  environment: 'sandbox',
  siteId: 's',
  connectorId: `c${n}`,
  charge: { startedAtMs: 0, meterStartWh: 0, tariff: null, heldMs: null },
  live: { energyWh: 1, powerW: 1, socPercent: 1, observedAtMs, observationAgeMs: 0, receivedAtMs: 0 },
});
const charges = (count: number, observedAtMs: number) =>
  Array.from({ length: count }, (_, n) => charge(n, observedAtMs));

function tellAll(due: ProgressDue): { told: number[]; due: ProgressDue } {
  const told = [];
  let left = due;
  for (;;) {
    const { part, rest } = nextProgress(left);
    if (part.length === 0) return { told, due: left };
    told.push(part.length);
    left = rest;
  }
}

test('OP-18 what was told is not told again, and what was observed at another time is, though the clock has gone back', () => {
  const first = tellAll(takeProgress(nothingTold, charges(2, 1000)));
  expect(first.told).toEqual([2]);
  expect(tellAll(takeProgress(first.due, charges(2, 1000))).told).toEqual([]);
  const { part } = nextProgress(takeProgress(first.due, [charge(0, 1000), charge(1, 900)]));
  expect(part.map(({ orderId }) => orderId)).toEqual(['o1']);
});

test('OP-18 many charges are told in parts; what has not been told when the next round comes is told as it is then', () => {
  const { part, rest } = nextProgress(takeProgress(nothingTold, charges(450, 1000)));
  expect(part).toHaveLength(200);
  const next = takeProgress(rest, [...charges(200, 1000), ...charges(450, 2000).slice(200)]);
  expect(next.owed.map(({ live }) => live.observedAtMs)).toEqual(Array.from({ length: 250 }, () => 2000));
  expect(tellAll(next).told).toEqual([200, 50]);
});

test('OP-18 nothing is kept of a charge that does not run any more', () => {
  const { due } = tellAll(takeProgress(nothingTold, charges(3, 1000)));
  const after = takeProgress(due, [charge(1, 1000)]);
  expect([[...after.toldMs.keys()], after.owed]).toEqual([['o1'], []]);
});
