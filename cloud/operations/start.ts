import type { z } from 'zod';
import type { ChargeLimits } from '#shared/charge-limits.ts';
import { PilegateError } from '#shared/errors.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import { formatMoney } from '#shared/units.ts';
import type { StartCommand } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import type { CloudContext } from '../context.ts';
import type { OperationRow } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { chargeLimitsOf, type limitsSchema } from '../orders/limits-view.ts';
import type { Caller } from '../partners/caller.ts';
import { accountFor, hold } from '../partners/credit/hold.ts';
import { rememberKeptOut } from '../reservations/holder-came.ts';
import { presentedReservation } from '../reservations/present.ts';
import { refusalOfStart } from './check-start.ts';
import { commandToSend } from './commands.ts';
import { assertNotWithdrawn, factsOf, type LockedConnector, lockConnector } from './connector-facts.ts';
import { type Answered, answerOnce, askedBy, type WriteRequest, writeRequest } from './first-answer.ts';

export interface StartBody {
  readonly request_id: string;
  readonly connector_id: string;
  /** Where the charge is to end by itself, whichever comes first. */
  readonly limits?: z.infer<typeof limitsSchema> | undefined;
  /** The most that may be charged for it: what has been paid or held ahead. */
  readonly hold_minor?: number | undefined;
  /** Whose hold on the connector it uses. */
  readonly reservation_id?: string | undefined;
}

type StartContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'wake' | 'settings' | 'logger'>;

/**
 * Accepts a start: operation, order and command in one transaction under the connector's lock, so that of two
 * simultaneous starts exactly one wins and a refused one leaves nothing behind, but that its reservation knows who was kept out.
 *
 * @throws PilegateError `connector.*`, `reservation.*`, `site.offline`, `site.outdated`, `tariff.missing`, `credit.*` or
 *   `request_id.reused`
 */
export async function startCharge(context: StartContext, caller: Caller, body: StartBody): Promise<Answered> {
  const request = writeRequest(caller, 'start', body);
  const answer = await answerOnce(context.db, request, () =>
    transaction(context.db, async (trx) => {
      const connector = await lockConnector(trx, body.connector_id, caller);
      const nowMs = context.clock.wallMs();
      const { first, tariff, accounts, ...facts } = await factsOf(trx, request, connector, nowMs);
      if (first !== null) return { operation: first, hit: true };
      assertNotWithdrawn(connector);
      const isLimited = body.limits !== undefined || body.hold_minor !== undefined;
      const reservationId = await presentedReservation(trx, caller, body, nowMs);
      const refusal = refusalOfStart({ ...facts, hasTariff: tariff.ok, isLimited, presented: reservationId });
      if (refusal !== null && refusal !== 'tariff.missing')
        throw new PilegateError(refusal, `connector ${body.connector_id}`);
      if (!tariff.ok) throw new PilegateError('tariff.missing', `connector ${body.connector_id}: ${tariff.reason}`);
      assertAboveMinimum(tariff.value, body);
      const asked = { limits: chargeLimitsOf(body.limits), holdMinor: body.hold_minor ?? null, reservationId };
      const { environment } = caller;
      const account = accountFor(accounts, { environment, currency: tariff.value.currency });
      const wanted = { connector, tariff: tariff.value, nowMs, ...asked };
      const { operation, orderId } = await insertAll(context, trx, request, wanted);
      // Last, because others wait for the account until the commit.
      const wish = { transferId: orderId, orderId, amountMinor: asked.holdMinor };
      if (account !== null) await hold({ ...context, trx, nowMs }, account, wish);
      return { operation, hit: false };
    }),
  ).catch(async (refusal: unknown) => {
    await rememberKeptOut(context, caller, body, refusal);
    throw refusal;
  });
  if (!answer.hit) context.wake.commands();
  return answer;
}

/** One that ends at its first watt-hour is better not begun. @throws PilegateError `amount.below_minimum` */
function assertAboveMinimum(
  { minimumMinor = 0, currency }: Tariff,
  { limits, hold_minor: holdMinor }: StartBody,
): void {
  const mostMinor = Math.min(limits?.amount_minor ?? Infinity, holdMinor ?? Infinity);
  if (mostMinor >= minimumMinor) return;
  throw new PilegateError('amount.below_minimum', `it costs ${formatMoney(minimumMinor, currency)} at least`);
}

/** Order, operation and command, in one statement. */
async function insertAll(
  context: StartContext,
  trx: Trx,
  request: WriteRequest,
  start: {
    connector: LockedConnector;
    tariff: Tariff;
    nowMs: number;
    limits: ChargeLimits | null;
    holdMinor: number | null;
    reservationId: string | null;
  },
): Promise<{ operation: OperationRow; orderId: string }> {
  const { connector, tariff, nowMs, limits, holdMinor, reservationId } = start;
  const { caller, requestId } = request;
  const orderId = context.random.uuid();
  const operationId = context.random.uuid();
  const { startTimeoutMs, startTimeoutMsByModel } = context.settings;
  const withinMs = startTimeoutMsByModel.get(connector.model) ?? startTimeoutMs;
  const deadlineAtMs = nowMs + withinMs;
  const order = {
    order_id: orderId,
    partner_id: caller.partnerId,
    origin: 'remote' as const,
    environment: caller.environment,
    state: 'starting' as const,
    request_id: requestId,
    site_id: connector.site_id,
    pile_id: connector.pile_id,
    connector_id: connector.connector_id,
    tariff_id: tariff.tariffId,
    tariff_version: tariff.version,
    limits: limits === null ? null : JSON.stringify(limits),
    hold_minor: holdMinor,
    reservation_id: reservationId,
    created_at_ms: nowMs,
    updated_at_ms: nowMs,
  };
  const target = { operationId, siteId: connector.site_id, shard: connector.shard };
  const command: StartCommand = {
    v: WIRE_VERSION,
    kind: 'start',
    commandId: context.random.uuid(),
    requestId,
    orderId,
    connectorId: connector.connector_id,
    issuedAtMs: nowMs,
    expect: 'no-session',
    expiresAtMs: deadlineAtMs,
    ttlMs: withinMs,
    tariff,
    ...(limits !== null && { limits }),
    ...(holdMinor !== null && { holdMinor }),
    ...(reservationId !== null && { reservationId }),
  };
  const operation = await trx
    .with('new_order', (db) => db.insertInto('orders').values(order))
    .with('new_command', (db) => db.insertInto('commands').values(commandToSend(target, command)))
    .insertInto('operations')
    .values({
      operation_id: operationId,
      partner_id: caller.partnerId,
      environment: caller.environment,
      kind: 'start',
      request_id: requestId,
      body_sha256: request.bodySha256,
      ...askedBy(caller),
      status: 'accepted',
      order_id: orderId,
      connector_id: connector.connector_id,
      created_at_ms: nowMs,
      deadline_at_ms: deadlineAtMs,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return { operation, orderId };
}
