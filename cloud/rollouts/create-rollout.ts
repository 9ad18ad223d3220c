import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { documentKindSchema } from '#shared/documents.ts';
import { type Complaint, isPilegateError, PilegateError } from '#shared/errors.ts';
import { requestIdSchema, siteIdSchema } from '#shared/ids.ts';
import { digestOf } from '../canonical-json.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { isUniqueViolation, type Trx, transaction } from '../db/transaction.ts';
import { checkDocument } from '../documents/check-document.ts';
import { personSchema } from '../staff/schemas.ts';
import { numbered, siteText } from './site-text.ts';
import { recordSteps } from './steps.ts';
import type { RolloutRow } from './tables.ts';
import { waveSchema, wavesOfSites } from './waves.ts';

const textSchema = z.string().min(1);
const seconds = (most: number) => z.int().min(1).max(most);
const DAY_S = 86_400;

export const newRolloutSchema = z.strictObject({
  request_id: requestIdSchema,
  document_kind: documentKindSchema,
  text: textSchema
    .optional()
    .describe('for the sites without a text of their own; {{name}} is a place for the value that each site gives'),
  sites: z
    .array(
      z.strictObject({
        site_id: siteIdSchema,
        text: textSchema.optional(),
        values: z.record(z.string().regex(/^\w+$/), z.unknown()).optional(),
      }),
    )
    .min(1)
    .max(2000)
    .describe('the first come first'),
  waves: z.array(waveSchema).min(1).max(20).describe('so many sites more, or up to a percentage of all'),
  soak_s: seconds(7 * DAY_S).describe('so long each site is watched with it before the next wave'),
  answer_within_s: seconds(14 * DAY_S).describe('so long a site may take until it is in force'),
  away_after_s: seconds(14 * DAY_S).describe('so long a wave waits for sites that are away'),
  halt_at_failures: z.int().min(1).describe('it halts, and goes back, as soon as so many sites have failed'),
  allow_without_way_back: z.boolean().default(false),
  reason: z.string().min(1).max(500),
  requested_by: personSchema.optional(),
});
export type NewRollout = z.infer<typeof newRolloutSchema> & { readonly requested_by: string };

/**
 * Begins a roll-out: every site's document is checked, as it would be when it is put by itself, before anything is sent.
 *
 * @returns `hit`: the request is known, and this is how it is getting on
 * @throws PilegateError `request.invalid` with every complaint, `station.unknown`, `rollout.site_busy`, `rollout.no_way_back`,
 *   `request_id.reused`
 */
export async function createRollout(
  context: Pick<CloudContext, 'db' | 'clock' | 'random'>,
  wish: NewRollout,
): Promise<{ rollout: RolloutRow; hit: boolean }> {
  const bodySha256 = digestOf(wish);
  const first = await findFirst(context.db, wish, bodySha256);
  if (first !== null) return { rollout: first, hit: true };
  await checkTexts(context.db, wish);
  try {
    return { rollout: await transaction(context.db, (trx) => insert(context, trx, wish, bodySha256)), hit: false };
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const winner = await findFirst(context.db, wish, bodySha256);
    if (winner === null) throw error;
    return { rollout: winner, hit: true };
  }
}

async function findFirst(
  db: Db,
  { request_id: requestId }: NewRollout,
  bodySha256: string,
): Promise<RolloutRow | null> {
  const row = await db.selectFrom('rollouts').selectAll().where('request_id', '=', requestId).executeTakeFirst();
  if (row === undefined) return null;
  if (row.body_sha256 === bodySha256) return row;
  throw new PilegateError('request_id.reused', `request_id ${requestId} was used with another body`);
}

