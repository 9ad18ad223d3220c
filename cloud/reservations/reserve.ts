import { PilegateError } from '#shared/errors.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { ReserveCommand } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import type { CloudContext } from '../context.ts';
import type { OperationRow } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { iso } from '../http/iso.ts';
import { insertCommand } from '../operations/commands.ts';
import { assertNotWithdrawn, factsOf, type LockedConnector, lockConnector } from '../operations/connector-facts.ts';
import { type Answered, answerOnce, askedBy, type WriteRequest, writeRequest } from '../operations/first-answer.ts';
import type { Caller } from '../partners/caller.ts';
import { accountFor } from '../partners/credit/hold.ts';
import { refusalOfReserve } from './check-reserve.ts';
import { heldUntil } from './given-back.ts';
import { end } from './outcome.ts';
import { lockReservation } from './store.ts';

export interface ReserveBody {
  readonly request_id: string;
  readonly connector_id: string;
  readonly until: string;
}

/** A hold that would be over before anybody could come is of no use. */
const SHORTEST_MS = 60_000;

type ReserveContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'metrics' | 'wake' | 'settings'>;

/**
 * Accepts a reservation: operation, reservation and command in one transaction under the lock that a start takes as well. It holds when
 * the site has confirmed it.
 *
 * @throws PilegateError `connector.*`, `site.*`, `reservation.too_long`, `reservation.too_many`, `tariff.missing`, `credit.none` or
 *   `request_id.reused`
 */
export async function reserve(context: ReserveContext, caller: Caller, body: ReserveBody): Promise<Answered> {
  const request = writeRequest(caller, 'reserve', body);
  const answer = await answerOnce(context.db, request, () =>
    transaction(context.db, async (trx) => {
      const connector = await lockConnector(trx, body.connector_id, caller);
      const nowMs = context.clock.wallMs();
      const { first, tariff, accounts, ...facts } = await factsOf(trx, request, connector, nowMs);
      if (first !== null) return { operation: first, hit: true };
      assertNotWithdrawn(connector);
      const untilMs = endOf(context, body, nowMs);
      const refusal = refusalOfReserve({ ...facts, hasTariff: tariff.ok });
      if (refusal !== null && refusal !== 'tariff.missing')
        throw new PilegateError(refusal, `connector ${body.connector_id}`);
      if (!tariff.ok) throw new PilegateError('tariff.missing', `connector ${body.connector_id}: ${tariff.reason}`);
      // Whoever has no terms has no charge there, and what it costs not to come is paid from the same account.
      accountFor(accounts, { environment: caller.environment, currency: tariff.value.currency });
      await assertNotTooMany(context, trx, caller);
      await endOverdue(context, trx, connector.connector_id, nowMs);
      const operation = await insertAll(context, trx, request, { connector, tariff: tariff.value, nowMs, untilMs });
      return { operation, hit: false };
    }),
  );
  if (!answer.hit) context.wake.commands();
  return answer;
}

function endOf({ settings }: Pick<ReserveContext, 'settings'>, { until }: ReserveBody, nowMs: number): number {
  const untilMs = Date.parse(until);
  const { longestMs } = settings.reservations;
  if (untilMs - nowMs >= SHORTEST_MS && untilMs - nowMs <= longestMs) return untilMs;
  throw new PilegateError(
    'reservation.too_long',
    `until lies between ${iso(nowMs + SHORTEST_MS)} and ${iso(nowMs + longestMs)}`,
  );
}

/** The partner's row is locked meanwhile, so that its requests at several processes are counted one after the other. */
async function assertNotTooMany({ settings }: Pick<ReserveContext, 'settings'>, trx: Trx, caller: Caller) {
  const { partnerId, environment } = caller;
  await trx.selectFrom('partners').select('partner_id').where('partner_id', '=', partnerId).forNoKeyUpdate().execute();
  const { n } = await trx
    .selectFrom('reservations')
    .select((select) => select.fn.countAll<number>().as('n'))
    .where('partner_id', '=', partnerId)
    .where('environment', '=', environment)
    .where('state', 'in', ['requested', 'active'])
    .executeTakeFirstOrThrow();
  const { mostPerPartner } = settings.reservations;
  if (Number(n) >= mostPerPartner)
    throw new PilegateError(
      'reservation.too_many',
      `${mostPerPartner} connectors are reserved, which is as many as may be`,
    );
}

/** Its time is over, and the site has not said so yet: it is in nobody's way. */
async function endOverdue(context: ReserveContext, trx: Trx, connectorId: string, nowMs: number): Promise<void> {
  const open = await trx
    .selectFrom('reservations')
    .select('reservation_id')
    .where('connector_id', '=', connectorId)
    .where('state', 'in', ['requested', 'active'])
    .executeTakeFirst();
  const row = open === undefined ? undefined : await lockReservation(trx, open.reservation_id);
  if (row !== undefined) await endByTime({ ...context, trx, nowMs }, row);
}

/** The site has not told the end; by the cloud's clock it is there. */
export async function endByTime(context: Parameters<typeof end>[0], row: Parameters<typeof end>[1]): Promise<void> {
  const failure =
    row.state === 'active'
      ? null
      : ({ code: 'operation.timed_out', detail: 'the site did not confirm the reservation within its time' } as const);
  await end(context, row, {
    event: { kind: 'ended', reason: 'expired' },
    reason: 'expired',
    failure,
    heldMs: heldUntil(row, row.until_ms),
    endedAtMs: Math.min(row.until_ms, context.nowMs),
  });
}

async function insertAll(
  context: ReserveContext,
  trx: Trx,
  request: WriteRequest,
  { connector, tariff, nowMs, untilMs }: { connector: LockedConnector; tariff: Tariff; nowMs: number; untilMs: number },
): Promise<OperationRow> {
  const { caller, requestId } = request;
  const { partnerId, environment } = caller;
  const { connector_id: connectorId, site_id: siteId, pile_id: pileId, shard } = connector;
  const reservationId = context.random.uuid();
  const deadlineAtMs = nowMs + context.settings.startTimeoutMs;
  await trx
    .insertInto('reservations')
    .values({
      reservation_id: reservationId,
      partner_id: partnerId,
      environment,
      state: 'requested',
      request_id: requestId,
      site_id: siteId,
      pile_id: pileId,
      connector_id: connectorId,
      until_ms: untilMs,
      tariff_id: tariff.tariffId,
      tariff_version: tariff.version,
      created_at_ms: nowMs,
      updated_at_ms: nowMs,
    })
    .execute();
  const operation = await trx
    .insertInto('operations')
    .values({
      operation_id: context.random.uuid(),
      partner_id: partnerId,
      environment,
      kind: 'reserve',
      request_id: requestId,
      body_sha256: request.bodySha256,
      status: 'accepted',
      reservation_id: reservationId,
      connector_id: connectorId,
      created_at_ms: nowMs,
      deadline_at_ms: deadlineAtMs,
      ...askedBy(caller),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const command: ReserveCommand = {
    v: WIRE_VERSION,
    kind: 'reserve',
    commandId: context.random.uuid(),
    requestId,
    connectorId,
    issuedAtMs: nowMs,
    reservationId,
    untilMs,
    expiresAtMs: deadlineAtMs,
    ttlMs: context.settings.startTimeoutMs,
  };
  await insertCommand(trx, { operationId: operation.operation_id, siteId, shard }, command);
  return operation;
}
