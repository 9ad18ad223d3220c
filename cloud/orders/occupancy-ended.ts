import { PilegateError } from '#shared/errors.ts';
import { type Cdr, cdrSchema } from '#shared/wire/cdr.ts';
import type { OccupancyRecord } from '#shared/wire/occupancy.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import { digestOf } from '../canonical-json.ts';
import type { RecordContext } from '../ingest/records.ts';
import { settleOrder } from '../partners/credit/settle.ts';
import { recordOrderEvent } from '../webhooks/record-event.ts';
import { checkOccupancy } from './check-occupancy.ts';
import { insertException } from './exception.ts';
import { amountDue } from './occupancy-view.ts';
import { lockOrder, updateOrder } from './store.ts';

/**
 * A vehicle has left after its charge, or the next one has begun. The record is stored as it is, for ever, and rated again;
 * where both agree it is part of what the order comes to, and otherwise a person has to look at it.
 *
 * @throws PilegateError `wire.conflict` when another stay after this charge is stored, `record.refused` without its charge
 */
export async function applyOccupancyEnded(
  context: RecordContext,
  { occupancy }: RecordOf<'occupancy.ended'>,
): Promise<void> {
  const { trx, site, nowMs, logger } = context;
  if (occupancy.siteId !== site.siteId) {
    throw new PilegateError('wire.wrong_site', `a record of ${occupancy.siteId} from ${site.siteId}`);
  }
  if (await isStored(context, occupancy)) return;
  const { cdr, orderId } = await chargeOf(context, occupancy);
  const { rerated, complaint } = checkOccupancy(occupancy, cdr);
  const order = await lockOrder(trx, orderId);
  if (order === undefined) throw new PilegateError('record.refused', `no order ${orderId}`);
  const stay = await trx
    .insertInto('occupancies')
    .values({
      occupancy_id: occupancy.occupancyId,
      site_id: site.siteId,
      session_id: occupancy.sessionId,
      order_id: orderId,
      document: JSON.stringify(occupancy),
      document_sha256: digestOf(occupancy),
      rerated: rerated === null ? null : JSON.stringify(rerated),
      is_agreed: complaint === null,
      received_at_ms: nowMs,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const known = await updateOrder(trx, orderId, {}, nowMs);
  if (complaint !== null) await insertException(context, orderId, occupancy.cdrId, complaint);
  const due = amountDue(cdr, stay);
  const { occupancyId: recordId } = occupancy;
  await settleOrder(context, known, due && { totalMinor: due.minor, currency: due.currency, recordId });
  await recordOrderEvent(context, 'occupancy.ended', known);
  const { occupiedMs, rating } = occupancy;
  logger.info({ siteId: site.siteId, orderId, occupiedMs, totalMinor: rating.totalMinor }, 'vehicle has left');
}

async function isStored(context: RecordContext, occupancy: OccupancyRecord): Promise<boolean> {
  const rows = await context.trx
    .selectFrom('occupancies')
    .select(['site_id', 'document_sha256'])
    .where((where) =>
      where.or([
        where('occupancy_id', '=', occupancy.occupancyId),
        where.and({ site_id: context.site.siteId, session_id: occupancy.sessionId }),
      ]),
    )
    .execute();
  const digest = digestOf(occupancy);
  for (const row of rows) {
    if (row.document_sha256 !== digest || row.site_id !== context.site.siteId) {
      throw new PilegateError('wire.conflict', `another stay after session ${occupancy.sessionId} is stored`);
    }
  }
  return rows.length > 0;
}

/** The record of the charge came before it on the same stream. */
async function chargeOf(context: RecordContext, occupancy: OccupancyRecord): Promise<{ cdr: Cdr; orderId: string }> {
  const { cdrId, sessionId } = occupancy;
  const row = await context.trx
    .selectFrom('cdrs')
    .select(['document', 'order_id'])
    .where('cdr_id', '=', cdrId)
    .where('site_id', '=', context.site.siteId)
    .where('session_id', '=', sessionId)
    .executeTakeFirst();
  if (row === undefined || row.order_id === null) {
    throw new PilegateError('record.refused', `no charge ${cdrId} of session ${sessionId} of this site`);
  }
  return { cdr: cdrSchema.parse(JSON.parse(row.document)), orderId: row.order_id };
}
