import type { RecordContext } from '../ingest/records.ts';

/** Puts an order before a person: a worker opens a ticket of it. What has been billed stays as it is until that is resolved. */
export async function insertException(
  context: Pick<RecordContext, 'trx' | 'nowMs' | 'logger'>,
  orderId: string,
  cdrId: string | null,
  exception: { readonly code: string; readonly detail: string },
): Promise<void> {
  const { code, detail } = exception;
  await context.trx
    .insertInto('exceptions')
    .values({ order_id: orderId, cdr_id: cdrId, code, detail, created_at_ms: context.nowMs, resolved_at_ms: null })
    .execute();
  context.logger.error({ orderId, code, detail }, 'order needs a person');
}
