import { fieldOf, textOf } from '../told.ts';
import type { PartnerCaller, Walk } from '../walk.ts';

const HALF_AN_HOUR_MS = 1_800_000;

/** A charge that runs at a connector. */
export async function charging(
  walk: Walk,
  partner: PartnerCaller,
  connectorId: string,
  holdMinor: number,
): Promise<{ orderId: string; requestId: string }> {
  const requestId = walk.dice.uuid();
  const body = { request_id: requestId, connector_id: connectorId, hold_minor: holdMinor };
  const started = await walk.ask('POST /v1/operations/start', partner, { body });
  const again = await walk
    .look('POST /v1/operations/start', partner, {
      body: { ...body, request_id: textOf(started, 'request_id') },
    })
    .catch(() => null);
  if (again !== null && fieldOf(again, 'order_id') !== fieldOf(started, 'order_id'))
    throw new Error('the same request has made another order');
  const path = { operation_id: textOf(started, 'operation_id') };
  await walk.untilField('GET /v1/operations/{operation_id}', partner, { path }, 'status', 'succeeded', 'failed');
  return { orderId: textOf(started, 'order_id'), requestId: textOf(started, 'request_id') };
}

export async function stopped(walk: Walk, partner: PartnerCaller, orderId: string): Promise<string> {
  await walk.ask('POST /v1/operations/stop', partner, { body: { request_id: walk.dice.uuid(), order_id: orderId } });
  const wish = { path: { order_id: orderId } };
  const states = ['completed', 'abnormal', 'void', 'start_failed'];
  return textOf(await walk.untilField('GET /v1/orders/{order_id}', partner, wish, 'state', ...states), 'state');
}

/** Start, a higher hold, stop, and what can be looked up of it. */
export const chargeAndStop = (walk: Walk): Promise<void> =>
  walk.parts.stage.withConnector(async (connectorId) => {
    const partner = walk.partner();
    const { orderId, requestId } = await charging(walk, partner, connectorId, 1_000);
    await walk.ask('GET /v1/operations', partner, { query: { request_id: requestId } });
    await walk.ask('POST /v1/operations/raise-hold', partner, {
      body: { request_id: walk.dice.uuid(), order_id: orderId, hold_minor: 2_000 },
    });
    await stopped(walk, partner, orderId);
    await walk.ask('GET /v1/orders/{order_id}', partner, { path: { order_id: orderId } });
    await walk.ask('GET /v1/orders', partner, { query: { limit: 5 } });
    await walk.ask('GET /staff/v1/trace/{request_id}', walk.staff(), { path: { request_id: requestId } });
  });

/** Staff end what a partner has begun. */
export const forceStop = (walk: Walk): Promise<void> =>
  walk.parts.stage.withConnector(async (connectorId) => {
    const partner = walk.partner();
    const { orderId } = await charging(walk, partner, connectorId, 1_000);
    const path = { order_id: orderId };
    await walk.confirmed('POST /staff/v1/orders/{order_id}/stop', {
      path,
      body: { requested_by: 'z', reason: 'fuzz' },
    });
    await walk.untilField('GET /v1/orders/{order_id}', partner, { path }, 'state', 'completed', 'abnormal', 'void');
  });

/** Two reservations: one is given back, the other taken away. */
export const reserveAndCancel = (walk: Walk): Promise<void> =>
  walk.parts.stage.withConnector(async (connectorId) => {
    const partner = walk.partner();
    await walk.parts.stage.site.show(connectorId, 'available');
    try {
      await walk.untilField(
        'GET /v1/connectors/{connector_id}',
        partner,
        { path: { connector_id: connectorId } },
        'status',
        'available',
      );
      const first = await reserved(walk, partner, connectorId);
      const cancel = { request_id: walk.dice.uuid(), reservation_id: first };
      await walk.ask('POST /v1/operations/cancel-reservation', partner, { body: cancel });
      await over(walk, partner, first);
      await walk.ask('GET /v1/reservations/{reservation_id}', partner, { path: { reservation_id: first } });
      const second = await reserved(walk, partner, connectorId);
      await walk.ask('POST /staff/v1/reservations/{reservation_id}/cancel', walk.staff(), {
        path: { reservation_id: second },
        body: { requested_by: 'z', reason: 'fuzz' },
      });
      await over(walk, partner, second);
      await walk.ask('GET /v1/reservations', partner);
    } finally {
      await walk.parts.stage.site.show(connectorId, 'plugged');
    }
  });

async function reserved(walk: Walk, partner: PartnerCaller, connectorId: string): Promise<string> {
  const until = new Date(Date.now() + HALF_AN_HOUR_MS).toISOString();
  const body = { request_id: walk.dice.uuid(), connector_id: connectorId, until };
  const id = textOf(await walk.ask('POST /v1/operations/reserve', partner, { body }), 'reservation_id');
  const path = { reservation_id: id };
  await walk.untilField('GET /v1/reservations/{reservation_id}', partner, { path }, 'state', 'active');
  return id;
}

const over = (walk: Walk, partner: PartnerCaller, id: string): Promise<unknown> =>
  walk.until(
    'GET /v1/reservations/{reservation_id}',
    partner,
    { path: { reservation_id: id } },
    (told) => fieldOf(told, 'ended_at') !== null,
  );
