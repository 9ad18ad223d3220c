import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import { transaction } from '../db/transaction.ts';
import { lockSite } from './lives.ts';

export interface Choice {
  readonly siteId: string;
  readonly lifeId: string;
  readonly chosenBy: string;
}

/**
 * A person says which box is the site's. It is welcomed at its next hello, whoever is heard; every other one is a former one, and
 * is found out again should it still be alive.
 *
 * @throws PilegateError `request.not_found` when the site has no such life
 */
export async function chooseLife(context: CloudContext, { siteId, lifeId, chosenBy }: Choice): Promise<void> {
  await transaction(context.db, async (trx) => {
    await lockSite(trx, siteId);
    const life = await trx
      .selectFrom('site_lives')
      .select('status')
      .where('site_id', '=', siteId)
      .where('life_id', '=', lifeId)
      .executeTakeFirst();
    if (life === undefined) throw new PilegateError('request.not_found', `site ${siteId} has no life ${lifeId}`);
    const isHolder = life.status === 'holder';
    await trx
      .updateTable('site_lives')
      .set({ status: 'former' })
      .where('site_id', '=', siteId)
      .where('life_id', '<>', lifeId)
      .where('status', 'in', isHolder ? ['barred', 'chosen'] : ['barred', 'chosen', 'waiting'])
      .execute();
    await trx
      .updateTable('site_lives')
      .set({ chosen_by: chosenBy, ...(isHolder ? {} : { status: 'chosen' }) })
      .where('site_id', '=', siteId)
      .where('life_id', '=', lifeId)
      .execute();
  });
  context.logger.warn({ siteId, lifeId, chosenBy }, 'staff chooses who speaks for a site');
}
