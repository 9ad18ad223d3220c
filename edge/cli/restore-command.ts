import { isPilegateError } from '#shared/errors.ts';
import { restoreBackup } from '../ledger/restore.ts';
import { lockFolder } from '../runtime/folder-lock.ts';

/**
 * Makes a backup the ledger of a data folder. Refused while an edge works in the folder.
 *
 * @returns for a person: what came over, or why nothing was touched
 */
export async function restoreLedger(file: string, dataDir: string): Promise<{ isDone: boolean; text: string }> {
  try {
    await lockFolder('edge', dataDir);
    const { salvaged, keptAt } = restoreBackup(file, dataDir, Date.now());
    const taken = Object.entries(salvaged.taken).filter(([, rows]) => rows > 0);
    const lost = salvaged.lost.length === 0 ? [] : [`could not be read, at least in part: ${salvaged.lost.join(', ')}`];
    const kept = keptAt === null ? [] : [`the ledger that was there is kept: ${keptAt}`];
    return {
      isDone: true,
      text: [
        `restored: ${taken.map(([table, rows]) => `${rows} ${table}`).join(', ')}`,
        ...lost,
        ...kept,
        'charges that were open in the backup are not taken up again: the edge closes them with what the backup knew',
      ].join('\n'),
    };
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    return { isDone: false, text: error.detail };
  }
}
