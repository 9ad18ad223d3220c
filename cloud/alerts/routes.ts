import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { givenUuidSchema, uuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { decodeCursor, encodeCursor, pageQuerySchema } from '../http/cursor.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { personSchema } from '../staff/schemas.ts';
import { wordsFor } from './facts.ts';
import { acknowledgeAlert, closeAlert } from './handle-alert.ts';
import { alertLevels } from './levels.ts';
import type { AlertRow } from './tables.ts';

const alertSchema = z
  .object({
    alert_id: z.string(),
    code: z.string(),
    title: z.string(),
    title_zh: z.string(),
    what_to_do: z.string(),
    what_to_do_zh: z.string(),
    level: z.enum(alertLevels),
    subject_kind: z.string(),
    subject_id: z.string(),
    site_id: z.string().nullable(),
    pile_id: z.string().nullable(),
    connector_id: z.string().nullable(),
    partner_id: z.string().nullable(),
    detail: z.string().describe('of the alarm that came last'),
    alarm_count: z.int(),
    first_raised_at: z.iso.datetime(),
    last_raised_at: z.iso.datetime(),
    opened_at: z.iso.datetime(),
    acknowledged_at: z.iso.datetime().nullable(),
    acknowledged_by: z.string().nullable(),
    closed_at: z.iso.datetime().nullable(),
    closed_by: z.string().nullable(),
    close_reason: z.string().nullable(),
    next_telling_at: z.iso.datetime().nullable().describe('when somebody is told next unless it is acknowledged'),
  })
  .meta({ id: 'Alert' });

export function alertView(row: AlertRow): z.infer<typeof alertSchema> {
  const { en, zh, doEn, doZh } = wordsFor(row.code);
  return {
    ...row,
    title: en,
    title_zh: zh,
    what_to_do: doEn,
    what_to_do_zh: doZh,
    first_raised_at: iso(row.first_raised_at_ms),
    last_raised_at: iso(row.last_raised_at_ms),
    opened_at: iso(row.opened_at_ms),
    acknowledged_at: isoOrNull(row.acknowledged_at_ms),
    closed_at: isoOrNull(row.closed_at_ms),
    next_telling_at: isoOrNull(row.next_tick_at_ms),
  };
}

const tellingSchema = z.object({
  channel_id: z.string(),
  run: z.int(),
  tick: z.int().describe('1: the first step of the chain'),
  told_at: z.iso.datetime(),
  post_id: z.string().nullable(),
  status: z.enum(['waiting', 'pending', 'delivered', 'failed', 'cancelled']),
  attempts: z.int(),
  last_error: z.string().nullable(),
});

const listQuerySchema = pageQuerySchema.extend({
  state: z.enum(['all', 'open', 'unacknowledged']).default('open').describe('open: not closed by anybody'),
  level: z.enum(alertLevels).optional(),
  code: z.string().max(100).optional(),
  site_id: z.string().max(100).optional(),
  partner_id: z.string().max(100).optional(),
});

/** Alerts: what staff are told of, and who is at it. */
export function alertRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const params = z.object({ alert_id: givenUuidSchema });
  const handled = { 200: alertSchema, ...problems(...staffProblems, 'alert.unknown', 'alert.closed') };
  return (app, _options, done) => {
    app.get('/staff/v1/alerts', {
      ...staff.reads('attention.read'),
      schema: {
        tags: staffTags,
        summary: 'Alerts, newest first',
        querystring: listQuerySchema,
        response: {
          200: z.object({ alerts: z.array(alertSchema), next_cursor: z.string().nullable() }),
          ...problems(...staffProblems),
        },
      },
      handler: async (request) => {
        const rows = await listAlerts(context, request.query);
        const page = rows.slice(0, request.query.limit);
        const last = page.at(-1);
        const more = rows.length > page.length && last !== undefined;
        return {
          alerts: page.map(alertView),
          next_cursor: more ? encodeCursor({ atMs: last.opened_at_ms, id: last.alert_id }) : null,
        };
      },
    });

    app.get('/staff/v1/alerts/:alert_id', {
      ...staff.reads('attention.read'),
      schema: {
        tags: staffTags,
        summary: 'One alert, and who was told of it',
        params,
        response: {
          200: alertSchema.extend({ tellings: z.array(tellingSchema) }),
          ...problems(...staffProblems, 'alert.unknown'),
        },
      },
      handler: async (request) => {
        const { alert_id: id } = request.params;
        const row = await context.db.selectFrom('alerts').selectAll().where('alert_id', '=', id).executeTakeFirst();
        if (row === undefined) throw new PilegateError('alert.unknown', `no alert ${id}`);
        return { ...alertView(row), tellings: await tellingsOf(context, id) };
      },
    });

    app.post('/staff/v1/alerts/:alert_id/acknowledge', {
      ...staff.does('alert.acknowledge'),
      schema: {
        tags: staffTags,
        summary: 'Say that somebody is at an alert: nobody else is told; whoever was first stays the one',
        params,
        body: z.strictObject({ requested_by: personSchema.optional() }),
        response: handled,
      },
      handler: async (request) => {
        const { alert_id: id } = request.params;
        const by = staff.personOf(request, request.body.requested_by);
        const db = staff.recording(request, { kind: 'alert', id });
        return alertView(await acknowledgeAlert({ ...context, db }, id, by));
      },
    });

    app.post('/staff/v1/alerts/:alert_id/close', {
      ...staff.does('alert.close'),
      schema: {
        tags: staffTags,
        summary: 'Close an alert and its alarms, with the reason why nothing more is to be done',
        description: 'Nothing of this clears a latched fault: for that a technician goes to the pile.',
        params,
        body: z.strictObject({ requested_by: personSchema.optional(), reason: z.string().min(1).max(500) }),
        response: handled,
      },
      handler: async (request) => {
        const { alert_id: id } = request.params;
        const { requested_by: given, reason } = request.body;
        const by = staff.personOf(request, given);
        const db = staff.recording(request, { kind: 'alert', id }, { reason });
        return alertView(await closeAlert({ ...context, db }, id, { by, reason }));
      },
    });
    done();
  };
}

