import { sql } from 'kysely';
import type { Db } from './connect.ts';

/** Does the database answer? For the readiness page, which shows the answer instead of failing. */
export const isReachable = (db: Db): Promise<boolean> =>
  sql`select 1`.execute(db).then(
    () => true,
    () => false,
  );
