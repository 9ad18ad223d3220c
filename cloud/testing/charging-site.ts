import { expect } from 'vitest';
import type { StartCommand } from '#shared/wire/messages.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import { connectFakeEdge, type FakeEdge } from './fake-edge.ts';
import { type Stage, setTheStage } from './fixtures.ts';
import type { Answer } from './partner-client.ts';
import { type EndOptions, ended, started } from './records.ts';
import type { TestCloud } from './test-cloud.ts';

/** A site on the line with two connectors, the first one plugged in, and the partner who drives it. */
export interface ChargingSite {
  readonly stage: Stage;
  edge: FakeEdge;
  connectorId(index?: number): string;
  plugIn(connectorId?: string, change?: Parameters<FakeEdge['state']>[1]): Promise<void>;
  start(requestId?: string, connectorId?: string): Promise<Answer>;
  stop(orderId: string, requestId?: string): Promise<Answer>;
  operation(operationId: string): Promise<Answer['body']>;
  order(orderId: string): Promise<Answer['body']>;
  /** The start command that the site gets. */
  takeStart(): Promise<StartCommand>;
  /** Lets a session begin on a start command. */
  begin(command: StartCommand): Promise<RecordOf<'session.started'>>;
  /** The record of an end, an hour after now, not sent yet. */
  ended(sessionId: string, orderId: string | null, change?: EndOptions['change']): RecordOf<'session.ended'>;
  /** Types of the events that the partner is told of, in order. */
  eventTypes(): Promise<string[]>;
  countRows(): Promise<{ orders: number; operations: number; commands: number }>;
  /** Breaks the connection and makes a new one with the same store. */
  reconnect(firstSeq: number): Promise<void>;
}

/** @param name distinguishes the site from those of other tests */
export async function openChargingSite(cloud: TestCloud, name: string): Promise<ChargingSite> {
  const { clock } = cloud;
  const { db } = cloud.context;
  const stage = await setTheStage(cloud, { name, connectors: 2 });
  const { partner, partnerId, siteId } = stage;
  const get = async (path: string) => (await partner.call('GET', path)).body;
  const connectorId = (index = 0): string => stage.connectorIds[index] ?? '';

  const site: ChargingSite = {
    stage,
    edge: await connectFakeEdge(cloud.brokerUrl, stage, clock),
    connectorId,
    async plugIn(id = connectorId(), change = {}) {
      await site.edge.state(id, change);
      const { status } = { status: 'plugged', ...change };
      await expect.poll(async () => (await get(`/v1/connectors/${id}`)).status).toBe(status);
    },
    start: (requestId = 'r-1', id = connectorId()) =>
      partner.call('POST', '/v1/operations/start', { request_id: requestId, connector_id: id }),
    stop: (orderId, requestId = 's-1') =>
      partner.call('POST', '/v1/operations/stop', { request_id: requestId, order_id: orderId }),
    operation: (id) => get(`/v1/operations/${id}`),
    order: (id) => get(`/v1/orders/${id}`),
    async takeStart() {
      const command = await site.edge.take('command', (message) => message.kind === 'start');
      if (command.kind !== 'start') throw new Error('not a start');
      return command;
    },
    async begin(command) {
      const session = started(site.edge, command);
      await site.edge.record(session);
      return session;
    },
    ended: (sessionId, orderId, change = {}) =>
      ended(site.edge, stage, { sessionId, orderId, connectorId: connectorId(), startMs: clock.wallMs(), change }),
    async eventTypes() {
      const events = db.selectFrom('webhook_events').select('type').where('partner_id', '=', partnerId);
      return (await events.orderBy('created_at_ms').orderBy('position').execute()).map((row) => row.type);
    },
    async countRows() {
      const orders = await db.selectFrom('orders').select('order_id').where('site_id', '=', siteId).execute();
      const commands = await db.selectFrom('commands').select('command_id').where('site_id', '=', siteId).execute();
      const operations = await db
        .selectFrom('operations')
        .select('operation_id')
        .where('partner_id', '=', partnerId)
        .execute();
      return { orders: orders.length, operations: operations.length, commands: commands.length };
    },
    async reconnect(firstSeq) {
      const { storeEpoch, running } = site.edge;
      await site.edge.close();
      site.edge = await connectFakeEdge(cloud.brokerUrl, stage, clock, { storeEpoch, firstSeq, running });
    },
  };
  await site.edge.hello();
  await site.plugIn();
  return site;
}
