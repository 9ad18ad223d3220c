import { isPilegateError, PilegateError } from '#shared/errors.ts';
import { type SandboxFaultKind, sandboxFaults } from '#shared/sandbox-faults.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import type { Caller } from '../partners/caller.ts';
import { mayUse } from '../partners/terms/visible.ts';
import { createRigClient, type RigClient } from './rig-client.ts';
import type { SandboxFaultRow } from './tables.ts';

/** So long after its end a fault can be looked up; partners make them without number. */
const KEPT_MS = 30 * 86_400_000;
/** Faults of a partner at a time. */
export const MOST_AT_ONCE = 10;

export type SandboxContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'settings'>;

export interface FaultWish {
  readonly connectorId: string;
  readonly kind: SandboxFaultKind;
  readonly durationS: number;
}

/** @throws PilegateError `sandbox.only` */
export function refuseLive({ environment }: Caller): void {
  if (environment !== 'sandbox') throw new PilegateError('sandbox.only', 'the key is for live stations');
}

/**
 * Makes a fault at a simulated pile. It ends by itself.
 *
 * @throws PilegateError `sandbox.only`, `connector.unknown`, `sandbox.no_rig`, `sandbox.fault_exists`, `sandbox.too_many`, `sandbox.busy`,
 * `sandbox.fault_refused`, `platform.unavailable`
 */
export async function beginFault(context: SandboxContext, caller: Caller, wish: FaultWish): Promise<SandboxFaultRow> {
  refuseLive(caller);
  const { row, pileId } = await transaction(context.db, (trx) => reserve(context, trx, caller, wish));
  const { kind, connectorId, durationS } = wish;
  const rig = rigOf(context, row.site_id);
  try {
    await rig.begin(row.fault_id, { kind, pileId, connectorId, durationS });
  } catch (error) {
    // It may have been made all the same, and nobody could end it when nothing here tells of it.
    if (!isPilegateError(error) || error.code !== 'sandbox.fault_refused')
      await rig.end(row.fault_id).catch(() => undefined);
    await context.db.deleteFrom('sandbox_faults').where('fault_id', '=', row.fault_id).execute();
    throw error;
  }
  return row;
}

/**
 * Ends a fault of the caller's own before its time. Of one that is over: nothing.
 *
 * @throws PilegateError `sandbox.only`, `sandbox.fault_unknown`, `platform.unavailable`
 */
export async function endFault(context: SandboxContext, caller: Caller, faultId: string): Promise<void> {
  refuseLive(caller);
  const row = await context.db
    .selectFrom('sandbox_faults')
    .innerJoin('sites', 'sites.site_id', 'sandbox_faults.site_id')
    .selectAll('sandbox_faults')
    .where('fault_id', '=', faultId)
    .where('partner_id', '=', caller.partnerId)
    .where('sites.environment', '=', 'sandbox')
    .executeTakeFirst();
  if (row === undefined) throw new PilegateError('sandbox.fault_unknown', `no fault ${faultId}`);
  const nowMs = context.clock.wallMs();
  if (!isActive(row, nowMs)) return;
  await rigOf(context, row.site_id).end(faultId);
  await context.db.updateTable('sandbox_faults').set({ ended_at_ms: nowMs }).where('fault_id', '=', faultId).execute();
}

export const isActive = (row: Pick<SandboxFaultRow, 'ended_at_ms' | 'ends_at_ms'>, nowMs: number): boolean =>
  row.ended_at_ms === null && nowMs < row.ends_at_ms;

/** The caller's own, the newest first, and what others have made at this connector or its site. */
export const faultsAt = (db: Db, connectorId: string, siteId: string, partnerId: string, nowMs: number) =>
  db
    .selectFrom('sandbox_faults')
    .selectAll()
    .where('site_id', '=', siteId)
    .where((is) =>
      is.or([
        is.and([is('partner_id', '=', partnerId), is('connector_id', '=', connectorId)]),
        is.and([is('ended_at_ms', 'is', null), is('ends_at_ms', '>', nowMs)]),
      ]),
    )
    .orderBy('started_at_ms', 'desc')
    .limit(100)
    .execute();

