import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endOf, eventually, expectTheBillToEqualThePhysics, pause, startCharge, stopCharge } from './charge.ts';
import { type Rig, startRig } from './rig.ts';

/** Goal: what stands around a pile (gateway, separate meter, ground lock) does its part in a charge, and says when it cannot. */

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.stop());

const ROOT = join(import.meta.dirname, '..', '..');
const METER_RESOLUTION_WH = 10;

async function pilectl(...words: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const dataDir = join(rig.station.folder, 'edge', 'data');
  const child = spawn(process.execPath, ['edge/cli/pilectl.ts', '--data', dataDir, ...words], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { status, stdout, stderr };
}

test('ED-01 ED-03 a pile behind a gateway is billed by its DL/T 645 meter, to the step of the meter', {
  timeout: 90_000,
}, async () => {
  const charge = await startCharge(rig, 'C1');
  await pause(20_000);
  await stopCharge(rig, charge);
  const figures = await endOf(rig, charge);
  expectTheBillToEqualThePhysics(figures, METER_RESOLUTION_WH);
  expect(figures.order.energy_wh % METER_RESOLUTION_WH).toBe(0);
  expect(figures.order.energy_wh).toBeGreaterThanOrEqual(30);
  await rig.station.truth.unplug('C1');
});

test('ED-17 a technician raises and lowers the ground lock, and it is not raised below a car', {
  timeout: 90_000,
}, async () => {
  expect(await pilectl('raise', 'G-C1')).toMatchObject({ status: 0, stdout: 'done\n' });
  expect((await rig.station.truth.lock('G-C1')).position).toBe(1);
  expect(await pilectl('lower', 'G-C1')).toMatchObject({ status: 0, stdout: 'done\n' });
  await rig.station.truth.occupyBay('G-C1', true);
  await pause(1500);
  expect(await pilectl('raise', 'G-C1')).toMatchObject({ status: 1, stderr: 'not done: bay-occupied\n' });
  expect((await rig.station.truth.lock('G-C1')).position).toBe(0);
  await rig.station.truth.occupyBay('G-C1', false);
});

test('ED-17 a damaged ground lock makes its connector unavailable, until it works again', {
  timeout: 120_000,
}, async () => {
  const fault = await rig.station.truth.injectLock('G-C1', { kind: 'arm-damaged' });
  const refusal = await eventually('the cloud refuses a start', 15_000, async () => {
    const request = { request_id: `damaged-${Date.now()}`, connector_id: 'DEMO-C1' };
    const reply = await rig.client.post('/v1/operations/start', request);
    return reply.status === 409 && reply.body.code === 'connector.faulted' ? reply : null;
  });
  expect(refusal.body.code).toBe('connector.faulted');
  expect((await pilectl('parking')).stdout).toMatch(/G-C1\s.*damaged/);
  expect(await pilectl('raise', 'G-C1')).toMatchObject({ status: 1, stderr: 'not done: faulted\n' });
  await rig.station.truth.clear(fault);
  expect(await pilectl('lower', 'G-C1')).toMatchObject({ status: 0 });
  const charge = await startCharge(rig, 'C1');
  await pause(5000);
  await stopCharge(rig, charge);
  expectTheBillToEqualThePhysics(await endOf(rig, charge), METER_RESOLUTION_WH);
});
