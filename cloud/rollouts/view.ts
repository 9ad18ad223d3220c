import { z } from 'zod';
import { documentKindSchema } from '#shared/documents.ts';
import type { Db } from '../db/connect.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import type { RolloutSiteState } from './machine.ts';
import type { RolloutRow } from './tables.ts';

const siteStates = {
  queued: 'its turn has not come, or it is away',
  sent: 'it has not said that it is in force',
  soaking: 'in force, and watched',
  silent: 'in force by its own word, and since then away',
  good: 'in force, and was well for the soak time',
  had: 'the same was in force before',
  failed: 'refused, rolled back on site, unanswered, or not well with it',
  left: 'somebody has put another version there since',
  unable: 'its software knows no documents',
  missed: 'away until the roll-out was over',
  reverting: 'what it had before is on its way',
  reverted: 'what it had before is in force again',
  stuck: 'only a technician can go back there',
} as const satisfies Record<RolloutSiteState, string>;

const stateNames = Object.keys(siteStates) as RolloutSiteState[];

export const rolloutSchema = z
  .object({
    rollout_id: z.string(),
    request_id: z.string(),
    document_kind: documentKindSchema,
    state: z
      .enum(['running', 'paused', 'halted', 'aborted', 'completed'])
      .describe(
        'halted: too many sites have failed. With halted and aborted, finished_at says when the last site was back',
      ),
    is_rolling_back: z.boolean(),
    wave: z.int().describe('the one under way, from 1'),
    waves: z.int(),
    site_counts: z.partialRecord(z.enum(stateNames), z.int()).describe('sites by their state'),
    soak_s: z.number(),
    answer_within_s: z.number(),
    away_after_s: z.number(),
    halt_at_failures: z.int(),
    reason: z.string(),
    requested_by: z.string(),
    created_at: z.iso.datetime(),
    finished_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Rollout' });

export const rolloutSiteSchema = z.object({
  site_id: z.string(),
  wave: z.int(),
  state: z.enum(stateNames).describe(stateNames.map((name) => `${name}: ${siteStates[name]}`).join('. ')),
  detail: z.string().nullable(),
  changed_at: z.iso.datetime(),
  version: z.int().nullable().describe('as which it was sent'),
  version_before: z.int().nullable(),
  version_back: z.int().nullable().describe('as which what it had before was sent again'),
});

export const stepSchema = z.object({
  number: z.int(),
  at: z.iso.datetime(),
  by: z.string().describe('a person, or the platform'),
  site_id: z.string().nullable(),
  step: z.string(),
  detail: z.string().nullable(),
});

const viewOf = (row: RolloutRow, counts: z.infer<typeof rolloutSchema>['site_counts']) => ({
  rollout_id: row.rollout_id,
  request_id: row.request_id,
  document_kind: row.kind,
  state: row.state,
  is_rolling_back: row.is_reverting,
  wave: row.wave + 1,
  waves: row.waves,
  site_counts: counts,
  soak_s: row.soak_ms / 1000,
  answer_within_s: row.answer_within_ms / 1000,
  away_after_s: row.away_after_ms / 1000,
  halt_at_failures: row.halt_at_failures,
  reason: row.reason,
  requested_by: row.requested_by,
  created_at: iso(row.created_at_ms),
  finished_at: isoOrNull(row.finished_at_ms),
});

/** Roll-outs, newest first; one of them, or all. */
export async function rolloutViews(
  db: Db,
  { rolloutId, limit }: { readonly rolloutId: string | null; readonly limit: number },
): Promise<z.infer<typeof rolloutSchema>[]> {
  const rows = await db
    .selectFrom('rollouts')
    .selectAll()
    .$if(rolloutId !== null, (query) => query.where('rollout_id', '=', rolloutId ?? ''))
    .orderBy('created_at_ms', 'desc')
    .orderBy('rollout_id')
    .limit(limit)
    .execute();
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.rollout_id);
  const counts = await db
    .selectFrom('rollout_sites')
    .select(['rollout_id', 'state', (eb) => eb.fn.countAll<number>().as('sites')])
    .where('rollout_id', 'in', ids)
    .groupBy(['rollout_id', 'state'])
    .execute();
  return rows.map((row) => {
    const own = counts.filter((count) => count.rollout_id === row.rollout_id);
    return viewOf(row, Object.fromEntries(own.map(({ state, sites }) => [state, sites])));
  });
}

/** The sites of a roll-out, in the order in which they were named. */
export async function siteViewsOf(db: Db, rolloutId: string): Promise<z.infer<typeof rolloutSiteSchema>[]> {
  const rows = await db
    .selectFrom('rollout_sites')
    .selectAll()
    .where('rollout_id', '=', rolloutId)
    .orderBy('place')
    .execute();
  return rows.map((row) => ({
    site_id: row.site_id,
    wave: row.wave + 1,
    state: row.state,
    detail: row.detail,
    changed_at: iso(row.changed_at_ms),
    version: row.version,
    version_before: row.before_version,
    version_back: row.revert_version,
  }));
}
