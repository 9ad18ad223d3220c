import { expect, vi } from 'vitest';
import { expectUntouched, type FaultSite, pass, type SiteShape, until } from './fault-site.ts';
import { onSite } from './shared-line.ts';

/**
 * Goal: no arm comes up and no boom comes down on a car, a device that fails is told of, and charging goes on beside it.
 * Method: the simulator's ground lock and barrier on real pseudo-terminals; where the arm truly is, and what it was told,
 * is the judge.
 */
vi.setConfig({ maxConcurrency: 30, testTimeout: 80_000 });

const pileLine = { transport: 'serial', baud: 19_200, parity: 'even', stopBits: 1, turnaroundMs: 8 } as const;

/** One pile, and what guards its bay on a line of its own. */
const guarded = (model: 'bus-lock' | 'bus-barrier'): SiteShape => ({
  lines: [
    { ...pileLine, lineId: 'rtu1' },
    { ...pileLine, lineId: 'park', baud: 9600, parity: 'none' },
  ],
  piles: [{ pileId: 'A', model: 'heidelberg-energy-control', lineId: 'rtu1', unit: 1, initialRegisterWh: 1234 }],
  locks: [{ lockId: 'D', model, lineId: 'park', address: 7, pileId: 'A' }],
});

/** One pile and a ground lock on one and the same line. */
const onOneLine: SiteShape = {
  ...guarded('bus-lock'),
  lines: [{ ...pileLine, lineId: 'rtu1' }],
  locks: [{ lockId: 'D', model: 'bus-lock', lineId: 'rtu1', address: 7, pileId: 'A' }],
};

const truth = (site: FaultSite) => site.lock('D').truth();
const told = (site: FaultSite) => truth(site).commands.map(({ command }) => command);
const isSeen = (site: FaultSite) => until('the first look', 5000, () => site.edge.parking('D').bay !== 'unknown');
const isFaulty = (site: FaultSite, fault: string | null) =>
  until(`the fault ${fault}`, 20_000, () => site.edge.parking('D').fault === fault);
const isMoving = (site: FaultSite) =>
  until('it to be on its way', 8000, () => {
    const { position } = truth(site);
    return position > 0.05 && position < 0.95;
  });

function occupy(site: FaultSite): void {
  site.lock('D').setOccupied(true);
}

for (const [model, first, second] of [
  ['bus-lock', 'raise', 'lower'],
  ['bus-barrier', 'raise', 'lower'],
] as const) {
  onSite(
    `ED-03 ED-17 ${model}: goes up and down, and is truly there when that is said`,
    guarded(model),
    async (site) => {
      await isSeen(site);
      expect(await site.edge.move('D', first)).toEqual({ kind: 'done' });
      expect(truth(site).position).toBe(1);
      expect(await site.edge.move('D', second)).toEqual({ kind: 'done' });
      expect(truth(site)).toMatchObject({ position: 0, moving: false });
      expect(told(site)).toEqual(['up', 'down']);
      expect(site.edge.alarms('A')).toEqual([]);
    },
  );
}

onSite('ED-17 a lock is never told to rise under a car', guarded('bus-lock'), async (site) => {
  occupy(site);
  await isSeen(site);
  expect(await site.edge.move('D', 'raise')).toEqual({ kind: 'failed', reason: 'bay-occupied' });
  expect(told(site)).toEqual([]);
});

onSite('ED-17 a barrier is never told to close on a car', guarded('bus-barrier'), async (site) => {
  await isSeen(site);
  expect(await site.edge.move('D', 'raise')).toEqual({ kind: 'done' });
  occupy(site);
  expect(await site.edge.move('D', 'lower')).toEqual({ kind: 'failed', reason: 'bay-occupied' });
  expect(told(site)).toEqual(['up']);
  expect(truth(site).position).toBe(1);
});

onSite(
  'ED-17 a car that comes while the lock rises: the arm goes down again, and somebody is told',
  guarded('bus-lock'),
  async (site) => {
    await isSeen(site);
    const raising = site.edge.move('D', 'raise');
    await isMoving(site);
    occupy(site);
    await until('the arm to turn round', 3000, () => told(site).includes('down'));
    expect(await raising).toEqual({ kind: 'failed', reason: 'bay-occupied' });
    await until('the arm is down', 8000, () => truth(site).position === 0);
    expect(told(site)).toEqual(['up', 'down']);
    expect(site.edge.alarmCodes('A')).toEqual(['parking-lock-fault']);
  },
);

onSite(
  'ED-17 a car that comes while the barrier closes: the boom goes up again, and somebody is told',
  guarded('bus-barrier'),
  async (site) => {
    await isSeen(site);
    expect(await site.edge.move('D', 'raise')).toEqual({ kind: 'done' });
    const lowering = site.edge.move('D', 'lower');
    await isMoving(site);
    occupy(site);
    expect(await lowering).toEqual({ kind: 'failed', reason: 'bay-occupied' });
    await until('the boom is up', 8000, () => truth(site).position === 1);
    expect(site.edge.alarmCodes('A')).toEqual(['parking-lock-fault']);
  },
);