const listAlerts = (
  { db }: Pick<CloudContext, 'db'>,
  { state, level, code, site_id: siteId, partner_id: partnerId, cursor, limit }: z.infer<typeof listQuerySchema>,
): Promise<AlertRow[]> => {
  const after = cursor === undefined ? null : decodeCursor(cursor, uuidSchema);
  let query = db.selectFrom('alerts').selectAll();
  if (state !== 'all') query = query.where('closed_at_ms', 'is', null);
  if (state === 'unacknowledged') query = query.where('acknowledged_at_ms', 'is', null);
  if (level !== undefined) query = query.where('level', '=', level);
  if (code !== undefined) query = query.where('code', '=', code);
  if (siteId !== undefined) query = query.where('site_id', '=', siteId);
  if (partnerId !== undefined) query = query.where('partner_id', '=', partnerId);
  if (after !== null)
    query = query.where((where) =>
      where(where.refTuple('opened_at_ms', 'alert_id'), '<', where.tuple(after.atMs, after.id)),
    );
  return query
    .orderBy('opened_at_ms', 'desc')
    .orderBy('alert_id', 'desc')
    .limit(limit + 1)
    .execute();
};

async function tellingsOf({ db }: Pick<CloudContext, 'db'>, alertId: string): Promise<z.infer<typeof tellingSchema>[]> {
  const rows = await db
    .selectFrom('alert_tellings as telling')
    .leftJoin('alert_posts as post', 'post.post_id', 'telling.post_id')
    .select(['telling.channel_id', 'telling.run', 'telling.tick', 'telling.created_at_ms', 'telling.post_id'])
    .select(['telling.cancelled_at_ms', 'post.status', 'post.attempts', 'post.last_error'])
    .where('telling.alert_id', '=', alertId)
    .orderBy('telling.telling_id')
    .limit(500)
    .execute();
  return rows.map((row) => ({
    channel_id: row.channel_id,
    run: row.run,
    tick: row.tick,
    told_at: iso(row.created_at_ms),
    post_id: row.post_id,
    status: row.status ?? (row.cancelled_at_ms === null ? 'waiting' : 'cancelled'),
    attempts: row.attempts ?? 0,
    last_error: row.last_error,
  }));
}
