import { complaintsOf, describeComplaints } from '#shared/complaints.ts';
import { PilegateError } from '#shared/errors.ts';
import type { RecordEnvelope } from '#shared/wire/messages.ts';
import { recordBodySchema } from '#shared/wire/records.ts';
import type { Trx } from '../db/transaction.ts';
import { applyDocumentReported } from '../documents/document-reported.ts';
import { applyCommandReported } from '../operations/command-reported.ts';
import { applyClockCorrected } from '../orders/clock-corrected.ts';
import { applyOccupancyEnded } from '../orders/occupancy-ended.ts';
import { applySessionEnded } from '../orders/session-ended.ts';
import { applySessionStarted } from '../orders/session-started.ts';
import { applyReservationActive, applyReservationEnded } from '../reservations/reported.ts';
import { applyAlarmsRaised } from '../stations/alarm-raised.ts';
import type { IngestContext, KnownSite } from './incoming.ts';
import type { SiteFacts } from './site-facts.ts';

/** What a record is applied with: the batch's transaction, and the moment at which the cloud received it. */
export interface RecordContext extends Pick<IngestContext, 'clock' | 'random' | 'logger' | 'metrics'> {
  readonly trx: Trx;
  readonly site: KnownSite;
  readonly facts: SiteFacts;
  readonly nowMs: number;
}

/**
 * Everything that reaches the cloud exactly once: kind of record → handler.
 *
 * @throws PilegateError with the code under which the record is parked
 */
export async function applyRecord(context: RecordContext, envelope: RecordEnvelope): Promise<void> {
  const parsed = recordBodySchema.safeParse(envelope.body);
  if (!parsed.success) {
    const complaints = complaintsOf(parsed.error);
    throw new PilegateError('wire.schema', describeComplaints(complaints.slice(0, 5)), { complaints });
  }
  const body = parsed.data;
  switch (body.kind) {
    case 'command.reported':
      await applyCommandReported(context, body);
      return;
    case 'session.started':
      await applySessionStarted(context, body);
      return;
    case 'session.ended':
      await applySessionEnded(context, body);
      return;
    case 'occupancy.ended':
      await applyOccupancyEnded(context, body);
      return;
    case 'reservation.active':
      await applyReservationActive(context, body, envelope.at);
      return;
    case 'reservation.ended':
      await applyReservationEnded(context, body, envelope.at);
      return;
    case 'clock.corrected':
      await applyClockCorrected(context, body);
      return;
    case 'alarm.raised':
      await applyAlarmsRaised(context, [{ alarm: body, envelope }]);
      return;
    case 'document.reported':
      await applyDocumentReported(context, body);
      return;
    case 'record.dropped':
      context.logger.warn(
        {
          siteId: context.site.siteId,
          seq: envelope.seq,
          dropped: body.droppedKind,
          count: body.count ?? 1,
          reason: body.reason,
        },
        'the site had to drop records',
      );
      return;
  }
}
