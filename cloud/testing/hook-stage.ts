import { transaction } from '../db/transaction.ts';
import { systemRandom } from '../random.ts';
import type { EventType } from '../webhooks/event-types.ts';
import { type NewEvent, recordEvent } from '../webhooks/record-event.ts';
import type { Stage } from './fixtures.ts';
import type { TestClock } from './test-clock.ts';
import type { TestCloud } from './test-cloud.ts';

/** What a partner with webhooks does and sees, and what happens to it. */
export function hookStage(cloud: TestCloud, clock: TestClock, stage: Stage) {
  const { db, wake } = cloud.context;
  const deliveries = async (query = '') =>
    (await stage.partner.call('GET', `/v1/webhook-deliveries${query}`)).body.deliveries;
  return {
    async register(url: string, types?: EventType[]) {
      const body = { url, ...(types ? { event_types: types } : {}) };
      return (await stage.partner.call('POST', '/v1/webhook-endpoints', body)).body;
    },
    /** An order of the stage's own, so that events have something to be ordered by. */
    async newOrder(): Promise<string> {
      const orderId = systemRandom.uuid();
      await db
        .insertInto('orders')
        .values({
          order_id: orderId,
          partner_id: stage.partnerId,
          origin: 'remote',
          environment: 'sandbox',
          state: 'completed',
          site_id: stage.siteId,
          pile_id: 'p',
          connector_id: stage.connectorIds[0] ?? '',
          created_at_ms: clock.wallMs(),
          updated_at_ms: clock.wallMs(),
        })
        .execute();
      return orderId;
    },
    async emit(orderId: string | null, type: EventType, data: object, more: Partial<NewEvent> = {}): Promise<string> {
      const owner = { partnerId: stage.partnerId, environment: 'sandbox' as const };
      const event = { ...owner, orderId, type, data, onlyEndpointId: null, ...more };
      const eventId = await transaction(db, (trx) =>
        recordEvent({ trx, random: systemRandom, nowMs: clock.wallMs() }, event),
      );
      wake.deliveries();
      return eventId;
    },
    deliveries,
    statuses: async (query = '') => (await deliveries(query)).map((delivery: { status: string }) => delivery.status),
    later(ms: number): void {
      clock.advance(ms);
      wake.deliveries();
    },
    async alarms(): Promise<string[]> {
      const rows = await db.selectFrom('alarms').select('code').where('partner_id', '=', stage.partnerId).execute();
      return rows.map((row) => row.code);
    },
    /** What one test has left to send would come to the receivers of the next. */
    async cancelAll(): Promise<void> {
      await db
        .updateTable('webhook_deliveries')
        .set({ status: 'cancelled', finished_at_ms: clock.wallMs() })
        .where('status', '=', 'pending')
        .execute();
    },
  };
}
export type HookStage = ReturnType<typeof hookStage>;
