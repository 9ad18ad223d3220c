import { type TestContext, test, vi } from 'vitest';
import { pass, Stand, until } from '../stand/stand.ts';
import {
  ACTS_WITHIN_MS,
  beginCharge,
  type Charge,
  expectOnce,
  expectTrueCdr,
  flowedWh,
  stopTakesMs,
  storedSessions,
} from './charges.ts';
import {
  checkpoint,
  cutInHalf,
  garbageBehindHeader,
  garbageHeader,
  garbageInWal,
  garbageTable,
  garbageWalHeader,
  quarantined,
} from './damage.ts';

/**
 * Goal: whatever a disk does to the ledger, the site goes on with a store of a new epoch, says so, and bills what flowed once or
 * not at all. Method: the real edge, killed in a charge, and its files overwritten, cut off, or filled with garbage.
 */

vi.setConfig({ maxConcurrency: 8 });

/** A pile that delivers without a session is stopped with the first look at it. */
const STOPPED_WITHIN_MS = 20_000;

async function newStand({ onTestFinished }: Pick<TestContext, 'onTestFinished'>): Promise<Stand> {
  const stand = await Stand.open();
  onTestFinished(() => stand.close());
  return stand;
}

const damageAlarms = ({ cloud }: Stand) =>
  cloud.recordsOf('alarm.raised').filter(({ code }) => code === 'store-damaged');

interface LedgerDamage {
  readonly does: (stand: Stand) => void;
  readonly keepsSession: boolean;
  /** Something is lost that must not be forgotten. */
  readonly forgets: boolean;
}

const damages: Record<string, LedgerDamage> = {
  'the page with the sessions is garbage': {
    does: (stand) => garbageTable(stand, 'sessions'),
    keepsSession: false,
    forgets: false,
  },
  'the page with the records is garbage': {
    does: (stand) => garbageTable(stand, 'outbox'),
    keepsSession: true,
    forgets: false,
  },
  'everything but the first page is garbage': { does: garbageBehindHeader, keepsSession: false, forgets: true },
  'the header is garbage': { does: garbageHeader, keepsSession: false, forgets: true },
  'it is cut off in the middle': { does: cutInHalf, keepsSession: false, forgets: true },
};

async function inACharge(stand: Stand): Promise<Charge> {
  const charge = await beginCharge(stand, 'A1');
  await until('the cloud has all of it', 20_000, () => stand.cloud.recordsOf('session.started').length > 0);
  await pass(1000);
  return charge;
}

/** Restarts on what is left; the store is another one, the cloud hears of it, and what was quarantined is kept. */
async function expectReplaced(stand: Stand, { expect }: Pick<TestContext, 'expect'>): Promise<void> {
  const before = { epoch: stand.cloud.hello?.storeEpoch, alarms: damageAlarms(stand).length, kept: quarantined(stand) };
  await stand.restart();
  await until('the alarm is in the cloud', 30_000, () => damageAlarms(stand).length > before.alarms);
  expect(damageAlarms(stand).at(-1)).toMatchObject({ severity: 'critical', code: 'store-damaged' });
  expect(damageAlarms(stand)).toHaveLength(before.alarms + 1);
  expect(stand.cloud.hello?.storeEpoch).not.toBe(before.epoch);
  expect(quarantined(stand)).toBe(before.kept + 1);
}

/** A session that came over goes on, or has ended meanwhile, and is billed for what flowed. */
async function expectKept(stand: Stand, charge: Charge, { expect }: Pick<TestContext, 'expect'>): Promise<void> {
  const [started] = stand.cloud.recordsOf('session.started');
  const hasEnded = () => stand.cdrs().some(({ sessionId }) => sessionId === started?.sessionId);
  const goesOn = () => stand.isHeard && stand.view('A1')?.status === 'charging';
  await until('it goes on with its session, or has ended', STOPPED_WITHIN_MS, () => hasEnded() || goesOn());
  if (!hasEnded()) stand.stop('A1');
  expect((await expectTrueCdr(stand, charge)).marks).toEqual(expect.arrayContaining(['recovered']));
}

/** A pile whose session is lost does not deliver, and is billed for nothing. */
async function expectLost(stand: Stand, { expect }: Pick<TestContext, 'expect'>): Promise<void> {
  await until('it is off', STOPPED_WITHIN_MS, async () => !(await stand.station.pile('A1')).contactorClosed);
  await pass(3000);
  const { contactorClosed, powerW } = await stand.station.pile('A1');
  expect({ contactorClosed, powerW, cdrs: stand.cdrs() }).toEqual({ contactorClosed: false, powerW: 0, cdrs: [] });
}

