// One charge, as a partner's platform does it: from the list of stations to a bill that is checked.
//   API=https://… KEY=… SECRET=… CONNECTOR=… PORT=8090 WEBHOOK_URL=https://… node partner-program.mjs
// WEBHOOK_URL is where the platform reaches this program's PORT. It waits until a vehicle is plugged in.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { checkBill } from './check-bill.mjs';
import { call } from './sign-request.mjs';
import { webhookServer } from './verify-webhook.mjs';

const { API, KEY, SECRET, CONNECTOR, PORT, WEBHOOK_URL } = process.env;
const key = { id: KEY, secret: SECRET };
const PATIENCE_MS = 60_000;

async function expectAnswer(status, method, path, document) {
  const answer = await call(API, key, method, path, document);
  if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function until(what, look) {
  const untilMs = Date.now() + PATIENCE_MS;
  while (Date.now() < untilMs) {
    const found = await look();
    if (found) return found;
    await pause(200);
  }
  throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
}

/** All pages of a list. */
async function listAll(path, name) {
  const found = [];
  for (let cursor = ''; ; ) {
    const page = await expectAnswer(200, 'GET', `${path}${cursor === '' ? '' : `?cursor=${cursor}`}`);
    found.push(...page[name]);
    if (!page.has_more) return found;
    cursor = encodeURIComponent(page.next_cursor);
  }
}

const events = [];
const eventOf = (type, orderId) =>
  until(type, () => events.find((event) => event.type === type && event.data.order_id === orderId));

const stations = await listAll('/v1/stations', 'stations');

let endpoint = null;
const server = webhookServer(
  () => endpoint.secret,
  (event) => events.push(event),
);
await new Promise((resolve) => server.listen(Number(PORT), '127.0.0.1', resolve));
endpoint = await expectAnswer(201, 'POST', '/v1/webhook-endpoints', { url: WEBHOOK_URL });

await until('a vehicle is plugged in', async () => {
  const connector = await expectAnswer(200, 'GET', `/v1/connectors/${CONNECTOR}`);
  return connector.status === 'plugged';
});
const wish = { request_id: randomUUID(), connector_id: CONNECTOR };
// A wrong signature is refused, and leaves nothing behind.
const forged = await call(API, { ...key, secret: `${SECRET}x` }, 'POST', '/v1/operations/start', wish);
const accepted = await expectAnswer(202, 'POST', '/v1/operations/start', wish);
const orderId = accepted.order_id;
await eventOf('charge.started', orderId);

await until('energy that can be billed', async () => {
  const order = await expectAnswer(200, 'GET', `/v1/orders/${orderId}`);
  return (order.progress?.energy_wh ?? 0) > 2;
});
await expectAnswer(202, 'POST', '/v1/operations/stop', { request_id: randomUUID(), order_id: orderId });
const ended = await eventOf('charge.ended', orderId);
const order = await expectAnswer(200, 'GET', `/v1/orders/${orderId}`);

console.log(
  JSON.stringify({
    stations: stations.map((station) => station.site_id),
    forged: forged.body.code,
    order_id: orderId,
    events: events.filter((event) => event.data.order_id === orderId).map((event) => event.type),
    state: order.state,
    energy_wh: order.energy_wh,
    amount_due: order.amount_due,
    ...checkBill(ended.data),
  }),
);
await expectAnswer(204, 'DELETE', `/v1/webhook-endpoints/${endpoint.endpoint_id}`);
server.close();
server.closeAllConnections();
