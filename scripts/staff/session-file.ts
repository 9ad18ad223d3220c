import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const sessionSchema = z.object({ url: z.url(), token: z.string(), staffId: z.string() });
export type Session = z.infer<typeof sessionSchema>;

/** Where the session of somebody is kept unless they say otherwise. */
export function defaultSessionFile(env: Readonly<Record<string, string | undefined>>): string {
  const state = env.XDG_STATE_HOME ?? join(env.HOME ?? '.', '.local', 'state');
  return join(state, 'pilegate', 'staff-session.json');
}

/** Keeps a session where nobody else reads it. */
export function keepSession(file: string, session: Session): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // Made anew: the mode of a file that is there stays as it is.
  rmSync(file, { force: true });
  writeFileSync(file, JSON.stringify(session), { mode: 0o600, flag: 'wx' });
}

/**
 * The session that is kept; null: none is.
 *
 * @throws Error when others may read the file: whoever did has the session as well
 */
export function keptSession(file: string): Session | null {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return null;
  if ((stats.mode & 0o077) !== 0) throw new Error(`${file} can be read by others: delete it, and log in again`);
  return sessionSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

export const forgetSession = (file: string): void => rmSync(file, { force: true });
