import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatKwh } from '#shared/units.ts';
import type { Figures } from './figures.ts';
import { gatherFigures } from './gather.ts';
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
export async function registerWebhook(
  client: PartnerClient,
  receiver: { readonly url: string; secret: string },
): Promise<void> {
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
  story.step(2, 'command over MQTT, checked on site', `register ${registersWritten(station, startRequest.request_id)}`);
  story.step(3, 'webhook charge.started', describeSignature(startedEvent));
  await showProgress(client, orderId, options.chargeForMs, story);

  const stopRequest = { request_id: `stop-${randomUUID()}`, order_id: orderId };
  const stopping = await client.post('/v1/operations/stop', stopRequest);
  expectStatus(stopping, 202, 'stop');
  story.step(4, 'POST /v1/operations/stop', `202, operation ${stopping.body.operation_id}`);
  const endedEvent = await receiver.waitFor('charge.ended', orderId, ENDED_WITHIN_MS);
  const charge = { orderId, operationId: accepted.body.operation_id, pileId, connectorId, startRequest, before };
  const events = { started: startedEvent, ended: endedEvent };
  const figures = await gatherFigures(client, station.truth, charge, events);
  const stopWrites = registersWritten(station, startRequest.request_id, 'softStop');
  const contactor = figures.isOff ? 'open' : 'STILL CLOSED';
  story.step(5, 'the pile is stopped and read back', `register ${stopWrites}; contactor ${contactor}; CDR synced`);
  story.step(6, 'webhook charge.ended', describeSignature(endedEvent));
  const repeated = figures.isRepeatHarmless ? 'the first answer again; nothing happens' : 'SOMETHING CHANGED';
  story.step(7, 'the same request_id once more', repeated);
  return figures;
}

/** What the edge says in its log that it wrote for a request. */
function registersWritten(station: Station, requestId: string, write = 'start'): string {
  const lines = readFileSync(join(station.folder, 'logs', 'edge.log'), 'utf8').split('\n');
  const written = lines
    .filter((line) => line.includes(requestId) && line.includes('pile is written'))
    .map((line): { write: string; registers: string[] } => JSON.parse(line))
    .find((line) => line.write === write);
  if (written === undefined) throw new Error(`the edge's log tells of no ${write} for ${requestId}`);
  return written.registers.join(', ');
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
