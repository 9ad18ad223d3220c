import { expect, vi } from 'vitest';
import { expectExact, expectNotMore, expectUntouched, pass, until } from './fault-site.ts';
import { besideAnother, twoOnOneLine } from './shared-line.ts';

/**
 * Goal: whatever a pile's meter does, nobody pays for more than flowed, and what was not billed is marked.
 * Method: the meter faults of the simulator on real pseudo-terminals; its truth is the judge.
 */
vi.setConfig({ maxConcurrency: 30, testTimeout: 80_000 });

/** What may have flowed between two polls that enclose the moment of a meter's step, with one of them lost. */
const STEP_LOSS_WH = 10;

besideAnother('HS-03 ED-13 a register that repeats itself for a moment is nobody’s business', async (site) => {
  const fault = site.fault('pile:A', { kind: 'stuck-meter' });
  await pass(2500);
  site.clear(fault);
  await pass(2500);
  expectUntouched(await site.stop('A'));
});

besideAnother('HS-03 ED-13 a stuck register that catches up is billed in full, and marked', async (site) => {
  const fault = site.fault('pile:A', { kind: 'stuck-meter' });
  await pass(11_000);
  site.clear(fault);
  await pass(2500);
  const bill = await site.stop('A');
  expect(bill.cdr.marks).toEqual(['meter-stuck']);
  expectExact(bill);
});

besideAnother(
  'HS-03 ED-13 a register that is stuck to the end bills what it has shown, and is marked',
  async (site) => {
    await pass(2000);
    const countedWh = site.truth('A').energyTruthWh;
    site.fault('pile:A', { kind: 'stuck-meter' });
    await pass(11_000);
    const bill = await site.stop('A');
    expect(bill.cdr.marks).toEqual(['meter-stuck']);
    expectNotMore(bill, Math.floor(countedWh) - 1);
    expect(bill.cdr.energyWh).toBeLessThan(countedWh + 2);
  },
);

besideAnother('HS-03 ED-13 a register that counts down is not billed, and marked', async (site) => {
  await pass(2000);
  const countedWh = site.truth('A').energyTruthWh;
  site.fault('pile:A', { kind: 'meter-backward' });
  await pass(6000);
  const bill = await site.stop('A');
  expect(bill.cdr.marks).toContain('meter-backward');
  expect(bill.cdr.readings.at(-1)?.quality).toBe('estimated');
  expectNotMore(bill, Math.floor(countedWh) - STEP_LOSS_WH);
  expect(bill.cdr.energyWh).toBeLessThan(countedWh + 2);
});

besideAnother(
  'HS-03 ED-13 a register that rolls over is billed to the watt-hour, and marked',
  async (site) => {
    await until('the register begins again', 20_000, () => (site.truth('A').reportedRegisterWh ?? 0) < 1000);
    await pass(8000);
    const bill = await site.stop('A');
    expect(bill.cdr.marks).toEqual(['meter-rollover']);
    expect(bill.cdr.meterEvents).toHaveLength(1);
    expectExact(bill);
  },
  {
    ...twoOnOneLine(),
    prepare: (station) => void station.fault('pile:A', { kind: 'meter-rollover', belowEndWh: 20 }),
  },
);

for (const [what, stepWh] of [
  ['up', 5000],
  ['down', -5000],
] as const) {
  besideAnother(
    `HS-03 ED-13 a register that jumps ${what} is counted on from there: the jump is never billed`,
    async (site) => {
      site.fault('pile:A', { kind: 'meter-jump', stepWh });
      await pass(9000);
      const bill = await site.stop('A');
      expect(bill.cdr.marks).toEqual([stepWh > 0 ? 'meter-jump' : 'meter-replaced']);
      expectNotMore(bill, bill.flowedWh - STEP_LOSS_WH);
    },
  );
}

besideAnother('HS-03 ED-13 a jump in the last seconds is not billed, and marked', async (site) => {
  await pass(2000);
  site.fault('pile:A', { kind: 'meter-jump', stepWh: 700 });
  await pass(1200);
  const bill = await site.stop('A');
  expect(bill.cdr.marks.length).toBeGreaterThan(0);
  expectNotMore(bill, 3);
});

besideAnother('HS-03 ED-13 a register that begins again at 0 is counted on from there, and marked', async (site) => {
  site.fault('pile:A', { kind: 'meter-reset' });
  await pass(9000);
  const bill = await site.stop('A');
  expect(bill.cdr.marks).toEqual(['meter-reset']);
  expectNotMore(bill, bill.flowedWh - STEP_LOSS_WH);
});

besideAnother(
  'HS-03 ED-05.k a pile that cannot read its own meter is stopped: half a picture is none',
  async (site) => {
    const fault = site.fault('pile:A', { kind: 'meter-missing', as: 'error' });
    await until('it is stopped', 15_000, () => !site.truth('A').contactorClosed);
    expect(site.edge.alarmCodes('A')).toEqual(['communication-lost']);
    site.clear(fault);
    const bill = await site.bill('A');
    expect(bill.cdr).toMatchObject({ stopReason: 'communication-lost', marks: [] });
    expectExact(bill);
  },
);

besideAnother('HS-03 ED-13 the pattern of a missing register is never billed, and marked', async (site) => {
  await pass(2000);
  const countedWh = site.truth('A').energyTruthWh;
  site.fault('pile:A', { kind: 'meter-missing', as: 'marker' });
  await pass(8000);
  const bill = await site.stop('A');
  expect(bill.cdr.marks.length).toBeGreaterThan(0);
  expectNotMore(bill, Math.floor(countedWh) - STEP_LOSS_WH);
});
