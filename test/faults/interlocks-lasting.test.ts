import { expect, vi } from 'vitest';
import { processClock } from '../../hardware-sim/line/real-time.ts';
import { type Bill, expectExact, expectUntouched, type FaultSite, type SiteShape, until } from './fault-site.ts';
import { expectByDeadline, expectDead, flowed, openedAfter, SEEN_WITHIN_MS, trips } from './interlock-row.ts';
import { besideAnother, onSite, twoOnOneLine } from './shared-line.ts';

/**
 * Goal: what has to last before it stops a charge, and what silence stops, ends by its deadline and is billed as it was counted.
 * Method: the faults of the simulator on real lines and in real time; its contacts and its energy are the judges.
 */
vi.setConfig({ maxConcurrency: 20, testTimeout: 150_000 });

const MINUTE_MS = 60_000;
const LOST_AFTER_MS = 5000;
/** A vehicle that is offered nothing any more has so long before a pile opens under load (IEC 61851-1, 10.2). */
const LET_GO_MS = 6500;
/** Between a register that still counts and the poll that has seen it. */
const UNSEEN_WH = 10;

trips({
  what: 'ED-05.f a vehicle that draws a little too much, for a minute',
  faults: [{ kind: 'over-current', factor: 1.08 }],
  code: 'overload',
  rung: 'hardStop',
  debounceMs: MINUTE_MS,
});

/** Nothing of A arrives any more in either direction: its own watchdog has to end the charge. */
function fallsSilent(what: string, watchdogMs: number, on: SiteShape): void {
  besideAnother(
    what,
    async (site) => {
      const sinceMs = processClock.monoMs();
      const silence = site.fault('pile:A', { kind: 'silence' });
      await until('the alarm', 20_000, () => site.edge.alarmCodes('A').includes('communication-lost'));
      expect(processClock.monoMs() - sinceMs, 'the last answer is 5 s old').toBeGreaterThan(
        LOST_AFTER_MS - SEEN_WITHIN_MS,
      );
      expect(site.edge.view('A').status).not.toBe('charging');
      const tookMs = (await openedAfter(site, sinceMs)) - sinceMs;
      expect(tookMs).toBeGreaterThan(watchdogMs - SEEN_WITHIN_MS);
      expect(tookMs).toBeLessThanOrEqual(watchdogMs + LET_GO_MS);
      expect(site.edge.cdr('A'), 'no record while nobody knows').toBeNull();
      site.clear(silence);
      const bill = await site.bill('A', 60_000);
      expect(bill.cdr).toMatchObject({
        stopReason: 'communication-lost',
        faultCode: 'communication-lost',
        meterEvents: [],
      });
      expectExact(bill);
      expectDead(site);
    },
    on,
  );
}

fallsSilent('ED-05.k a wall box that falls silent lets go by its own watchdog', 15_000, twoOnOneLine());
fallsSilent('ED-05.k a DC pile that falls silent lets go by its own watchdog', 30_000, {
  ...twoOnOneLine(),
  piles: [
    { pileId: 'A', model: 'generic-dc', lineId: 'rtu1', unit: 1, initialRegisterWh: 1_234_567.9 },
    { pileId: 'B', model: 'heidelberg-energy-control', lineId: 'rtu1', unit: 2, initialRegisterWh: 407_118.2 },
  ],
});

besideAnother('ED-05.k a pile whose answers are all damaged hears that it has to stop', async (site) => {
  const sinceMs = processClock.monoMs();
  const damage = site.fault('pile:A', { kind: 'crc-error' });
  const tookMs = (await openedAfter(site, sinceMs)) - sinceMs;
  expect(tookMs, 'the last answer is 5 s old').toBeGreaterThan(LOST_AFTER_MS - SEEN_WITHIN_MS);
  expectByDeadline('communication-lost', tookMs - LOST_AFTER_MS);
  site.clear(damage);
  const { cdr, ...bill } = await site.bill('A', 60_000);
  expect(cdr).toMatchObject({ stopReason: 'communication-lost', faultCode: 'communication-lost', meterEvents: [] });
  expect(bill.alarms[0]).toBe('communication-lost');
  expectExact({ cdr, ...bill });
  expectDead(site);
});

/** What was counted before the meter went wrong is billed, and nothing of what it has not shown. */
function expectCounted({ cdr, flowedWh }: Bill, countedWh: number): void {
  expect(flowedWh).toBeGreaterThan(countedWh + UNSEEN_WH);
  expect(cdr.energyWh).toBeGreaterThan(countedWh - UNSEEN_WH);
  expect(cdr.energyWh).toBeLessThan(countedWh + 2);
}

