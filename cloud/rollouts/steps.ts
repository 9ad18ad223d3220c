import type { Trx } from '../db/transaction.ts';

/** What the platform does by itself is done by it; what a person wants has his name. */
export const PLATFORM = 'platform';

export interface Step {
  readonly rolloutId: string;
  readonly atMs: number;
  readonly by: string;
  readonly siteId?: string;
  /** `created`, `wave`, `halt`, `pause` …, or the state that a site has got into. */
  readonly step: string;
  readonly detail: string | null;
}

/** Steps are only ever added to. */
export async function recordSteps(trx: Trx, steps: readonly Step[]): Promise<void> {
  if (steps.length === 0) return;
  await trx
    .insertInto('rollout_steps')
    .values(
      steps.map(({ rolloutId, atMs, by, siteId, step, detail }) => ({
        rollout_id: rolloutId,
        at_ms: atMs,
        done_by: by,
        site_id: siteId ?? null,
        step,
        detail: detail?.slice(0, 1000) ?? null,
      })),
    )
    .execute();
}
