import { type ErrorCode, errorCatalogue, isPilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import type { Trx } from '../db/transaction.ts';
import type { Caller } from '../partners/caller.ts';
import { type Ending, failureOf } from './ending.ts';
import type { ReservationRow } from './tables.ts';

/** What its holder has done about a reservation that no charge has used. */
export interface HolderCame {
  /** A start with it was accepted. */
  readonly hasStarted: boolean;
  /** Why a start with it came to nothing that was neither his fault nor his vehicle's; null: there was none. */
  readonly keptOutBy: ErrorCode | null;
  /** A start with it that was accepted in time has no outcome. A site that lets the reservation run out has not taken it. */
  readonly isUnheard: boolean;
}

/** Within this a start is at its site, where nothing is in the way: one that comes later has come too late by the fault of nobody. */
const ON_ITS_WAY_MS = 5_000;

/** Clocks that are both trusted are apart by less. */
const EARLY_MS = 30_000;

/** By the cloud's clock, whatever the site's has said: its time is not over. */
export const isEarly = ({ until_ms: untilMs }: ReservationRow, nowMs: number): boolean => nowMs < untilMs - EARLY_MS;

/** Nobody is to answer for what the holder has stopped himself. */
const isOurs = (code: ErrorCode): boolean =>
  !['caller', 'vehicle'].includes(errorCatalogue[code].fault) && code !== 'command.cancelled';

/**
 * Remembers that a start was refused which presents what its partner holds, for something that is not the partner's to answer for. What
 * is refused is undone, so this is not written with it. A connector that was reserved is there: one that is unknown to its holder was taken from him.
 */
export async function rememberKeptOut(
  { db, clock }: Pick<CloudContext, 'db' | 'clock'>,
  caller: Caller,
  start: { readonly connector_id: string; readonly reservation_id?: string | undefined },
  refusal: unknown,
): Promise<void> {
  if (start.reservation_id === undefined || !isPilegateError(refusal)) return;
  if (refusal.code !== 'connector.unknown' && !isOurs(refusal.code)) return;
  await db
    .updateTable('reservations')
    .set({ kept_out_code: refusal.code })
    .where('reservation_id', '=', start.reservation_id)
    .where('partner_id', '=', caller.partnerId)
    .where('environment', '=', caller.environment)
    .where('connector_id', '=', start.connector_id)
    .where('state', '=', 'active')
    .where('until_ms', '>', clock.wallMs())
    .where('kept_out_code', 'is', null)
    .execute();
}

/** @param row locked in this transaction, so that no start with it is accepted meanwhile */
export async function holderCame(trx: Trx, row: ReservationRow): Promise<HolderCame> {
  const starts = await trx
    .selectFrom('orders')
    .select(['failure_code', 'state', 'created_at_ms'])
    .where('reservation_id', '=', row.reservation_id)
    .orderBy('created_at_ms')
    .execute();
  const codes = [
    row.kept_out_code,
    ...starts.flatMap(({ failure_code: code }) => (isKnown(code) && isOurs(code) ? code : [])),
  ];
  const isUnheard = starts.some(
    ({ state, created_at_ms: atMs }) => state === 'starting' && atMs <= row.until_ms - ON_ITS_WAY_MS,
  );
  return { hasStarted: starts.length > 0, keptOutBy: codes.find(isKnown) ?? null, isUnheard };
}

const isKnown = (code: string | null): code is ErrorCode => code !== null && code in errorCatalogue;

/**
 * How a reservation ends that has run out or was given back, when that was not the holder's choice: one who was kept out has neither
 * stayed away nor changed his mind, and one whose time was not over yet may still have come.
 */
export function asReleased(
  row: ReservationRow,
  ending: Ending,
  { keptOutBy, isUnheard }: HolderCame,
  nowMs: number,
): Ending {
  const { event } = ending;
  if (row.state !== 'active' || event.kind !== 'ended') return ending;
  const keptOut =
    keptOutBy === null ? null : failureOf(keptOutBy, 'a start with the reservation came to nothing for this');
  if (event.reason === 'cancelled') return { ...ending, failure: keptOut ?? ending.failure };
  if (event.reason !== 'expired') return ending;
  const released = { ...ending, event: { kind: 'released' } } as const;
  if (keptOut !== null) return { ...released, reason: 'kept-out', failure: keptOut };
  if (isUnheard) {
    const failure = failureOf('site.offline', 'a start with the reservation did not reach the site in time');
    return { ...released, reason: 'kept-out', failure };
  }
  return isEarly(row, nowMs)
    ? { ...released, reason: 'early', failure: failureOf('reservation.lost', 'the site has ended it early') }
    : ending;
}
