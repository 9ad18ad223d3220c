import { expect, vi } from 'vitest';
import type { FaultCode } from '#shared/faults.ts';
import { expectExact, expectUntouched, type FaultSite, pass, until } from './fault-site.ts';
import { besideAnother, onSite, twoOnOneLine } from './shared-line.ts';
import type { FaultInput } from './station.ts';

/**
 * Goal: what goes wrong in a pile, its cable or its vehicle ends as it must, and is billed as it flowed.
 * Method: the faults of the simulator on real pseudo-terminals, all sites at the same time; its truth is the judge.
 */
vi.setConfig({ maxConcurrency: 30, testTimeout: 80_000 });

/** A fault that the edge stops for: named in the record, told as an alarm, and truly off. */
function stopsFor(name: string, fault: FaultInput, code: FaultCode, stopReason: string, isLatched = false): void {
  besideAnother(name, async (site) => {
    site.fault('pile:A', fault);
    const bill = await site.bill('A');
    expect(bill.cdr).toMatchObject({ stopReason, faultCode: code, marks: [], meterEvents: [] });
    expect(bill.alarms).toEqual([code]);
    expectExact(bill);
    const { contactorClosed, powerW } = site.truth('A');
    expect({ contactorClosed, powerW }).toEqual({ contactorClosed: false, powerW: 0 });
    expect(site.edge.latches('A'), 'kept until a technician comes').toEqual(isLatched ? [code] : []);
  });
}

stopsFor(
  'HS-03 ED-05.b a pile that is too hot on its board is stopped before it stops itself',
  { kind: 'over-temperature', temperatureC: 84 },
  'over-temperature',
  'fault',
);
stopsFor(
  'HS-03 ED-05.b a gun so hot that the pile shuts down ends the charge as its fault',
  { kind: 'over-temperature', temperatureC: 95, where: 'gun' },
  'pile-fault',
  'fault',
);
stopsFor(
  'HS-03 ED-05.e a vehicle that draws more than it is offered is stopped, and the pile stays out of service',
  { kind: 'over-current', factor: 1.5 },
  'over-current',
  'fault',
  true,
);
stopsFor('HS-03 ED-05.i a gun that is pulled ends the charge', { kind: 'gun-pulled' }, 'gun-removed', 'gun-removed');
stopsFor(
  'HS-03 ED-05.a an emergency stop that a pile shows as a dead pilot ends the charge',
  { kind: 'emergency-stop' },
  'control-pilot-fault',
  'fault',
);
stopsFor(
  'HS-03 ED-05.o an error of the pile ends the charge',
  { kind: 'pile-error', errorCode: 7 },
  'pile-fault',
  'fault',
);

besideAnother('HS-03 ED-13 a warm gun makes the pile offer less, and less is billed', async (site) => {
  const fault = site.fault('pile:A', { kind: 'over-temperature', temperatureC: 80, where: 'gun' });
  await until('less current', 8000, () => {
    const [currentA] = site.truth('A').currentA;
    return currentA > 0 && currentA < 15;
  });
  await pass(3000);
  expectUntouched(await site.stop('A'));
  site.clear(fault);
});

besideAnother(
  'HS-03 ED-13 a vehicle that ends the charge by itself takes nothing more, and pays for nothing more',
  async (site) => {
    site.fault('pile:A', { kind: 'bms-abort' });
    await until('the vehicle has stopped', 5000, () => site.truth('A').powerW === 0);
    await pass(3000);
    expectUntouched(await site.stop('A'));
  },
);

besideAnother('HS-03 ED-13 a plug that its lock holds is no matter of the charge', async (site) => {
  site.fault('pile:A', { kind: 'lock-jammed', stuck: 'locked' });
  await pass(3000);
  expectUntouched(await site.stop('A'));
  expect(site.station.world.piles.get('A')?.holdsPlug()).toBe(true);
});

/** Current flows after every rung: the critical alarm goes out while it does, and a technician has to come. */
async function runsOutOfRungs(site: FaultSite, faultId: string, says: FaultCode): Promise<void> {
  site.edge.stop('A');
  await until('the alarm', 20_000, () => site.edge.alarmCodes('A').includes(says));
  expect(site.truth('A').powerW, 'current flows').toBeGreaterThan(10_000);
  expect(new Set(site.edge.alarms('A').map(({ severity }) => severity))).toEqual(new Set(['critical']));
  await until('the latch', 5000, () => site.edge.view('A').faults.includes(says));
  expect(site.edge.cdr('A'), 'no record while it flows').toBeNull();
  site.clear(faultId);
  const bill = await site.bill('A', 30_000);
  expect(bill.cdr).toMatchObject({ stopReason: 'partner', marks: ['stop-not-proven'] });
  expectExact(bill);
  site.edge.start('A');
  await until('a refusal', 3000, () => site.edge.refusals().includes('connector.faulted'));
  expect(site.truth('A').contactorClosed).toBe(false);
}

