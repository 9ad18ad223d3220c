import type { Hello } from '#shared/wire/messages.ts';
import type { KnownSite } from '../ingest/incoming.ts';
import type { OutcomeContext } from '../operations/finish.ts';
import { isContested } from '../presence/lives.ts';
import { sendCancelReservation } from './commands.ts';
import { failureOf } from './ending.ts';
import { isOpen } from './machine.ts';
import { end } from './outcome.ts';
import { lockReservation } from './store.ts';

interface ToldContext extends OutcomeContext {
  readonly site: Pick<KnownSite, 'siteId'>;
}

/**
 * A hello that is welcome says what the site holds. What the cloud takes for active and the site does not name is noted: it is lost, unless
 * one of the events that the store had by then tells its end. What the site holds and nobody wants any more is cancelled.
 *
 * @param ackedSeq how far the cloud has the events of the hello's store; further than the store itself, the hello says nothing of the present
 */
export async function hearReservations(context: ToldContext, hello: Hello, ackedSeq: number): Promise<void> {
  const { trx, site } = context;
  const headSeq = hello.streams.find(({ stream }) => stream === 'events')?.headSeq;
  if (hello.reservations === undefined || headSeq === undefined || headSeq < ackedSeq) return;
  const named = new Set(hello.reservations.map(({ reservationId }) => reservationId.toLowerCase()));
  const active = await trx
    .selectFrom('reservations')
    .select('reservation_id')
    .where('site_id', '=', site.siteId)
    .where('state', '=', 'active')
    .execute();
  for (const { reservation_id: id } of active)
    await trx
      .updateTable('reservations')
      .set(
        named.has(id)
          ? { missing_epoch: null, missing_seq: null }
          : { missing_epoch: hello.storeEpoch, missing_seq: headSeq },
      )
      .where('reservation_id', '=', id)
      .execute();
  for (const held of hello.reservations) await cancelUnwanted(context, held);
}

/** One whose reserve is still open is let be: what the site says of it is on its way. */
async function cancelUnwanted(
  context: ToldContext,
  { reservationId, connectorId }: NonNullable<Hello['reservations']>[number],
): Promise<void> {
  const { trx, site } = context;
  const row = await trx
    .selectFrom('reservations')
    .select(['state', 'request_id'])
    .where('reservation_id', '=', reservationId)
    .where('site_id', '=', site.siteId)
    .executeTakeFirst();
  if (row !== undefined && isOpen(row.state)) return;
  const requestId = row?.request_id ?? `unknown-${reservationId}`;
  await sendCancelReservation(context, { reservationId, siteId: site.siteId, connectorId, requestId }, null);
}

/**
 * The cloud has every event of a store up to there: what a hello did not name by then, and what has not ended by them, is lost. While two
 * boxes speak for the site, none of them is believed.
 *
 * @returns whether it has ended any
 */
export async function judgeReservations(context: ToldContext, storeEpoch: string, ackedSeq: number): Promise<boolean> {
  const { trx, site } = context;
  const missing = await trx
    .selectFrom('reservations')
    .select('reservation_id')
    .where('site_id', '=', site.siteId)
    .where('state', '=', 'active')
    .where('missing_epoch', '=', storeEpoch)
    .where('missing_seq', '<=', ackedSeq)
    .orderBy('reservation_id')
    .execute();
  if (missing.length === 0 || (await isContested(trx, site.siteId))) return false;
  for (const { reservation_id: id } of missing) {
    const row = await lockReservation(trx, id);
    if (row !== undefined)
      await end(context, row, {
        event: { kind: 'lost' },
        reason: 'lost',
        failure: failureOf('reservation.lost'),
        heldMs: null,
      });
  }
  return true;
}