/** Where latches, hands at work, inputs or rules may be lost, no charge begins until a technician has confirmed it. */
async function confirmLoss(stand: Stand, { expect }: Pick<TestContext, 'expect'>): Promise<boolean> {
  const { stdout } = await stand.pilectl('storage');
  if (!/\nlost .*not confirmed/.test(stdout)) return false;
  expect(stdout).toContain('no new one may begin');
  expect(stand.view('A1')?.faults).toContain('store-damaged');
  expect(await stand.pilectl('confirm-store')).toMatchObject({ exitCode: 0, stdout: 'done\n' });
  return true;
}

test.concurrent.for(Object.entries(damages))(
  'ED-09 ED-11 %s: another store takes its place, and what flowed is billed once or not at all',
  {
    timeout: 240_000,
  },
  async ([, { does, keepsSession, forgets }], context) => {
    const { expect } = context;
    const stand = await newStand(context);
    const charge = await inACharge(stand);
    await stand.edge.kill('SIGKILL');
    checkpoint(stand);
    does(stand);
    await expectReplaced(stand, context);
    await (keepsSession ? expectKept(stand, charge, context) : expectLost(stand, context));
    expect(await confirmLoss(stand, context)).toBe(forgets);
    await stand.status('A1', 'plugged');
    const again = await beginCharge(stand, 'A1');
    stand.stop('A1');
    const cdr = await stand.cdr('A1');
    expect(Math.abs(cdr.energyWh - (await flowedWh(stand, again)))).toBeLessThan(1.5);
    expect(stand.cloud.complaints).toEqual([]);
  },
);

const walDamages: Record<string, (stand: Stand) => void> = {
  'the header of the WAL is garbage': garbageWalHeader,
  'the WAL is garbage some commits before its end': (stand) => garbageInWal(stand, 12),
};

/** Whether the session was before the garbage or behind it: it is billed for what flowed, or for nothing. */
async function expectSettled(stand: Stand, charge: Charge, context: Pick<TestContext, 'expect'>): Promise<void> {
  const isOpen = storedSessions(stand).some(({ isOpen }) => isOpen);
  await (isOpen ? expectKept(stand, charge, context) : expectLost(stand, context));
}

test.concurrent.for(Object.entries(walDamages))(
  'ED-09 ED-11 %s: commits that the cloud knows of are gone, and their numbers are not given again',
  {
    timeout: 240_000,
  },
  async ([, does], context) => {
    const { expect } = context;
    const stand = await newStand(context);
    const charge = await inACharge(stand);
    await stand.edge.kill('SIGKILL');
    does(stand);
    await expectReplaced(stand, context);
    await expectSettled(stand, charge, context);
    expect(await confirmLoss(stand, context)).toBe(true);
    await stand.status('A1', 'plugged');
    await beginCharge(stand, 'A1');
    stand.stop('A1');
    await stand.cdr('A1');
    expect(stand.cloud.complaints).toEqual([]);
  },
);

test.concurrent('ED-09 ED-11 damaged under the running edge: it is seen, another store takes its place, and the charge ends with its record', {
  timeout: 240_000,
}, async (context) => {
  const { expect } = context;
  const stand = await newStand(context);
  const { pid } = stand.edge;
  const charge = await inACharge(stand);
  const epoch = stand.cloud.hello?.storeEpoch;
  checkpoint(stand);
  garbageBehindHeader(stand);
  // Whatever is stored or read next meets it.
  const unknown = stand.start('B1');
  await until('the alarm is in the cloud', 30_000, () => damageAlarms(stand).length > 0);
  const outcome = await stand.outcome(unknown);
  expect(outcome.status).toBe('failed');
  // Whether the start met the damage itself, or came when it had been found.
  expect(outcome.code).toMatch(/^connector\.(not_plugged|faulted)$/);
  expect(damageAlarms(stand)).toHaveLength(1);
  expect(stand.cloud.hello?.storeEpoch).not.toBe(epoch);
  expect(quarantined(stand)).toBe(1);
  expect((await stand.pilectl('storage')).stdout).toMatch(/\ndamage +the ledger was damaged and made anew: /);
  expect(stand.view('A1')?.status).toBe('charging');
  expect(await stopTakesMs(stand, 'A1', () => stand.stop('A1'))).toBeLessThan(ACTS_WITHIN_MS);
  expect((await expectTrueCdr(stand, charge)).stopReason).toBe('partner');
  expect(await confirmLoss(stand, context)).toBe(true);
  expectOnce(stand, [unknown]);
  expect(stand.cdrs()).toHaveLength(1);
  expect(stand.edge.pid).toBe(pid);
  expect(stand.cloud.complaints).toEqual([]);
});