besideAnother(
  'HS-03 ED-07 a welded contactor: every rung is tried, then the alarm and the latch; all that flowed is billed',
  async (site) => {
    await runsOutOfRungs(site, site.fault('pile:A', { kind: 'welded-contactor' }), 'contactor-welded');
  },
);

besideAnother('HS-03 ED-07 a weld that the pile itself reports is no more proof of a stop', async (site) => {
  await runsOutOfRungs(
    site,
    site.fault('pile:A', { kind: 'welded-contactor', detectedByPile: true }),
    'contactor-welded',
  );
});

besideAnother(
  'HS-03 ED-07 a pile that ignores every write: alarm and latch, and it is told again until it stops',
  async (site) => {
    await runsOutOfRungs(site, site.fault('pile:A', { kind: 'ignore-writes' }), 'stop-not-proven');
  },
);

besideAnother('HS-03 ED-07 a weld through which nothing flows is a proven stop', async (site) => {
  site.fault('pile:A', { kind: 'welded-contactor', vehicleKeepsDrawing: false });
  expectUntouched(await site.stop('A'));
  expect(site.truth('A').welded).toBe(true);
});

for (const [what, fault] of [
  ['a soft stop without effect', { kind: 'soft-stop-ignored' }],
  ['a stop that is acknowledged and forgotten', { kind: 'ignore-writes', count: 1 }],
] as const) {
  besideAnother(`HS-03 ED-07 ${what} is followed by the hard one`, async (site) => {
    site.fault('pile:A', fault);
    const bill = await site.stop('A');
    expect(site.edge.written('A')).toEqual(['start', 'softStop', 'hardStop']);
    expectUntouched(bill);
    expect(site.truth('A').contactorClosed).toBe(false);
  });
}

onSite('HS-03 ED-08 a pile that does not take its set-up is given no charge', twoOnOneLine(), async (site) => {
  const fault = site.fault('pile:A', { kind: 'ignore-writes' });
  site.station.world.piles.get('A')?.setVehicle({ plugged: true });
  await site.charge('B');
  site.edge.start('A');
  await until('a refusal', 8000, () => site.edge.refusals().length > 0);
  expect(site.edge.refusals()).toEqual(['connector.faulted']);
  expect(site.truth('A').energyTruthWh).toBe(0);
  site.clear(fault);
  expectUntouched(await site.stop('B'));
});

/** Register 258 of the box: 4 by the edge's set-up, 0 at power-on. */
function standbyOf(site: FaultSite): number | undefined {
  const request = Uint8Array.of(3, 1, 2, 0, 1);
  const how = { exceptionCode: undefined, ignoreWrites: false };
  return site.station.world.piles.get('A')?.execute(request, how).reply[3];
}

for (const durationMs of [1200, 4000]) {
  besideAnother(
    `HS-03 ED-13 a power cut of ${durationMs} ms: the pile is set up again, and the bill is what flowed`,
    async (site) => {
      expect(standbyOf(site)).toBe(4);
      site.fault('pile:A', { kind: 'power-cut', durationMs });
      await until('power is back', durationMs + 2000, () => site.truth('A').powered && site.truth('A').powerW === 0);
      await until('the set-up is written again', 8000, () => standbyOf(site) === 4);
      await site.status('A', 'charging', 8000);
      expectUntouched(await site.stop('A'));
    },
  );
}

besideAnother(
  'HS-03 ED-05.k a power cut that lasts ends the charge as lost, and the bill is what flowed',
  async (site) => {
    site.fault('pile:A', { kind: 'power-cut', durationMs: 8000 });
    const bill = await site.bill('A', 40_000);
    expect(bill.cdr).toMatchObject({ stopReason: 'communication-lost', faultCode: 'communication-lost', marks: [] });
    expectExact(bill);
    await until('the set-up is written again', 30_000, () => standbyOf(site) === 4);
  },
);