async function insert(
  context: Pick<CloudContext, 'clock' | 'random'>,
  trx: Trx,
  wish: NewRollout,
  bodySha256: string,
): Promise<RolloutRow> {
  const siteIds = wish.sites.map((site) => site.site_id);
  const waves = wavesOfSites(wish.waves, siteIds.length);
  await lockSites(trx, siteIds);
  await assertNotBusy(trx, wish, siteIds);
  if (!wish.allow_without_way_back) await assertWayBack(trx, wish, siteIds);
  const [rolloutId, nowMs] = [context.random.uuid(), context.clock.wallMs()];
  const rollout = await trx
    .insertInto('rollouts')
    .values({
      rollout_id: rolloutId,
      request_id: wish.request_id,
      body_sha256: bodySha256,
      kind: wish.document_kind,
      text: wish.text ?? null,
      reason: wish.reason,
      requested_by: wish.requested_by,
      state: 'running',
      wave: 0,
      waves: wish.waves.length,
      wave_begun_at_ms: nowMs,
      soak_ms: wish.soak_s * 1000,
      answer_within_ms: wish.answer_within_s * 1000,
      away_after_ms: wish.away_after_s * 1000,
      halt_at_failures: wish.halt_at_failures,
      is_reverting: false,
      created_at_ms: nowMs,
      finished_at_ms: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await trx
    .insertInto('rollout_sites')
    .values(
      wish.sites.map(({ site_id, text, values }, place) => ({
        rollout_id: rolloutId,
        site_id,
        place,
        wave: waves[place] ?? 0,
        text: text ?? null,
        site_values: values === undefined ? null : JSON.stringify(values),
        state: 'queued' as const,
        detail: null,
        changed_at_ms: nowMs,
        version: null,
        digest: null,
        sent_at_ms: null,
        before_version: null,
        before_digest: null,
        revert_version: null,
        revert_digest: null,
      })),
    )
    .execute();
  const detail = `${siteIds.length} sites in ${wish.waves.length} waves: ${wish.reason}`;
  await recordSteps(trx, [{ rolloutId, atMs: nowMs, by: wish.requested_by, step: 'created', detail }]);
  return rollout;
}

/** In the order of their names, so that two who lock the same sites do not wait for each other. */
async function lockSites(trx: Trx, siteIds: readonly string[]): Promise<void> {
  const twice = siteIds.filter((siteId, i) => siteIds.indexOf(siteId) !== i);
  if (twice.length > 0)
    throw new PilegateError('request.invalid', 'a site is named twice', {
      complaints: twice.map((siteId) => ({ path: 'sites', reason: `${siteId} is named twice` })),
    });
  const rows = await trx
    .selectFrom('sites')
    .select('site_id')
    .where('site_id', 'in', siteIds)
    .orderBy('site_id')
    .forUpdate()
    .execute();
  const known = new Set(rows.map((row) => row.site_id));
  const unknown = siteIds.filter((siteId) => !known.has(siteId));
  if (unknown.length > 0) throw new PilegateError('station.unknown', `no site ${unknown.slice(0, 10).join(', ')}`);
}

async function assertNotBusy(trx: Trx, wish: NewRollout, siteIds: readonly string[]): Promise<void> {
  const busy = await trx
    .selectFrom('rollout_sites')
    .innerJoin('rollouts', 'rollouts.rollout_id', 'rollout_sites.rollout_id')
    .select(['rollout_sites.site_id', 'rollouts.rollout_id'])
    .where('rollouts.finished_at_ms', 'is', null)
    .where('rollouts.kind', '=', wish.document_kind)
    .where('rollout_sites.site_id', 'in', siteIds)
    .executeTakeFirst();
  if (busy !== undefined)
    throw new PilegateError('rollout.site_busy', `${busy.site_id} takes part in roll-out ${busy.rollout_id}`);
}

/** Many sites take their time: what else this process does goes on between them. Each document is checked again when it is put. */
async function checkTexts(db: Db, wish: NewRollout): Promise<void> {
  const siteIds = wish.sites.map((site) => site.site_id);
  const rows = await db
    .selectFrom('connectors')
    .select(['site_id', 'connector_id'])
    .where('site_id', 'in', siteIds)
    .execute();
  const bySite = Map.groupBy(rows, (row) => row.site_id);
  const complaints: Complaint[] = [];
  for (const [i, site] of wish.sites.entries()) {
    const own = (bySite.get(site.site_id) ?? []).map((row) => row.connector_id);
    complaints.push(...complaintsAbout(wish, site, `sites.${i}`, own));
    await setImmediate();
  }
  if (complaints.length > 0)
    throw new PilegateError('request.invalid', 'not every site can be sent its document', {
      complaints: complaints.slice(0, 100),
    });
}

function complaintsAbout(
  { document_kind: kind, text: common }: NewRollout,
  { text: own, values }: NewRollout['sites'][number],
  path: string,
  connectorIds: readonly string[],
): Complaint[] {
  const text = own ?? common;
  if (text === undefined) return [{ path, reason: 'neither it nor the roll-out has a text' }];
  try {
    checkDocument(kind, numbered(kind, siteText(text, values ?? {}, path), 1), connectorIds);
    return [];
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    const found = error.complaints.length > 0 ? error.complaints : [{ path: 'text', reason: error.detail }];
    return found.map((one) => (one.path.startsWith(path) ? one : { ...one, path: `${path}.${one.path}` }));
  }
}

/** A site goes back by a push of what it had; that is possible only where its text is here. */
async function assertWayBack(trx: Trx, wish: NewRollout, siteIds: readonly string[]): Promise<void> {
  const rows = await trx
    .selectFrom('site_documents_in_force as in_force')
    .innerJoin('site_documents as known', (join) =>
      join
        .onRef('known.site_id', '=', 'in_force.site_id')
        .onRef('known.kind', '=', 'in_force.kind')
        .onRef('known.version', '=', 'in_force.version')
        .onRef('known.digest', '=', 'in_force.digest'),
    )
    .select('in_force.site_id')
    .where('in_force.kind', '=', wish.document_kind)
    .where('in_force.site_id', 'in', siteIds)
    .where('known.text', 'is not', null)
    .execute();
  const known = new Set(rows.map((row) => row.site_id));
  const without = siteIds.filter((siteId) => !known.has(siteId));
  if (without.length > 0)
    throw new PilegateError(
      'rollout.no_way_back',
      `of ${without.length} sites, ${without.slice(0, 10).join(', ')} among them`,
    );
}
