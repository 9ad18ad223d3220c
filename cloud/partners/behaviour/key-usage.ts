import { sql } from 'kysely';
import type { Clock } from '#shared/clock.ts';
import type { Db } from '../../db/connect.ts';
import { transaction } from '../../db/transaction.ts';
import type { EndpointClass } from '../rate-policy.ts';

export const WINDOW_MS = 300_000;
/** A week, so that each of its days is among what is usual. */
const KEPT_MS = 7 * 86_400_000;
/** Of one family of keys in one window; the rest is counted together: nobody fills the memory, or the table, with addresses. */
const MOST_SOURCES = 50;
export const OTHER_SOURCES = 'others';

/** Counts how keys are used, all of a chain of rotations as one. In memory, until the next time it is written down: what a crash forgets is some seconds. */
export interface KeyUsage {
  note(familyId: string, endpointClass: EndpointClass, source: string): void;
  flush(): Promise<void>;
}

interface Count {
  readonly familyId: string;
  readonly windowAtMs: number;
  readonly endpointClass: EndpointClass;
  readonly source: string;
  calls: number;
}

export function createKeyUsage({ db, clock }: { readonly db: Db; readonly clock: Clock }): KeyUsage {
  let counts = new Map<string, Count>();
  /** By window, then by family. */
  const sources = new Map<number, Map<string, Set<string>>>();

  return {
    note(familyId, endpointClass, from) {
      const windowAtMs = Math.floor(clock.wallMs() / WINDOW_MS) * WINDOW_MS;
      const ofFamilies = sources.get(windowAtMs) ?? new Map<string, Set<string>>();
      sources.set(windowAtMs, ofFamilies);
      const known = ofFamilies.get(familyId) ?? new Set<string>();
      ofFamilies.set(familyId, known);
      const source = known.has(from) || known.size < MOST_SOURCES ? from : OTHER_SOURCES;
      known.add(source);
      const name = `${familyId} ${windowAtMs} ${endpointClass} ${source}`;
      const count = counts.get(name);
      if (count === undefined) counts.set(name, { familyId, windowAtMs, endpointClass, source, calls: 1 });
      else count.calls += 1;
    },
    async flush() {
      if (counts.size === 0) return;
      const written = [...counts.values()];
      counts = new Map();
      for (const windowAtMs of [...sources.keys()])
        if (windowAtMs + WINDOW_MS <= clock.wallMs()) sources.delete(windowAtMs);
      // In one order, so that two processes cannot wait for each other.
      const rows = written
        .map((count) => ({
          family_id: count.familyId,
          window_at_ms: count.windowAtMs,
          class: count.endpointClass,
          source: count.source,
          calls: count.calls,
        }))
        .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
      await transaction(db, (trx) =>
        trx
          .insertInto('key_usage')
          .values(rows)
          .onConflict((conflict) =>
            conflict
              .columns(['family_id', 'window_at_ms', 'class', 'source'])
              .doUpdateSet({ calls: sql<number>`key_usage.calls + excluded.calls` }),
          )
          .execute(),
      );
    },
  };
}

const keyOf = (row: { family_id: string; window_at_ms: number; class: string; source: string }): string =>
  [row.family_id, row.window_at_ms, row.class, row.source].join(' ');

/** Forgets how keys were used long ago. */
export async function forgetUsage(db: Db, nowMs: number): Promise<void> {
  await db
    .deleteFrom('key_usage')
    .where('window_at_ms', '<', nowMs - KEPT_MS)
    .execute();
}
