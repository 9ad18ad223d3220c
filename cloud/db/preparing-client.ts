import pg from 'pg';

/** So often a statement is asked before the server is to remember it. */
const OFTEN = 20;
/** Each is remembered on every connection of the pool, with its plan: some ten kilobytes. */
const MOST_REMEMBERED = 150;
const MOST_COUNTED = 1000;

/** The server's word for a remembered statement whose tables have other columns now. Nothing was done. */
export const isOutdatedPlan = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === '0A000' && error.routine === 'RevalidateCachedQuery';

/**
 * Makes the clients of one pool, which let the server remember statements that are asked often: to parse and to plan them takes it longer
 * than to do what they say. Nobody has to name a statement.
 *
 * After a migration the server refuses a remembered statement that returns all columns (`isOutdatedPlan`). The client then forgets the
 * name, and is answered when it asks again.
 */
export function preparingClient(): typeof pg.Client {
  const often = new Set<string>();
  const times = new Map<string, number>();
  const isOften = (text: string): boolean => {
    if (often.has(text)) return true;
    if (often.size >= MOST_REMEMBERED) return false;
    const asked = (times.get(text) ?? 0) + 1;
    if (asked < OFTEN) {
      // Lists of any length make texts without end, each of which is rare.
      if (times.size >= MOST_COUNTED) times.clear();
      times.set(text, asked);
    } else {
      times.delete(text);
      often.add(text);
    }
    return false;
  };

  class PreparingClient extends pg.Client {
    readonly #names = new Map<string, string>();
    #named = 0;

    async ask(text: string, values: unknown[]): Promise<pg.QueryResult> {
      const name = this.#names.get(text) ?? this.#name(text);
      try {
        return await super.query({ name, text, values });
      } catch (error) {
        if (isOutdatedPlan(error)) this.#names.delete(text);
        throw error;
      }
    }

    #name(text: string): string {
      this.#named += 1;
      const name = `often-${this.#named}`;
      this.#names.set(text, name);
      return name;
    }
  }
  const plain = pg.Client.prototype.query as (...given: unknown[]) => unknown;
  Object.assign(PreparingClient.prototype, {
    query(this: PreparingClient, ...given: unknown[]) {
      const [text, values] = given;
      const isAsked = given.length === 2 && typeof text === 'string' && Array.isArray(values) && values.length > 0;
      return isAsked && isOften(text) ? this.ask(text, values) : plain.apply(this, given);
    },
  });
  return PreparingClient;
}
