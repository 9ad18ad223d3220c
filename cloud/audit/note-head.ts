import type { CloudContext } from '../context.ts';

/**
 * Notes in the log where the audit log stands, whenever it has gone on: logs leave the machine, and a head among them shows that rows were
 * cut off, or all of them written anew.
 */
export function createHeadNotes({ db, logger }: Pick<CloudContext, 'db' | 'logger'>): () => Promise<void> {
  let noted = 0;
  return async () => {
    const head = await db
      .selectFrom('audit_log')
      .select(['position', 'sha256'])
      .orderBy('position', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (head === undefined || head.position === noted) return;
    noted = head.position;
    logger.info({ position: head.position, sha256: head.sha256 }, 'audit log stands here');
  };
}
