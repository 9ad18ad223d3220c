import { expect, vi } from 'vitest';
import { expectExact, expectUntouched, type FaultSite, pass, until } from './fault-site.ts';
import { besideAnother, onSite, twoOnOneLine } from './shared-line.ts';
import type { FaultInput } from './station.ts';

/**
 * Goal: what goes wrong on a serial wire costs polls, never energy, and never a charge that could be watched.
 * Method: the faults of the simulator on real pseudo-terminals, all sites at the same time; its truth is the judge.
 */
vi.setConfig({ maxConcurrency: 30, testTimeout: 80_000 });

const counters = (site: FaultSite) => site.edge.line('rtu1').counters;

/** A fault that strikes A a few times: it is counted as what it is, and the charge goes on. */
function costsPolls(
  name: string,
  fault: FaultInput & { readonly count: number },
  counted: 'timeouts' | 'crcErrors' | 'mismatches' | 'exceptions',
): void {
  besideAnother(`HS-03 ED-04 ${name}`, async (site) => {
    const before = counters(site)[counted];
    site.fault('pile:A', fault);
    await until(`${fault.count} ${counted}`, 10_000, () => counters(site)[counted] >= before + fault.count);
    await pass(2500);
    // A busy machine makes a reply late by itself; the other kinds come from the fault alone.
    if (counted !== 'timeouts') expect(counters(site)[counted] - before).toBe(fault.count);
    expect(site.edge.view('A').status).toBe('charging');
    expectUntouched(await site.stop('A'));
  });
}

costsPolls('a damaged checksum costs one poll, and the charge goes on', { kind: 'crc-error', count: 1 }, 'crcErrors');
costsPolls('a unit that misses two polls goes on charging', { kind: 'silence', count: 2 }, 'timeouts');
costsPolls(
  "a reply in the neighbour's name is believed of nobody",
  { kind: 'wrong-unit', unit: 2, count: 2 },
  'mismatches',
);
costsPolls(
  'a reply that lies about its length under a right checksum is not believed',
  { kind: 'wrong-byte-count', offBy: 2, count: 1 },
  'mismatches',
);
costsPolls(
  'a device that is busy now and then goes on charging',
  { kind: 'exception', code: 6, count: 2 },
  'exceptions',
);
costsPolls('half a reply is no reply', { kind: 'truncate', count: 2 }, 'timeouts');
costsPolls('a serial device that hangs up is a silent one', { kind: 'hang-up', count: 2 }, 'timeouts');

besideAnother('HS-03 ED-04 a refused block is read in parts, and the charge goes on', async (site) => {
  const { exceptions } = counters(site);
  site.fault('pile:A', { kind: 'exception', code: 2, count: 1 });
  await until('an exception', 5000, () => counters(site).exceptions > exceptions);
  await pass(3000);
  expectUntouched(await site.stop('A'));
});

besideAnother('HS-03 ED-04 a reply that comes late, but in its time, is no other request’s', async (site) => {
  const { timeouts } = counters(site);
  site.fault('pile:A', { kind: 'delay', delayMs: 500, count: 4 });
  await until('a late reply', 8000, () => counters(site).timeouts > timeouts && counters(site).strayBytes > 0);
  await pass(4000);
  expectUntouched(await site.stop('A'));
});

besideAnother(
  'HS-03 ED-04 ED-05.k a pile far slower than it may be: its late replies are nobody’s values, and what flowed is billed',
  async (site) => {
    site.fault('pile:A', { kind: 'delay', delayMs: 1400, count: 4 });
    await pass(9000);
    const isRunning = site.edge.cdr('A') === null && site.edge.view('A').status === 'charging';
    const bill = isRunning ? await site.stop('A') : await site.bill('A');
    expect(bill.cdr.stopReason).toBe(isRunning ? 'partner' : 'communication-lost');
    expect(bill.cdr).toMatchObject({ marks: [], meterEvents: [] });
    expectExact(bill);
  },
);

besideAnother('HS-03 ED-05.k a pile that is silent for less than 5 s goes on charging', async (site) => {
  const fault = site.fault('pile:A', { kind: 'silence' });
  await pass(3000);
  site.clear(fault);
  await site.status('A', 'charging', 3000);
  await pass(2000);
  expectUntouched(await site.stop('A'));
});

besideAnother('HS-03 ED-04 replies that come twice are taken once', async (site) => {
  const fault = site.fault('pile:A', { kind: 'duplicate-reply' });
  await pass(6000);
  site.clear(fault);
  expect(counters(site).strayBytes, 'the second copies').toBeGreaterThan(0);
  expectUntouched(await site.stop('A'));
});

