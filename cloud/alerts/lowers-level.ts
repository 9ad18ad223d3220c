import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { type AlertLevel, alertLevels, programLevels, rankOf } from './levels.ts';
import { readAlertSettings } from './settings.ts';

const wishSchema = z.object({ code: z.string(), level: z.enum(alertLevels).nullable() });

/**
 * Whether alerts of a code would come with a lower level than they do, or could: fewer are told then, or later.
 *
 * @param wish null: the level that the program has
 * @param set what staff have set so far; undefined: nothing
 */
export function lowersLevel(code: string, wish: AlertLevel | null, set: AlertLevel | undefined): boolean {
  const { least, most } = programLevels(code);
  if (wish === null) return set !== undefined && rankOf(least) < rankOf(set);
  // A site may send a code with a higher severity than the catalogue has.
  if (rankOf(wish) < rankOf('critical')) return true;
  return rankOf(wish) < rankOf(set ?? most);
}

/** Whether a request to set the level of a code lowers the one in force. What is no such request counts as one that does. */
export async function asksToLowerLevel(db: Db, asked: object): Promise<boolean> {
  const wish = wishSchema.safeParse(asked);
  if (!wish.success) return true;
  const { code, level } = wish.data;
  const { levels } = await readAlertSettings(db);
  return lowersLevel(code, level, levels.get(code));
}
