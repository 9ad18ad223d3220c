import { execFileSync } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import type { Cdr } from '#shared/wire/cdr.ts';
import { forgetTheBoot } from '../stand/forget-boot.ts';
import { pass, Stand, until } from '../stand/stand.ts';
import { WrongClock } from './wrong-clock.ts';

/**
 * Goal: whatever the wall clock does, energies and durations are right, times are right as soon as somebody knows them,
 * and what nobody knew is marked. Method: the real edge with its wall clock shifted under it, beside a simulated station.
 */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A box without a battery wakes up a minute after the epoch. */
const deadBatteryMs = () => 60_000 - Date.now();
/** The cloud's time counts within a second, and takes its way there and back. */
const NEAR_MS = 2500;

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function standWith(clock: WrongClock): Promise<Stand> {
  ends.push(() => clock.remove());
  const stand = await Stand.open({ env: clock.env });
  ends.push(() => stand.close());
  return stand;
}

const clockOf = (stand: Stand) => stand.cloud.state?.at.clock;
const expectNear = (wallMs: number, trueMs: number) => expect(Math.abs(wallMs - trueMs)).toBeLessThan(NEAR_MS);

function expectBetween(value: number, from: number, to: number): void {
  expect(value).toBeGreaterThan(from - NEAR_MS);
  expect(value).toBeLessThan(to + NEAR_MS);
}

/** Stops the charge at A1, and the time in which it must have ended. */
async function endCharge(stand: Stand): Promise<{ cdr: Cdr; end: { fromMs: number; toMs: number } }> {
  const fromMs = Date.now();
  stand.stop('A1');
  const cdr = await stand.cdr('A1');
  return { cdr, end: { fromMs, toMs: Date.now() } };
}

/** A charge at A1 up to "charging", and what is true of it. */
async function beginCharge(stand: Stand) {
  await stand.plug('A1');
  await until('a trusted clock', 20_000, () => clockOf(stand) === 'trusted');
  const before = await stand.station.pile('A1');
  const sentMs = Date.now();
  const command = stand.start('A1');
  expect(await stand.outcome(command)).toMatchObject({ status: 'done' });
  const doneMs = Date.now();
  await stand.status('A1', 'charging');
  return { before, sentMs, doneMs };
}

async function expectTrueRecord(
  stand: Stand,
  cdr: Cdr,
  charge: Awaited<ReturnType<typeof beginCharge>>,
  end: { fromMs: number; toMs: number },
): Promise<void> {
  const after = await stand.station.pile('A1');
  const flowedWh = after.energyTruthWh - charge.before.energyTruthWh;
  expect(flowedWh).toBeGreaterThan(1);
  expect(Math.abs(cdr.energyWh - flowedWh)).toBeLessThan(1);
  expectBetween(cdr.startedAt.wallMs, charge.sentMs, charge.doneMs);
  expectBetween(cdr.endedAt.wallMs, end.fromMs, end.toMs);
  expectBetween(cdr.durationMs, end.fromMs - charge.doneMs, end.toMs - charge.sentMs);
  expect(cdr.durationMs).toBe((cdr.readings.at(-1)?.atMs ?? 0) - (cdr.readings[0]?.atMs ?? 0));
}

test('the shim: Node takes the wall clock from it, and the monotonic clock not', () => {
  const clock = new WrongClock(-2 * HOUR_MS);
  ends.push(() => clock.remove());
  const program = 'console.log(JSON.stringify([Date.now(), Number(process.hrtime.bigint()) / 1e6]))';
  const run = (env: Record<string, string>): [number, number] =>
    JSON.parse(execFileSync(process.execPath, ['-e', program], { env: { ...process.env, ...env } }).toString());
  const [wallMs, monoMs] = run(clock.env);
  expectNear(wallMs, Date.now() - 2 * HOUR_MS);
  expectNear(monoMs, run({})[1]);
});

test('ED-12 the wall clock jumps two hours back and three days forward during a charge: nothing of the record is bent', {
  timeout: 120_000,
}, async () => {
  const clock = new WrongClock();
  const stand = await standWith(clock);
  const charge = await beginCharge(stand);
  const told: { wallMs: number; trueMs: number; clock: string }[] = [];
  stand.cloud.onHeard = (kind) => {
    const { state } = stand.cloud;
    if (kind === 'hello' && state !== null) told.push({ ...state.at, trueMs: Date.now() });
  };
  for (const shiftMs of [-2 * HOUR_MS, 3 * DAY_MS]) {
    const hellos = told.length;
    clock.shift(shiftMs);
    await until('the edge asks the cloud who is right', 20_000, () => told.length > hellos);
    await until('the cloud has told it', 20_000, () => clockOf(stand) === 'trusted');
    const { state } = stand.cloud;
    expectNear(state?.at.wallMs ?? 0, Date.now());
  }
  await pass(2000);
  const { cdr, end } = await endCharge(stand);
  await expectTrueRecord(stand, cdr, charge, end);
  expect(cdr.marks).toEqual([]);
  expect([cdr.startedAt.clock, cdr.endedAt.clock]).toEqual(['trusted', 'trusted']);
  expect(stand.cloud.recordsOf('clock.corrected')).toEqual([]);
  expect(stand.cloud.complaints).toEqual([]);
});