besideAnother('HS-03 ED-04 replies in pieces are put together', async (site) => {
  const { timeouts, mismatches } = counters(site);
  const fault = site.fault('pile:A', { kind: 'split', pieces: 3, pauseMs: 15 });
  await pass(6000);
  site.clear(fault);
  expect(counters(site).mismatches).toBe(mismatches);
  // Were they not put together, every poll would be one.
  expect(counters(site).timeouts - timeouts).toBeLessThan(3);
  expectUntouched(await site.stop('A'));
});

for (const mode of ['before', 'inside', 'after'] as const) {
  besideAnother(`HS-03 ED-04 noise ${mode} a reply never becomes a value`, async (site) => {
    for (let i = 0; i < 4; i += 1) {
      site.fault('pile:A', { kind: 'noise', mode, bytes: 4, count: 1 });
      await pass(2000);
    }
    expect(site.station.world.faults.list(), 'every burst has struck').toEqual([]);
    expectUntouched(await site.stop('A'));
  });
}

besideAnother('HS-03 ED-04 noise between frames never becomes a value', async (site) => {
  const { strayBytes } = counters(site);
  const fault = site.fault('line:rtu1', { kind: 'noise', mode: 'idle', bytes: 4, everyMs: 150 });
  await pass(7000);
  site.clear(fault);
  expect(counters(site).strayBytes - strayBytes).toBeGreaterThan(50);
  expectUntouched(await site.stop('A'));
});

besideAnother(
  'HS-03 ED-05.k a pile that falls silent is stopped as lost; when it is back, the record has what truly flowed',
  async (site) => {
    const fault = site.fault('pile:A', { kind: 'silence' });
    await until('the alarm', 10_000, () => site.edge.alarmCodes('A').includes('communication-lost'));
    expect(site.truth('A').powerW, 'it delivers, unseen').toBeGreaterThan(10_000);
    await pass(1500);
    site.clear(fault);
    const bill = await site.bill('A');
    expect(bill.cdr).toMatchObject({ stopReason: 'communication-lost', faultCode: 'communication-lost', marks: [] });
    expect(bill.alarms).toEqual(['communication-lost']);
    expect(site.truth('A').contactorClosed).toBe(false);
    expectExact(bill);
  },
);

onSite(
  'HS-03 ED-04 an adapter that is out for a moment: polled again in time, both charges go on',
  twoOnOneLine(),
  async (site) => {
    await site.charge('A', 'B');
    const fault = site.fault('line:rtu1', { kind: 'unplugged' });
    await pass(2500);
    expect(site.edge.view('A').status).toBe('offline');
    site.clear(fault);
    for (const pileId of ['A', 'B']) await site.status(pileId, 'charging', 5000);
    await pass(2000);
    for (const pileId of ['A', 'B']) expectUntouched(await site.stop(pileId));
  },
);

onSite(
  'HS-03 ED-05.k ED-04 an adapter that is out for long: both charges end as lost, with what flowed while nobody saw',
  twoOnOneLine(),
  async (site) => {
    await site.charge('A', 'B');
    const fault = site.fault('line:rtu1', { kind: 'unplugged' });
    await pass(8000);
    for (const pileId of ['A', 'B']) expect(site.edge.alarmCodes(pileId)).toEqual(['communication-lost']);
    site.clear(fault);
    const pluggedMs = Date.now();
    for (const pileId of ['A', 'B'])
      await until(`${pileId} is polled`, 10_000, () => site.edge.view(pileId).observedAtMs >= pluggedMs);
    for (const pileId of ['A', 'B']) {
      const bill = await site.bill(pileId);
      expect(bill.cdr).toMatchObject({ stopReason: 'communication-lost', marks: [] });
      expectExact(bill);
    }
  },
);

onSite(
  'HS-03 ED-09 the edge restarts while its adapter is out: both charges are adopted, and billed as they flowed',
  twoOnOneLine(),
  async (site) => {
    await site.charge('A', 'B');
    const fault = site.fault('line:rtu1', { kind: 'unplugged' });
    await site.restartEdge(() => pass(1000));
    await pass(1000);
    site.clear(fault);
    for (const pileId of ['A', 'B']) await site.status(pileId, 'charging', 5000);
    await pass(2000);
    for (const pileId of ['A', 'B']) {
      const bill = await site.stop(pileId);
      expect(bill.cdr).toMatchObject({ stopReason: 'partner', marks: ['adopted'] });
      expectExact(bill);
    }
  },
);