/** The device is in fault: no new charge begins there, the one that runs goes on, and it is told once. */
async function blocksNewChargesOnly(site: FaultSite): Promise<void> {
  expect(site.edge.view('A').faults).toContain('parking-lock-fault');
  expectUntouchedByLock(site);
  site.edge.stop('A');
  const bill = await site.bill('A');
  expectUntouched({ ...bill, alarms: bill.alarms.filter((code) => code !== 'parking-lock-fault') });
  site.edge.start('A');
  await until('a refusal', 5000, () => site.edge.refusals().length > 0);
  expect(site.edge.refusals()).toEqual(['connector.faulted']);
}

function expectUntouchedByLock(site: FaultSite): void {
  expect(site.edge.view('A').status, 'the charge goes on').toBe('charging');
  expect(site.edge.alarmCodes('A')).toEqual(['parking-lock-fault']);
}

for (const model of ['bus-lock', 'bus-barrier'] as const) {
  onSite(
    `HS-03 ED-17 ${model} that jams on its way: told once, and free again when it moves`,
    guarded(model),
    async (site) => {
      await isSeen(site);
      if (model === 'bus-barrier') expect(await site.edge.move('D', 'raise')).toEqual({ kind: 'done' });
      await site.charge('A');
      const barring = site.edge.move('D', model === 'bus-lock' ? 'raise' : 'lower');
      await isMoving(site);
      const fault = site.fault('lock:D', { kind: 'lock-jammed' });
      expect(await barring).toEqual({ kind: 'failed', reason: 'end-not-reached' });
      await isFaulty(site, 'jammed');
      await blocksNewChargesOnly(site);
      site.clear(fault);
      expect(await site.edge.move('D', model === 'bus-lock' ? 'lower' : 'raise')).toEqual({ kind: 'done' });
      await isFaulty(site, null);
      expect(truth(site).position).toBe(model === 'bus-lock' ? 0 : 1);
    },
  );
}

onSite('HS-03 ED-17 a damaged arm: no move is made, no charge begins', guarded('bus-lock'), async (site) => {
  await isSeen(site);
  await site.charge('A');
  site.fault('lock:D', { kind: 'arm-damaged' });
  await isFaulty(site, 'damaged');
  expect(await site.edge.move('D', 'raise')).toEqual({ kind: 'failed', reason: 'faulted' });
  expect(told(site)).toEqual([]);
  await blocksNewChargesOnly(site);
});

onSite(
  'HS-03 ED-17 a silent lock: told once, blocks new charges, works again when it is back',
  guarded('bus-lock'),
  async (site) => {
    await isSeen(site);
    await site.charge('A');
    const fault = site.fault('lock:D', { kind: 'silence' });
    await isFaulty(site, 'silent');
    await blocksNewChargesOnly(site);
    site.clear(fault);
    await isFaulty(site, null);
    expect(await site.edge.move('D', 'raise')).toEqual({ kind: 'done' });
    expect(truth(site).position).toBe(1);
  },
);

onSite('HS-03 ED-17 a lock that falls silent while it rises is sent down unseen', guarded('bus-lock'), async (site) => {
  await isSeen(site);
  const raising = site.edge.move('D', 'raise');
  await isMoving(site);
  site.fault('lock:D', { kind: 'silence' });
  expect(await raising).toMatchObject({ kind: 'failed', reason: 'no-answer' });
  await until('the arm is down', 10_000, () => truth(site).position === 0 && !truth(site).moving);
  expect(told(site)).toContain('down');
});

onSite('HS-03 ED-04 a silent lock on the line of a pile does not disturb its charge', onOneLine, async (site) => {
  await isSeen(site);
  await site.charge('A');
  site.fault('lock:D', { kind: 'silence' });
  await isFaulty(site, 'silent');
  await pass(3000);
  expectUntouchedByLock(site);
  const bill = await site.stop('A');
  expectUntouched({ ...bill, alarms: [] });
});

for (const [what, fault] of [
  ['damaged sums', { kind: 'crc-error', count: 3 }],
  ['noise before its replies', { kind: 'noise', mode: 'before', count: 3 }],
  ['noise inside its replies', { kind: 'noise', mode: 'inside', count: 3 }],
  ['replies in pieces', { kind: 'split', pieces: 3, pauseMs: 10, count: 8 }],
  ['replies that come twice', { kind: 'duplicate-reply', count: 4 }],
] as const) {
  onSite(`HS-03 ED-17 ${what}: the lock is never believed to be where it is not`, guarded('bus-lock'), async (site) => {
    await isSeen(site);
    for (const move of ['raise', 'lower', 'raise', 'lower'] as const) {
      const moving = site.edge.move('D', move);
      await pass(600);
      site.fault('lock:D', fault);
      const result = await moving;
      const { position } = truth(site);
      if (result.kind === 'done') expect(position).toBe(move === 'raise' ? 1 : 0);
      await until('the fault to be over', 20_000, () => site.station.world.faults.list().length === 0);
    }
    await isFaulty(site, null);
    expect(await site.edge.move('D', 'raise')).toEqual({ kind: 'done' });
    expect(truth(site).position).toBe(1);
  });
}