for (const [what, kind, code] of [
  ['stands still while current flows', 'stuck-meter', 'meter-stuck'],
  ['runs backwards', 'meter-backward', 'meter-backward'],
] as const) {
  besideAnother(`ED-05.l a register that ${what} for a minute ends the charge`, async (site) => {
    await flowed(site, 2 * UNSEEN_WH);
    const countedWh = site.truth('A').energyTruthWh;
    const sinceMs = processClock.monoMs();
    site.fault('pile:A', { kind });
    const tookMs = (await openedAfter(site, sinceMs)) - sinceMs;
    expect(tookMs).toBeGreaterThan(MINUTE_MS - SEEN_WITHIN_MS);
    expectByDeadline(code, tookMs - MINUTE_MS);
    const bill = await site.bill('A', 30_000);
    expect(bill.cdr).toMatchObject({ stopReason: 'fault', faultCode: code });
    expect(bill.cdr.marks).toHaveLength(1);
    expect(bill.cdr.meterEvents).toMatchObject([{ creditedWh: 0 }]);
    expect(bill.alarms).toEqual([code]);
    expect(site.edge.latches('A')).toEqual([]);
    expectCounted(bill, countedWh);
    expectDead(site);
  });
}

/** A is charged from the beginning and B, which the limit is for as well, only when A has had a part of it. */
function reachesLimit(name: string, shape: SiteShape, body: (site: FaultSite) => Promise<void>): void {
  onSite(name, shape, async (site) => {
    await site.charge('A');
    await flowed(site, 20);
    await site.charge('B');
    await body(site);
    const bill = await site.bill('A', 30_000);
    expect(site.edge.written('A')).toEqual(['start', 'softStop']);
    expect(site.edge.latches('A')).toEqual([]);
    expectExact(bill);
    expectDead(site);
    expectUntouched(await site.stop('B'));
  });
}

const closedMs = (site: FaultSite): number => site.truth('A').contactorEvents.find(({ closed }) => closed)?.monoMs ?? 0;

reachesLimit(
  'ED-05.m a charge of the longest duration allowed ends',
  { ...twoOnOneLine(), edgeCharge: { maxDurationMin: 1 } },
  async (site) => {
    const sinceMs = closedMs(site);
    const tookMs = (await openedAfter(site, sinceMs)) - sinceMs;
    expect(tookMs, 'it has had its minute, from the order on').toBeGreaterThan(MINUTE_MS - 10_000);
    expectByDeadline('max-duration', tookMs - MINUTE_MS);
    const { cdr, alarms } = await site.bill('A', 30_000);
    expect(cdr).toMatchObject({ stopReason: 'limit-reached', faultCode: 'max-duration', marks: [], meterEvents: [] });
    expect(alarms).toEqual(['max-duration']);
  },
);

const MOST_WH = 80;

reachesLimit(
  'ED-05.n a charge of the most energy allowed ends',
  { ...twoOnOneLine(), edgeCharge: { maxEnergyWh: MOST_WH } },
  async (site) => {
    await flowed(site, MOST_WH);
    const sinceMs = processClock.monoMs();
    const tookMs = (await openedAfter(site, sinceMs)) - sinceMs;
    expectByDeadline('max-energy', tookMs);
    const { cdr, alarms } = await site.bill('A', 30_000);
    expect(cdr).toMatchObject({ stopReason: 'limit-reached', faultCode: 'max-energy', marks: [], meterEvents: [] });
    expect(cdr.energyWh).toBeGreaterThanOrEqual(MOST_WH);
    expect(alarms).toEqual(['max-energy']);
  },
);

onSite(
  'ED-05.p a full disk refuses new charges and lets the running ones end as they should',
  twoOnOneLine(),
  async (site) => {
    await site.charge('A', 'B');
    site.edge.health({ refuse: [{ fault: 'storage-full', detail: 'no room for another session' }] });
    const beforeWh = site.truth('A').energyTruthWh;
    await flowed(site, beforeWh + 20);
    expectUntouched(await site.stop('A'));
    await site.status('A', 'faulted', 10_000);
    expect(site.edge.view('A').faults).toEqual(['storage-full']);
    site.edge.start('A');
    await until('a refusal', 5000, () => site.edge.refusals().length > 0);
    expect(site.edge.failures()).toEqual(['connector.faulted: storage-full: no room for another session']);
    expectDead(site);
    expectUntouched(await site.stop('B'));
    site.edge.health({});
    site.edge.start('A');
    await site.status('A', 'charging', 15_000);
    expect(site.truth('A').contactorClosed).toBe(true);
  },
);
