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
import { ownPrices, tariffFor } from '../partners/terms/tariff-for.ts';
import { mayUse } from '../partners/terms/visible.ts';
import { linkIsFresh, statusNow } from '../stations/freshness.ts';
import { announcedAt, closureAt } from '../stations/hours/closures.ts';
import { siteTariffs } from '../stations/tariff-in-force.ts';
import { refusalOfStart } from './check-start.ts';
import { insertCommand } from './commands.ts';
import { type Answered, answerOnce, askedBy, findFirst, type WriteRequest, writeRequest } from './first-answer.ts';

export interface StartBody {
  readonly request_id: string;
  readonly connector_id: string;
  /** Where the charge is to end by itself, whichever comes first. */
  readonly limits?: z.infer<typeof limitsSchema> | undefined;
  /** The most that may be charged for it: what has been paid or held ahead. */
  readonly hold_minor?: number | undefined;
}

type StartContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'wake' | 'settings' | 'logger'>;

/**
 * Accepts a start: operation, order and command in one transaction under the connector's lock, so that of two
 * simultaneous starts exactly one wins and a refused one leaves nothing behind.
 *
 * @throws PilegateError `connector.*`, `site.offline`, `site.outdated`, `tariff.missing`, `credit.*` or
 *   `request_id.reused`
 */
export async function startCharge(context: StartContext, caller: Caller, body: StartBody): Promise<Answered> {
  const request = writeRequest(caller, 'start', body);
  const answer = await answerOnce(context.db, request, () =>
    transaction(context.db, async (trx) => {
      const connector = await lockConnector(trx, body.connector_id, caller);
      const first = await findFirst(trx, request);
      if (first !== null) return { operation: first, hit: true };
      if (connector.withdrawn_at_ms !== null)
        throw new PilegateError('connector.disabled', `connector ${body.connector_id} is withdrawn`);
      const nowMs = context.clock.wallMs();
      const tariff = await tariffAtConnector(trx, caller, connector, nowMs);
      const isLimited = body.limits !== undefined || body.hold_minor !== undefined;
      const refusal = refusalOfStart({ ...(await factsOf(trx, connector, tariff.ok, nowMs)), isLimited });
      if (refusal !== null && refusal !== 'tariff.missing')
        throw new PilegateError(refusal, `connector ${body.connector_id}`);
      if (!tariff.ok) throw new PilegateError('tariff.missing', `connector ${body.connector_id}: ${tariff.reason}`);
      assertAboveMinimum(tariff.value, body);
      const asked = { limits: chargeLimitsOf(body.limits), holdMinor: body.hold_minor ?? null };
      const { partnerId, environment } = caller;
      const account = await accountFor(trx, { partnerId, environment, currency: tariff.value.currency });
      const operation = await insertAll(context, trx, request, { connector, tariff: tariff.value, nowMs, ...asked });
      const { order_id: orderId } = operation;
      // Last, because others wait for the account until the commit.
      const wish = { transferId: orderId, orderId, amountMinor: asked.holdMinor };
      if (account !== null) await hold({ ...context, trx, nowMs }, account, wish);
      return { operation, hit: false };
    }),
  );
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

async function tariffAtConnector(trx: Trx, caller: Caller, connector: LockedConnector, nowMs: number) {
  const { site_id: siteId, connector_id: connectorId } = connector;
  const own = await ownPrices(trx, caller, siteId);
  return tariffFor(own, siteId, await siteTariffs(trx, siteId), connectorId, nowMs);
}

async function lockConnector(trx: Trx, connectorId: string, caller: Caller) {
  const connector = await trx
    .selectFrom('connectors')
    .innerJoin('sites', 'sites.site_id', 'connectors.site_id')
    .select(['connectors.connector_id', 'connectors.pile_id', 'sites.site_id', 'sites.shard'])
    .select(({ fn }) => fn.coalesce('connectors.withdrawn_at_ms', 'sites.withdrawn_at_ms').as('withdrawn_at_ms'))
    .where('connectors.connector_id', '=', connectorId)
    .where(mayUse(caller))
    .forUpdate('connectors')
    .executeTakeFirst();
  if (connector === undefined) throw new PilegateError('connector.unknown', `no connector ${connectorId}`);
  return connector;
}
type LockedConnector = Awaited<ReturnType<typeof lockConnector>>;

async function factsOf(trx: Trx, connector: LockedConnector, hasTariff: boolean, nowMs: number) {
  const link = await trx
    .selectFrom('site_links')
    .select(['online', 'heard_at_ms as heardAtMs', 'knows_documents'])
    .where('site_id', '=', connector.site_id)
    .executeTakeFirst();
  const state = await trx
    .selectFrom('connector_states')
    .select([
      'status',
      'plugged',
      'session_id',
      'observation_age_ms as observationAgeMs',
      'received_at_ms as receivedAtMs',
    ])
    .where('connector_id', '=', connector.connector_id)
    .executeTakeFirst();
  const active = await trx
    .selectFrom('orders')
    .select('order_id')
    .where('connector_id', '=', connector.connector_id)
    .where('state', 'in', ['starting', 'charging'])
    // What a site has begun by itself, its live state tells.
    .where('origin', '=', 'remote')
    .executeTakeFirst();
  const announced = (await announcedAt(trx, [connector.site_id], nowMs)).get(connector.site_id);
  return {
    closure: announced === undefined ? null : closureAt(announced, connector.connector_id, nowMs),
    siteOnline: linkIsFresh(link ?? null, nowMs),
    status: statusNow(state ?? null, nowMs),
    plugged: state?.plugged ?? null,
    hasActiveOrder: active !== undefined,
    hasSession: state !== undefined && state.session_id !== null,
    hasTariff,
    // One that leaves documents out of its hello is older than limits and holds.
    knowsLimits: link?.knows_documents === true,
  };
}

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
  },
): Promise<OperationRow> {
  const { connector, tariff, nowMs, limits, holdMinor } = start;
  const { caller, requestId } = request;
  const orderId = context.random.uuid();
  const deadlineAtMs = nowMs + context.settings.startTimeoutMs;
  await trx
    .insertInto('orders')
    .values({
      order_id: orderId,
      partner_id: caller.partnerId,
      origin: 'remote',
      environment: caller.environment,
      state: 'starting',
      request_id: requestId,
      site_id: connector.site_id,
      pile_id: connector.pile_id,
      connector_id: connector.connector_id,
      tariff_id: tariff.tariffId,
      tariff_version: tariff.version,
      limits: limits === null ? null : JSON.stringify(limits),
      hold_minor: holdMinor,
      created_at_ms: nowMs,
      updated_at_ms: nowMs,
    })
    .execute();
  const operation = await trx
    .insertInto('operations')
    .values({
      operation_id: context.random.uuid(),
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
    ttlMs: context.settings.startTimeoutMs,
    tariff,
    ...(limits !== null && { limits }),
    ...(holdMinor !== null && { holdMinor }),
  };
  const target = { operationId: operation.operation_id, siteId: connector.site_id, shard: connector.shard };
  await insertCommand(trx, target, command);
  return operation;
}