/** Forgets faults that are long over. */
export async function forgetFaults(db: Db, nowMs: number): Promise<void> {
  await db
    .deleteFrom('sandbox_faults')
    .where('ends_at_ms', '<', nowMs - KEPT_MS)
    .execute();
}

/** @throws PilegateError `connector.unknown` */
export async function findSandboxConnector(db: Db | Trx, caller: Caller, connectorId: string) {
  const connector = await db
    .selectFrom('connectors')
    .innerJoin('sites', 'sites.site_id', 'connectors.site_id')
    .select(['connectors.connector_id', 'connectors.pile_id', 'sites.site_id'])
    .where('connectors.connector_id', '=', connectorId)
    .where(mayUse(caller))
    // Said once more, beside the environment of the key: nothing here may ever reach a pile that is real.
    .where('sites.environment', '=', 'sandbox')
    .executeTakeFirst();
  if (connector === undefined) throw new PilegateError('connector.unknown', `no connector ${connectorId}`);
  return connector;
}

function rigOf({ settings }: Pick<SandboxContext, 'settings'>, siteId: string): RigClient {
  const url = settings.sandboxRigs.get(siteId);
  if (url === undefined) throw new PilegateError('sandbox.no_rig', `station ${siteId}`);
  return createRigClient(url);
}

/** One after the other at a site, so that two of the same kind do not meet. */
async function reserve(context: SandboxContext, trx: Trx, caller: Caller, wish: FaultWish) {
  const { partnerId } = caller;
  const nowMs = context.clock.wallMs();
  const connector = await findSandboxConnector(trx, caller, wish.connectorId);
  const { site_id: siteId } = connector;
  rigOf(context, siteId);
  await trx.selectFrom('sites').select('site_id').where('site_id', '=', siteId).forUpdate().execute();
  const active = await trx
    .selectFrom('sandbox_faults')
    .selectAll()
    .where('ended_at_ms', 'is', null)
    .where('ends_at_ms', '>', nowMs)
    .where((is) => is.or([is('site_id', '=', siteId), is('partner_id', '=', partnerId)]))
    .execute();
  if (active.filter((row) => row.partner_id === partnerId).length >= MOST_AT_ONCE)
    throw new PilegateError('sandbox.too_many', `${MOST_AT_ONCE} of yours are under way`);
  const ofSite = sandboxFaults[wish.kind].strikes === 'site';
  const same = active.find(
    (row) =>
      row.site_id === siteId &&
      (ofSite ? row.kind.startsWith('site-') : row.kind === wish.kind && row.connector_id === wish.connectorId),
  );
  if (same !== undefined) {
    const retryAfterS = Math.max(1, Math.ceil((same.ends_at_ms - nowMs) / 1000));
    throw new PilegateError('sandbox.fault_exists', `${same.kind} for ${retryAfterS} s yet`, { retryAfterS });
  }
  await refuseAtOthersCharge(trx, partnerId, siteId, ofSite ? null : wish.connectorId);
  const row: SandboxFaultRow = {
    fault_id: `sf_${context.random.uuid().replaceAll('-', '')}`,
    partner_id: partnerId,
    site_id: siteId,
    connector_id: wish.connectorId,
    kind: wish.kind,
    started_at_ms: nowMs,
    ends_at_ms: nowMs + wish.durationS * 1000,
    ended_at_ms: null,
  };
  await trx.insertInto('sandbox_faults').values(row).execute();
  return { row, pileId: connector.pile_id };
}

/** @param connectorId null: anywhere at the site */
async function refuseAtOthersCharge(trx: Trx, partnerId: string, siteId: string, connectorId: string | null) {
  const other = await trx
    .selectFrom('orders')
    .select('order_id')
    .where('site_id', '=', siteId)
    .where('state', 'in', ['starting', 'charging'])
    .where('partner_id', 'is distinct from', partnerId)
    .$if(connectorId !== null, (query) => query.where('connector_id', '=', connectorId ?? ''))
    .limit(1)
    .executeTakeFirst();
  if (other !== undefined) throw new PilegateError('sandbox.busy', 'another partner tries a charge there');
}
