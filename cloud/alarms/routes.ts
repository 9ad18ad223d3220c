import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { givenUuidSchema, uuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { decodeCursor, encodeCursor, pageQuerySchema } from '../http/cursor.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { listQuerySchema, personSchema } from '../staff/schemas.ts';
import { type AlarmRow, acknowledgeAlarm, closeAlarm } from './handle-alarm.ts';

const alarmSchema = z
  .object({
    alarm_id: z.string(),
    source: z.string(),
    code: z.string(),
    severity: z.string(),
    site_id: z.string().nullable(),
    pile_id: z.string().nullable(),
    connector_id: z.string().nullable(),
    session_id: z.string().nullable(),
    partner_id: z.string().nullable(),
    about: z.string().nullable().describe('`kind/id`, where it is about none of these'),
    alert_id: z.string().nullable().describe('null: a worker has not looked at it yet, or it was closed by then'),
    detail: z.string(),
    raised_at: z.iso.datetime(),
    received_at: z.iso.datetime(),
    acknowledged_at: z.iso.datetime().nullable(),
    acknowledged_by: z.string().nullable(),
    closed_at: z.iso.datetime().nullable(),
    closed_by: z.string().nullable(),
    close_reason: z.string().nullable(),
  })
  .meta({ id: 'Alarm' });

const viewOf = (row: AlarmRow): z.infer<typeof alarmSchema> => ({
  ...row,
  raised_at: iso(row.raised_at_ms),
  received_at: iso(row.received_at_ms),
  acknowledged_at: isoOrNull(row.acknowledged_at_ms),
  closed_at: isoOrNull(row.closed_at_ms),
});

/** Alarms, and what people made of them. */
export function alarmRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const params = z.object({ alarm_id: givenUuidSchema });
  const handled = { 200: alarmSchema, ...problems(...staffProblems, 'alarm.unknown', 'alarm.closed') };
  return (app, _options, done) => {
    app.get('/staff/v1/alarms', {
      ...staff.reads('attention.read'),
      schema: {
        tags: staffTags,
        summary: 'Alarms, newest first',
        querystring: listQuerySchema.extend({
          cursor: pageQuerySchema.shape.cursor,
          state: z.enum(['all', 'open', 'unacknowledged']).default('all').describe('open: not closed by anybody'),
        }),
        response: {
          200: z.object({ alarms: z.array(alarmSchema), next_cursor: z.string().nullable() }),
          ...problems(...staffProblems),
        },
      },
      handler: async (request) => {
        const { state, cursor, limit } = request.query;
        const after = cursor === undefined ? null : decodeCursor(cursor, uuidSchema);
        let query = context.db.selectFrom('alarms').selectAll();
        if (state !== 'all') query = query.where('closed_at_ms', 'is', null);
        if (state === 'unacknowledged') query = query.where('acknowledged_at_ms', 'is', null);
        if (after !== null)
          query = query.where((where) =>
            where(where.refTuple('received_at_ms', 'alarm_id'), '<', where.tuple(after.atMs, after.id)),
          );
        const rows = await query
          .orderBy('received_at_ms', 'desc')
          .orderBy('alarm_id', 'desc')
          .limit(limit + 1)
          .execute();
        const page = rows.slice(0, limit);
        const last = page.at(-1);
        const more = rows.length > page.length && last !== undefined;
        return {
          alarms: page.map(viewOf),
          next_cursor: more ? encodeCursor({ atMs: last.received_at_ms, id: last.alarm_id }) : null,
        };
      },
    });

    app.post('/staff/v1/alarms/:alarm_id/acknowledge', {
      ...staff.does('alarm.acknowledge'),
      schema: {
        tags: staffTags,
        summary: 'Say that somebody is at an alarm; whoever was first stays the one',
        params,
        body: z.strictObject({ requested_by: personSchema.optional() }),
        response: handled,
      },
      handler: async (request) => {
        const { alarm_id: id } = request.params;
        const by = staff.personOf(request, request.body.requested_by);
        const db = staff.recording(request, { kind: 'alarm', id });
        return viewOf(await acknowledgeAlarm({ ...context, db }, id, by));
      },
    });

    app.post('/staff/v1/alarms/:alarm_id/close', {
      ...staff.does('alarm.close'),
      schema: {
        tags: staffTags,
        summary: 'Close an alarm, with the reason why nothing more is to be done',
        description: 'Nothing of this clears a latched fault: for that a technician goes to the pile.',
        params,
        body: z.strictObject({ requested_by: personSchema.optional(), reason: z.string().min(1).max(500) }),
        response: handled,
      },
      handler: async (request) => {
        const { alarm_id: id } = request.params;
        const { requested_by: given, reason } = request.body;
        const by = staff.personOf(request, given);
        const db = staff.recording(request, { kind: 'alarm', id }, { reason });
        return viewOf(await closeAlarm({ ...context, db }, id, { by, reason }));
      },
    });
    done();
  };
}
