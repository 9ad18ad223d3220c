import { PilegateError } from '#shared/errors.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import type { OrderRow } from '../db/schema.ts';
import type { RecordContext } from '../ingest/records.ts';
import { cancelStart } from '../operations/commands.ts';
import { finishOperations } from '../operations/finish.ts';
import { recordOrderEvent } from '../webhooks/record-event.ts';
import { insertLocalOrder, lockLocalOrder } from './local-order.ts';
import { lockOrder, updateOrder } from './store.ts';
import { rememberNewTimes, toldTime } from './told-time.ts';

type Started = RecordOf<'session.started'>;

/**
 * Energy flows. In time, this is the confirmation of the start. After the deadline the site, which owns the
 * same deadline, has stopped by itself or does so on the cancel, and then nothing of it is billed; or the charge was over before the
 * deadline, and this comes late because the cloud could not hear. Its end, which follows, tells which, and with it the start's outcome.
 * A session without an order becomes one.
 */
export async function applySessionStarted(context: RecordContext, started: Started): Promise<void> {
  if (started.orderId === null) return beginLocalOrder(context, started);
  const order = await lockOrder(context.trx, started.orderId);
  assertFits(context, started, order);
  if (order.session_id === started.sessionId) return;
  const startedAt = await toldTime(context, started.startedAt);
  await rememberNewTimes(context, order.order_id, [{ ...startedAt, moment: 'started' }]);
  const facts = {
    session_id: started.sessionId,
    started_at_ms: startedAt.wallMs,
    meter_start_wh: started.meterStartWh,
  };
  const { trx, nowMs } = context;
  if (order.state === 'starting' && (await isInTime(context, order))) {
    await finishOperations(context, order.order_id, 'start', null);
    const charging = await updateOrder(trx, order.order_id, { state: 'charging', ...facts }, nowMs);
    await recordOrderEvent(context, 'charge.started', charging);
    return;
  }
  await updateOrder(trx, order.order_id, facts, nowMs);
  await cancelStart(trx, order.order_id, nowMs);
}

/** Once, and not after its end: a record that was put aside may come again when all is over. */
async function beginLocalOrder(context: RecordContext, started: Started): Promise<void> {
  if ((await lockLocalOrder(context, started)) !== undefined) return;
  const startedAt = await toldTime(context, started.startedAt);
  const begin = { started_at_ms: startedAt.wallMs, meter_start_wh: started.meterStartWh };
  const order = await insertLocalOrder(context, started, begin);
  await rememberNewTimes(context, order.order_id, [{ ...startedAt, moment: 'started' }]);
}

async function isInTime(context: RecordContext, order: OrderRow): Promise<boolean> {
  const start = await context.trx
    .selectFrom('operations')
    .select('deadline_at_ms')
    .where('order_id', '=', order.order_id)
    .where('kind', '=', 'start')
    .executeTakeFirst();
  return start !== undefined && start.deadline_at_ms !== null && context.nowMs <= start.deadline_at_ms;
}

function assertFits(context: RecordContext, started: Started, order: OrderRow | undefined): asserts order is OrderRow {
  const refuse = (detail: string) => new PilegateError('record.refused', detail);
  if (order === undefined || order.site_id !== context.site.siteId)
    throw refuse(`no order ${started.orderId} of this site`);
  if (order.connector_id !== started.connectorId)
    throw refuse(`order ${order.order_id} is for connector ${order.connector_id}`);
  if (order.session_id !== null && order.session_id !== started.sessionId) {
    throw refuse(`order ${order.order_id} has session ${order.session_id}`);
  }
}