test('ED-12 the wall clock jumps while the cloud is away, and the car leaves: the edge goes on with its own time', {
  timeout: 120_000,
}, async () => {
  const clock = new WrongClock();
  const stand = await standWith(clock);
  const charge = await beginCharge(stand);
  await until('the start is acknowledged', 20_000, () => stand.cloud.recordsOf('session.started').length === 1);
  await stand.cloud.cutOff();
  clock.shift(3 * DAY_MS);
  await pass(4000);
  const fromMs = Date.now();
  await stand.station.vehicle('A1', { plugged: false });
  await until('the charge is over', 30_000, () => stand.edge.log.some((line) => line.record === 'session.ended'));
  const toMs = Date.now();
  await stand.cloud.comeBack();
  const cdr = await stand.cdr('A1');
  await expectTrueRecord(stand, cdr, charge, { fromMs, toMs });
  expect(cdr).toMatchObject({ stopReason: 'gun-removed', marks: [] });
  expect(cdr.startedAt.clock).toBe('trusted');
  await until('the cloud has confirmed it', 20_000, () => clockOf(stand) === 'trusted');
  expect(stand.cloud.recordsOf('clock.corrected')).toEqual([]);
});

test('ED-12 a box that wakes up in 1970 refuses a start until the cloud tells it the time', {
  timeout: 120_000,
}, async () => {
  const clock = new WrongClock(deadBatteryMs());
  ends.push(() => clock.remove());
  const stand = await Stand.open({ env: clock.env });
  ends.push(() => stand.close());
  // The first welcome has told it already: begin again with a cloud that does not know the time either.
  await stand.edge.stop();
  forgetTheBoot(stand.ledgerFile);
  stand.cloud.wallMs = () => 0;
  await stand.restart();
  await stand.plug('A1');
  expect(clockOf(stand)).toBe('none');
  const refused = stand.start('A1');
  expect(await stand.outcome(refused)).toMatchObject({ status: 'failed', code: 'command.expired' });
  const corrections = stand.cloud.recordsOf('clock.corrected').length;
  stand.cloud.wallMs = Date.now;
  await until('the edge has asked again', 30_000, () => clockOf(stand) === 'trusted');
  const charge = await beginCharge(stand);
  await until('the correction is told', 20_000, () => stand.cloud.recordsOf('clock.corrected').length > corrections);
  const correction = stand.cloud.recordsOf('clock.corrected').at(-1);
  const { monoMs, bootId } = stand.cloud.state?.at ?? { monoMs: 0, bootId: '' };
  expect(correction).toMatchObject({ quality: 'trusted', bootId });
  expectNear((correction?.offsetMs ?? 0) + monoMs, Date.now());
  await pass(2000);
  const { cdr, end } = await endCharge(stand);
  await expectTrueRecord(stand, cdr, charge, end);
  expect(cdr.marks).toEqual([]);
});

test('ED-12 killed in a charge, with the clock set to 1970 meanwhile and nobody to ask: the time of the boot goes on, in doubt', {
  timeout: 120_000,
}, async () => {
  const clock = new WrongClock();
  const stand = await standWith(clock);
  const charge = await beginCharge(stand);
  const earlier = stand.cloud.state?.connectionEpoch;
  await stand.edge.kill('SIGKILL');
  clock.shift(deadBatteryMs());
  stand.cloud.wallMs = () => 0;
  await stand.restart();
  await until('the new life is heard', 20_000, () => stand.cloud.state?.connectionEpoch !== earlier);
  await stand.status('A1', 'charging');
  expect(clockOf(stand)).toBe('doubtful');
  expectNear(stand.cloud.state?.at.wallMs ?? 0, Date.now());
  await pass(2000);
  const { cdr, end } = await endCharge(stand);
  await expectTrueRecord(stand, cdr, charge, end);
  expect(cdr.marks).toEqual(['adopted']);
});

test('ED-12 a reboot in a charge, without a battery: when the cloud tells the time, the outage is as long as it was', {
  timeout: 120_000,
}, async () => {
  const clock = new WrongClock();
  const stand = await standWith(clock);
  const charge = await beginCharge(stand);
  await until('the start is acknowledged', 20_000, () => stand.cloud.recordsOf('session.started').length === 1);
  const earlier = stand.cloud.state?.connectionEpoch;
  await stand.edge.kill('SIGKILL');
  expect(forgetTheBoot(stand.ledgerFile), 'open charges').toBe(1);
  clock.shift(deadBatteryMs());
  stand.cloud.wallMs = () => 0;
  await pass(4000);
  await stand.restart();
  await until('the new life is heard', 20_000, () => stand.cloud.state?.connectionEpoch !== earlier);
  await stand.status('A1', 'charging');
  const during = stand.cloud.state?.at;
  expect(during?.clock).toBe('none');
  expect((during?.wallMs ?? 0) - Date.now()).toBeLessThan(-3000);
  stand.cloud.wallMs = Date.now;
  await until('the edge has asked again', 30_000, () => clockOf(stand) === 'trusted');
  await pass(1000);
  const { cdr, end } = await endCharge(stand);
  await expectTrueRecord(stand, cdr, charge, end);
  // What flowed while nobody watched is a jump of the register when it is more than a step.
  expect(cdr.marks.filter((mark) => mark !== 'meter-jump')).toEqual(['adopted', 'clock-corrected']);
});
