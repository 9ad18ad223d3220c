import { expect, vi } from 'vitest';
import { expectExact, expectNotMore, pass, type SiteShape, until } from './fault-site.ts';
import { onSite } from './shared-line.ts';
import type { FaultInput } from './station.ts';

/**
 * Goal: a charge that a DL/T 645 meter bills is billed as it flowed, whatever happens on the meter's own line.
 * Method: a wall box on one pseudo-terminal, the meter of its supply on another at 2400 baud 8E1; the simulator's truth
 * is the judge. The pile's own register starts elsewhere: a bill from it would show.
 */
vi.setConfig({ maxConcurrency: 30, testTimeout: 80_000 });

/** DL/T 645-2007 tells energy in 0.01 kWh. */
const STEP_WH = 10;
const ADDRESS = '202412345678';

const meteredSite = (configuredAddress: string = ADDRESS): SiteShape => ({
  lines: [
    { lineId: 'rtu1', transport: 'serial', baud: 19_200, parity: 'even', stopBits: 1, turnaroundMs: 8 },
    { lineId: 'dlt', transport: 'serial', baud: 2400, parity: 'even', stopBits: 1, turnaroundMs: 60 },
  ],
  piles: [{ pileId: 'A', model: 'heidelberg-energy-control', lineId: 'rtu1', unit: 1, initialRegisterWh: 5000 }],
  meters: [
    {
      meterId: 'M1',
      model: 'dlt645-2007',
      lineId: 'dlt',
      measures: 'A',
      address: ADDRESS,
      initialRegisterWh: 7_654_321,
    },
  ],
  edgePiles: [
    {
      pileId: 'A',
      lineId: 'rtu1',
      unit: 1,
      profile: 'heidelberg-energy-control',
      limitMa: 16_000,
      meterId: 'M1',
    },
  ],
  edgeMeters: [{ meterId: 'M1', profile: 'dlt645-2007', lineId: 'dlt', address: configuredAddress }],
});

onSite('ED-03 ED-13 a whole charge billed by a DL/T 645 meter equals what flowed', meteredSite(), async (site) => {
  await site.charge('A');
  await pass(15_000);
  const bill = await site.stop('A');
  expect(bill.cdr).toMatchObject({ stopReason: 'partner', marks: [], meterStartWh: 7_654_320 });
  expect(bill.flowedWh).toBeGreaterThan(40);
  expectExact(bill, STEP_WH);
});

/** A fault that strikes the meter once: the energy of one look is late, and billed in full all the same. */
function isOvercome(name: string, fault: FaultInput, counted: 'crcErrors' | 'mismatches' | 'timeouts' | null): void {
  onSite(`HS-03 ED-03 ${name}`, meteredSite(), async (site) => {
    await site.charge('A');
    site.fault('meter:M1', fault);
    await until('it to strike', 15_000, () => site.station.world.faults.list().length === 0);
    await pass(4000);
    // A machine that is held up makes a reply of its own late.
    if (counted === 'timeouts') expect(site.edge.line('dlt').counters.timeouts).toBeGreaterThan(0);
    else if (counted !== null) expect(site.edge.line('dlt').counters[counted]).toBe(1);
    const bill = await site.stop('A');
    expect(bill.cdr).toMatchObject({ stopReason: 'partner', voidReason: null });
    expect(bill.cdr.marks.filter((mark) => mark !== 'meter-missing')).toEqual([]);
    expectExact(bill, STEP_WH);
  });
}

isOvercome('a wrong sum costs a reading of the meter, not energy', { kind: 'crc-error', count: 1 }, 'crcErrors');
isOvercome(
  'a reply too late for its question is not the next one’s',
  { kind: 'delay', delayMs: 1700, count: 1 },
  'timeouts',
);
isOvercome('half a reply of a meter is none', { kind: 'truncate', count: 1 }, 'timeouts');
isOvercome('noise before a reply of a meter is no energy', { kind: 'noise', mode: 'before', count: 1 }, 'mismatches');
isOvercome('noise inside a reply of a meter is no energy', { kind: 'noise', mode: 'inside', count: 1 }, null);
isOvercome('noise after a reply of a meter is no energy', { kind: 'noise', mode: 'after', count: 1 }, null);
isOvercome('a reply of a meter that comes twice is taken once', { kind: 'duplicate-reply', count: 1 }, null);
isOvercome('a meter that misses a question', { kind: 'silence', count: 1 }, 'timeouts');

onSite(
  'HS-03 ED-03 a meter that was silent for long is billed in full when it is back',
  meteredSite(),
  async (site) => {
    await site.charge('A');
    const fault = site.fault('meter:M1', { kind: 'silence' });
    await pass(14_000);
    expect(site.edge.view('A').status, 'the charge goes on').toBe('charging');
    site.clear(fault);
    const bill = await site.stop('A');
    expect(bill.cdr).toMatchObject({ stopReason: 'partner', marks: ['meter-missing'] });
    expectExact(bill, STEP_WH);
  },
);

onSite(
  'HS-03 ED-03 a meter that stays silent: only what it has shown is billed, and that is said',
  meteredSite(),
  async (site) => {
    await site.charge('A');
    await pass(6000);
    const countedWh = site.truth('A').energyTruthWh;
    site.fault('meter:M1', { kind: 'silence' });
    await pass(6000);
    const bill = await site.stop('A');
    expect(bill.cdr.marks).toContain('end-estimated');
    expectNotMore(bill, 0);
    expect(bill.cdr.energyWh).toBeLessThan(countedWh + STEP_WH);
  },
);

onSite(
  'HS-03 ED-03 a meter under another address bills nobody: no charge begins',
  meteredSite('202412345679'),
  async (site) => {
    site.station.world.piles.get('A')?.setVehicle({ plugged: true });
    await site.status('A', 'plugged', 8000);
    site.edge.start('A');
    await until('a refusal', 8000, () => site.edge.refusals().length > 0);
    expect(site.edge.refusals()).toEqual(['connector.faulted']);
    expect(site.truth('A').energyTruthWh).toBe(0);
  },
);

onSite(
  'HS-03 ED-13 a DL/T 645 meter that rolls over is billed in full, and marked',
  {
    ...meteredSite(),
    prepare: (station) => void station.fault('meter:M1', { kind: 'meter-rollover', belowEndWh: 20 }),
  },
  async (site) => {
    await site.charge('A');
    await pass(18_000);
    const bill = await site.stop('A');
    expect(bill.cdr.marks).toEqual(['meter-rollover']);
    expectExact(bill, STEP_WH);
  },
);

onSite('HS-03 ED-13 a jump of a DL/T 645 meter is never billed, and marked', meteredSite(), async (site) => {
  await site.charge('A');
  await pass(5000);
  site.fault('meter:M1', { kind: 'meter-jump', stepWh: 3000 });
  await pass(11_000);
  const bill = await site.stop('A');
  expect(bill.cdr.marks).toEqual(['meter-jump']);
  expectNotMore(bill, bill.flowedWh - 3 * STEP_WH);
});

for (const as of ['error', 'marker'] as const) {
  onSite(
    `HS-03 ED-13 a DL/T 645 meter that tells its energy is missing (${as}) bills nothing for it`,
    meteredSite(),
    async (site) => {
      await site.charge('A');
      await pass(5000);
      site.fault('meter:M1', { kind: 'meter-missing', as });
      await pass(12_000);
      const bill = await site.stop('A');
      expect(bill.cdr.marks).toContain('end-estimated');
      expectNotMore(bill, 0);
    },
  );
}
