import { expect } from 'vitest';
import type { Db } from '../db/connect.ts';

/** Waits until the cloud has taken the last word of a site that has closed its link. Taken after a silence of the clock's, it would end it. */
export const untilGone = (db: Db, siteId: string): Promise<void> =>
  expect
    .poll(() => db.selectFrom('site_links').select('online').where('site_id', '=', siteId).executeTakeFirst())
    .toEqual({ online: false });
