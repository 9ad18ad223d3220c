import { expect, type TestContext, test } from 'vitest';
import { Stand } from './stand.ts';

/** The stand's own promises: what it tells of edge, cloud and station is so. */

const newStand = async ({ onTestFinished }: Pick<TestContext, 'onTestFinished'>) => {
  const stand = await Stand.open();
  onTestFinished(() => stand.close());
  return stand;
};

test.concurrent('ED-08 a charge on the stand: started, killed, adopted, stopped, billed for what flowed, each record told once', {
  timeout: 120_000,
}, async (context) => {
  const stand = await newStand(context);
  await stand.plug('A1');
  const before = await stand.station.pile('A1');
  const start = stand.start('A1');
  expect(await stand.outcome(start)).toMatchObject({ status: 'done', code: null });
  await stand.status('A1', 'charging');
  await stand.edge.kill('SIGKILL');
  expect(await stand.edge.ended).toBe('SIGKILL');
  expect(stand.isHeard).toBe(false);
  await stand.restart();
  await stand.status('A1', 'charging');
  const status = await stand.pilectl('status');
  expect({ ...status, stdout: status.stdout.includes('A1-1') }).toEqual({ exitCode: 0, stdout: true, stderr: '' });
  const stop = stand.stop('A1');
  const cdr = await stand.cdr('A1');
  expect(await stand.outcome(stop)).toMatchObject({ status: 'done', sessionId: cdr.sessionId });
  const after = await stand.station.pile('A1');
  const flowedWh = after.energyTruthWh - before.energyTruthWh;
  expect(flowedWh).toBeGreaterThan(3);
  expect(Math.abs(cdr.energyWh - flowedWh)).toBeLessThan(1);
  expect(cdr.marks).toEqual(['adopted']);
  expect(stand.cloud.complaints).toEqual([]);
  expect(stand.edge.log.some((line) => line.msg === 'edge is running' && line.openSessions === 1)).toBe(true);
});

test.concurrent('SY-01 two stands side by side: acknowledgements are withheld, the cloud goes, and every record comes all the same', {
  timeout: 120_000,
}, async (context) => {
  const [one, other] = await Promise.all([newStand(context), newStand(context)]);
  // By then the cloud has told it the time: a start that comes sooner is refused for want of a clock.
  await one.status('B1', 'available');
  one.cloud.isAcknowledging = false;
  const start = one.start('B1');
  expect(await one.outcome(start)).toMatchObject({ status: 'failed', code: 'connector.not_plugged' });
  await one.edge.stop();
  await one.restart();
  await context.expect
    .poll(() => one.cloud.records().map(({ receipts }) => receipts > 1), { timeout: 20_000 })
    .toContain(true);
  await one.cloud.cutOff();
  const unheard = one.start('B1');
  one.cloud.isAcknowledging = true;
  await one.cloud.comeBack();
  expect(await one.outcome(unheard)).toMatchObject({ status: 'failed' });
  expect(one.cloud.records().map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  expect([one.cloud.complaints, other.cloud.records()]).toEqual([[], []]);
});
