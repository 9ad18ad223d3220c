import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { disagreements, type Figures } from '../../scripts/start/figures.ts';
import { type BegunCharge, gatherFigures } from '../../scripts/start/gather.ts';
import { registerWebhook, waitForConnector } from '../../scripts/start/walk.ts';
import type { Rig } from './rig.ts';

/** More than two steps of a register that counts whole watt-hours. */
const BILLABLE_WH = 2;

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `look` gives something, or fails with what it saw last. */
export async function eventually<Value>(
  what: string,
  withinMs: number,
  look: () => Promise<Value | null | false>,
): Promise<Value> {
  const untilMs = Date.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== false) return seen;
    if (Date.now() > untilMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pause(100);
  }
}

/** Plugs a car in and starts a charge as a partner; returns when `charge.started` has come, and something has flowed that can be billed. */
export async function startCharge(rig: Rig, pileId: string): Promise<BegunCharge> {
  const connectorId = `DEMO-${pileId}`;
  if (rig.receiver.secret === '') await registerWebhook(rig.client, rig.receiver);
  await waitForConnector(rig.client, connectorId, 'available', 30_000);
  await rig.station.truth.plug(pileId);
  await waitForConnector(rig.client, connectorId, 'plugged', 15_000);
  return startPluggedIn(rig, pileId);
}

/** The same with a car that is plugged in. @param own whose hold on the connector it uses */
export async function startPluggedIn(
  rig: Rig,
  pileId: string,
  own: { readonly reservation_id?: string } = {},
): Promise<BegunCharge> {
  const connectorId = `DEMO-${pileId}`;
  const before = await rig.station.truth.truth(pileId);
  const startRequest = { request_id: `start-${randomUUID()}`, connector_id: connectorId, ...own };
  const accepted = await rig.client.post('/v1/operations/start', startRequest);
  expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
  const orderId: string = accepted.body.order_id;
  await rig.receiver.waitFor('charge.started', orderId, 30_000);
  await eventually('energy that can be billed', 30_000, async () => {
    const { energyTruthWh } = await rig.station.truth.truth(pileId);
    return energyTruthWh - before.energyTruthWh > BILLABLE_WH;
  });
  return { orderId, pileId, connectorId, startRequest, operationId: accepted.body.operation_id, before };
}

export async function stopCharge(rig: Rig, charge: BegunCharge): Promise<void> {
  const reply = await rig.client.post('/v1/operations/stop', {
    request_id: `stop-${randomUUID()}`,
    order_id: charge.orderId,
  });
  expect(reply.status, JSON.stringify(reply.body)).toBe(202);
}

/** Waits for the end and gathers what everybody says of it. */
export async function endOf(rig: Rig, charge: BegunCharge, withinMs = 40_000): Promise<Figures> {
  const ended = await rig.receiver.waitFor('charge.ended', charge.orderId, withinMs);
  const started = await rig.receiver.waitFor('charge.started', charge.orderId, 0);
  return gatherFigures(rig.client, rig.station.truth, charge, { started, ended });
}

/** The promise of the whole product, for one charge. */
export function expectTheBillToEqualThePhysics(figures: Figures, resolutionWh?: number): void {
  expect(disagreements(figures, resolutionWh)).toEqual([]);
}

/** Each kind of event about an order has come exactly once. @param between what else was told while it ran */
export function expectOneOutcome(rig: Rig, orderId: string, ...between: string[]): void {
  const types = rig.receiver.events.filter((event) => event.data.order_id === orderId).map((event) => event.type);
  expect(types).toEqual(['charge.started', ...between, 'charge.ended']);
}
