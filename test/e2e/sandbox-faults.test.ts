import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitForConnector } from '../../scripts/start/walk.ts';
import { eventually, startCharge } from './charge.ts';
import { type Rig, startRig } from './rig.ts';

/**
 * Goal: a partner makes each fault by the API alone and sees the documented consequence by the API alone.
 * Method: the whole station as `npm start` brings it up; faults at different piles at the same time.
 */

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ PILEGATE_START_TIMEOUT_S: '12', PILEGATE_START_SILENCE_S: '0' }, { hasRig: true });
});
afterAll(() => rig?.stop());

const connector = (pileId: string) => `DEMO-${pileId}`;
async function make(kind: string, pileId: string, duration_s: number): Promise<string> {
  const reply = await rig.client.post(`/v1/sandbox/connectors/${connector(pileId)}/faults`, { kind, duration_s });
  expect(reply.status, `${kind}: ${JSON.stringify(reply.body)}`).toBe(201);
  return reply.body.fault_id;
}
const end = async (faultId: string) => {
  expect((await rig.client.send('DELETE', `/v1/sandbox/faults/${faultId}`, '')).status).toBe(204);
};
const start = (pileId: string) =>
  rig.client.post('/v1/operations/start', { request_id: randomUUID(), connector_id: connector(pileId) });
const becomes = (pileId: string, status: string, withinMs = 40_000) =>
  waitForConnector(rig.client, connector(pileId), status, withinMs);
async function endsWith(kind: string, pileId: string, withinMs = 40_000) {
  const { orderId } = await startCharge(rig, pileId);
  const faultId = await make(kind, pileId, 120);
  const { data } = await rig.receiver.waitFor('charge.ended', orderId, withinMs);
  return { faultId, data };
}

const unplug = (pileId: string) => rig.station.truth.unplug(pileId);

async function welded(): Promise<void> {
  const { orderId } = await startCharge(rig, 'A1');
  const faultId = await make('contactor-welded', 'A1', 90);
  await rig.client.post('/v1/operations/stop', { request_id: randomUUID(), order_id: orderId });
  await eventually('the weld is seen', 60_000, async () => {
    const { body } = await rig.client.get(`/v1/connectors/${connector('A1')}`);
    return body.status === 'stopping' && body.faults.includes('contactor-welded');
  });
  const ends = rig.receiver.events.filter(({ type, data }) => type === 'charge.ended' && data.order_id === orderId);
  expect(ends, 'current flows yet').toEqual([]);
  await end(faultId);
  const { data } = await rig.receiver.waitFor('charge.ended', orderId, 30_000);
  expect(data.energy_wh).toBeGreaterThan(0);
  await becomes('A1', 'plugged', 60_000);
}

/** Of a start that is taken, and comes to nothing. */
async function failureOf(pileId: string): Promise<string> {
  const accepted = await start(pileId);
  expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
  const { data } = await rig.receiver.waitFor('charge.start_failed', accepted.body.order_id, 60_000);
  return data.failure.code;
}

async function protections(): Promise<void> {
  const { faultId, data } = await endsWith('ground-fault', 'B1');
  expect(data.cdr.stop_reason).toBe('fault');
  await becomes('B1', 'faulted');
  expect((await start('B1')).body.code).toBe('connector.faulted');
  await end(faultId);
  await becomes('B1', 'plugged', 60_000);
  const pressed = await make('emergency-stop', 'B1', 60);
  await becomes('B1', 'faulted');
  expect((await start('B1')).body.code).toBe('connector.faulted');
  await end(pressed);
  await becomes('B1', 'plugged', 60_000);
}

async function vehicles(): Promise<void> {
  await becomes('B2', 'available');
  const plugged = await make('vehicle-plugged', 'B2', 120);
  await becomes('B2', 'plugged');
  await end(plugged);
  await becomes('B2', 'available');
  const { data } = await endsWith('gun-removed', 'B2');
  expect(data.cdr).toMatchObject({ stop_reason: 'gun-removed' });
  await becomes('B2', 'available');
  await make('pile-offline', 'B2', 15);
  await becomes('B2', 'offline');
  expect((await start('B2')).body.code).toBe('connector.offline');
  // It ends by itself.
  await becomes('B2', 'available');
}

async function stuckThenIgnoredThenTooHot(): Promise<void> {
  const { data, faultId: stuck } = await endsWith('meter-stuck', 'A2', 120_000);
  expect(data.cdr).toMatchObject({ stop_reason: 'fault', fault_code: 'meter-stuck' });
  await end(stuck);
  await becomes('A2', 'plugged', 60_000);
  const faultId = await make('start-ignored', 'A2', 60);
  expect(await failureOf('A2')).toBe('pile.no_confirmation');
  await end(faultId);
  await unplug('A2');
  const hot = await endsWith('over-temperature', 'A2');
  expect(hot.data.cdr).toMatchObject({ stop_reason: 'fault', fault_code: 'over-temperature' });
  await becomes('A2', 'plugged');
  expect(await failureOf('A2')).toBe('connector.faulted');
  await end(hot.faultId);
}

test('OP-23 each fault has the consequence that the guide promises, and leaves a connector that works', {
  timeout: 180_000,
}, async () => {
  const outcomes = await Promise.allSettled([welded(), protections(), vehicles(), stuckThenIgnoredThenTooHot()]);
  expect(outcomes.flatMap((one) => (one.status === 'rejected' ? [String(one.reason).slice(0, 600)] : []))).toEqual([]);
});

test('OP-23 a site that is cut off refuses starts, one that is silent lets them fail, and both come back', {
  timeout: 120_000,
}, async () => {
  const faultId = await make('site-offline', 'A2', 60);
  const refused = await eventually('the site counts as offline', 30_000, async () => {
    const reply = await start('A2');
    return reply.body.code === 'site.offline' ? reply : null;
  });
  expect(refused.status).toBe(409);
  await end(faultId);
  await eventually('the site is back', 60_000, async () => (await rig.client.get('/v1/stations/demo')).body.online);
  await becomes('A2', 'plugged', 60_000);
  await make('site-silent', 'A2', 30);
  expect(await failureOf('A2')).toBe('operation.timed_out');
  await becomes('A2', 'plugged', 60_000);
});
