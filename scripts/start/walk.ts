import { randomUUID } from 'node:crypto';
import { formatKwh } from '#shared/units.ts';
import type { Figures } from './figures.ts';
import { PartnerClient } from './partner-client.ts';
import type { Station } from './station.ts';
import type { Story } from './story.ts';
import type { ReceivedEvent, WebhookReceiver } from './webhook-receiver.ts';

export interface WalkOptions {
  readonly connectorId: string;
  readonly pileId: string;
  readonly chargeForMs: number;
}

const STARTED_WITHIN_MS = 60_000;
const ENDED_WITHIN_MS = 60_000;
const PROGRESS_EVERY_MS = 2000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function expectStatus(reply: { status: number; body: unknown }, status: number, what: string): void {
  if (reply.status !== status)
    throw new Error(`${what}: expected ${status}, got ${reply.status} ${JSON.stringify(reply.body)}`);
}

/** Registers the partner's webhook endpoint; the secret is shown once. */
export async function registerWebhook(client: PartnerClient, receiver: WebhookReceiver): Promise<void> {
  const reply = await client.post('/v1/webhook-endpoints', { url: receiver.url });
  expectStatus(reply, 201, 'register the webhook endpoint');
  receiver.secret = reply.body.secret;
}

/** Waits until the cloud shows the connector in a state; a partner would see the same. */
export async function waitForConnector(
  client: PartnerClient,
  connectorId: string,
  status: string,
  withinMs: number,
): Promise<void> {
  const untilMs = Date.now() + withinMs;
  for (;;) {
    const reply = await client.get(`/v1/connectors/${connectorId}`);
    if (reply.status === 200 && reply.body.status === status) return;
    if (Date.now() > untilMs)
      throw new Error(`${connectorId} is not ${status} after ${withinMs} ms: ${JSON.stringify(reply.body)}`);
    await pause(200);
  }
}

/** One charge, from a partner's call to a register and back to an order, through public doors only. */
export async function walk(
  station: Station,
  receiver: WebhookReceiver,
  options: WalkOptions,
  story: Story,
): Promise<Figures> {
  const { connectorId, pileId } = options;
  const client = new PartnerClient(station.cloud.ready.httpUrl, station.key);
  await registerWebhook(client, receiver);
  await waitForConnector(client, connectorId, 'available', STARTED_WITHIN_MS);
  story.say(`The station is online. A driver plugs a car into ${connectorId}.`);
  await station.truth.plug(pileId);
  await waitForConnector(client, connectorId, 'plugged', STARTED_WITHIN_MS);
  const before = await station.truth.truth(pileId);

  const startRequest = { request_id: `start-${randomUUID()}`, connector_id: connectorId };
  const accepted = await client.post('/v1/operations/start', startRequest);
  expectStatus(accepted, 202, 'start');
  const orderId: string = accepted.body.order_id;
  story.step(1, 'POST /v1/operations/start', `202, operation ${accepted.body.operation_id}`);

  const startedEvent = await receiver.waitFor('charge.started', orderId, STARTED_WITHIN_MS);
  story.step(2, 'command over MQTT, checked on site', 'became register writes (see logs/edge.log)');
  story.step(3, 'webhook charge.started', describeSignature(startedEvent));
  await showProgress(client, orderId, options.chargeForMs, story);

  const stopRequest = { request_id: `stop-${randomUUID()}`, order_id: orderId };
  const stopping = await client.post('/v1/operations/stop', stopRequest);
  expectStatus(stopping, 202, 'stop');
  story.step(4, 'POST /v1/operations/stop', `202, operation ${stopping.body.operation_id}`);
  const endedEvent = await receiver.waitFor('charge.ended', orderId, ENDED_WITHIN_MS);
  const after = await station.truth.truth(pileId);
  story.step(
    5,
    'the pile is stopped and read back',
    `contactor ${after.contactorClosed ? 'CLOSED' : 'open'}, CDR written and synced`,
  );
  story.step(6, 'webhook charge.ended', describeSignature(endedEvent));

  const order = await client.get(`/v1/orders/${orderId}`);
  expectStatus(order, 200, 'pull the order');
  const again = await client.post('/v1/operations/start', startRequest);
  const isSame = again.status === 202 && again.body.operation_id === accepted.body.operation_id;
  story.step(
    7,
    'the same request_id once more',
    isSame ? 'the first answer again; nothing happens' : `CHANGED: ${again.status}`,
  );
  return {
    isRepeatHarmless: isSame,
    isOff: !after.contactorClosed,
    areWebhooksSigned: startedEvent.isSigned && endedEvent.isSigned,
    truthWh: after.energyTruthWh - before.energyTruthWh,
    meterWh: after.reportedRegisterWh - before.reportedRegisterWh,
    order: order.body,
    webhook: endedEvent.data,
  };
}

const describeSignature = (event: ReceivedEvent) => (event.isSigned ? 'signature verified' : 'SIGNATURE WRONG');

async function showProgress(client: PartnerClient, orderId: string, forMs: number, story: Story): Promise<void> {
  const untilMs = Date.now() + forMs;
  while (Date.now() < untilMs) {
    const { body } = await client.get(`/v1/orders/${orderId}`);
    const progress = body?.progress;
    const leftS = Math.max(0, Math.ceil((untilMs - Date.now()) / 1000));
    const shown =
      progress == null
        ? 'waiting for the first reading'
        : `${formatKwh(progress.energy_wh ?? 0)} at ${progress.power_w ?? 0} W`;
    story.progress(`charging: ${shown}; stop in ${leftS} s`);
    await pause(Math.min(PROGRESS_EVERY_MS, Math.max(0, untilMs - Date.now())));
  }
  story.endProgress();
}
