import type { Stamp } from '#shared/stamp.ts';
import { type Refusal, refused } from './answer.ts';
import { buildCdr } from './build-cdr.ts';
import type { LedgerTransaction } from './connector.ts';
import { commandDone } from './report.ts';
import { type Session, type StopCause, withMark } from './session.ts';

/**
 * Ends a session that no pile can be asked about: its connector is not of this site any more, or it comes out of a
 * backup and another life of it may have ended long since. What was read last is all that is known.
 */
export function closeUnseen(
  stored: Session,
  facts: {
    readonly siteId: string;
    readonly newId: () => string;
    readonly now: Stamp;
    /** It comes out of a backup. */
    readonly isRestored: boolean;
  },
): LedgerTransaction {
  const outage: StopCause = { reason: 'controller-outage', fault: null, voidReason: null, commandIds: [] };
  const stop = stored.stop ?? { ...outage, voidReason: stored.confirmed ? null : 'not-confirmed' };
  const closed: Session = withMark(withMark({ ...stored, stop }, 'end-estimated'), 'stop-not-proven');
  const session = facts.isRestored ? withMark(closed, 'recovered') : closed;
  const cdr = buildCdr(session, stop, {
    cdrId: facts.newId(),
    siteId: facts.siteId,
    now: facts.now,
    occupancyId: null,
  });
  const { sessionId } = session;
  // Whoever began it on site has long gone.
  const unanswered = stored.confirmed || stored.stop !== null ? [] : refused(session, unseen, sessionId).records;
  const answers = stop.commandIds.map((stopId) => commandDone(stopId, sessionId));
  return { session: { session, open: false }, records: [{ kind: 'session.ended', cdr }, ...unanswered, ...answers] };
}

const unseen: Refusal = { code: 'pile.no_confirmation', detail: 'nobody could look at the pile any more' };
