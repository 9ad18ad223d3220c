import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { afterStaff, type StaffAction } from './machine.ts';
import { recordSteps } from './steps.ts';
import type { RolloutRow } from './tables.ts';

export interface StaffWish {
  readonly action: StaffAction;
  readonly by: string;
  readonly reason: string;
  /** With `abort` alone: sites that may have it are to get back what they had. */
  readonly isReverting: boolean;
}

/**
 * Does what staff want with a roll-out.
 *
 * @throws PilegateError `rollout.unknown`, or `rollout.state` when it is too late for it
 */
export async function controlRollout(
  context: Pick<CloudContext, 'db' | 'clock' | 'logger'>,
  rolloutId: string,
  { action, by, reason, isReverting }: StaffWish,
): Promise<RolloutRow> {
  const atMs = context.clock.wallMs();
  const changed = await transaction(context.db, async (trx) => {
    const rollout = await trx
      .selectFrom('rollouts')
      .selectAll()
      .where('rollout_id', '=', rolloutId)
      .forUpdate()
      .executeTakeFirst();
    if (rollout === undefined) throw new PilegateError('rollout.unknown', `no roll-out ${rolloutId}`);
    const state = afterStaff(rollout.state, action);
    if (state === null) throw new PilegateError('rollout.state', `it is ${rollout.state}`);
    if (action === 'abort') await sendNoMore(trx, rollout);
    await recordSteps(trx, [{ rolloutId, atMs, by, step: action, detail: reason }]);
    return await trx
      .updateTable('rollouts')
      .set({ state, is_reverting: isReverting })
      .where('rollout_id', '=', rolloutId)
      .returningAll()
      .executeTakeFirstOrThrow();
  });
  context.logger.warn({ rolloutId, action, by, reason }, 'staff act on a roll-out');
  return changed;
}

/** What no site has answered yet is not sent again. A site may have it all the same. */
async function sendNoMore(trx: Trx, { rollout_id: rolloutId, kind }: RolloutRow): Promise<void> {
  await trx
    .updateTable('site_documents')
    .set({ next_send_at_ms: null })
    .from('rollout_sites')
    .whereRef('rollout_sites.site_id', '=', 'site_documents.site_id')
    .whereRef('rollout_sites.version', '=', 'site_documents.version')
    .whereRef('rollout_sites.digest', '=', 'site_documents.digest')
    .where('rollout_sites.rollout_id', '=', rolloutId)
    .where('rollout_sites.state', '=', 'sent')
    .where('site_documents.kind', '=', kind)
    .where('site_documents.status', '=', 'open')
    .execute();
}
