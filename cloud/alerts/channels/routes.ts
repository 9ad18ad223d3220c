import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CloudContext } from '../../context.ts';
import { iso, isoOrNull } from '../../http/iso.ts';
import { problems } from '../../http/problem.ts';
import type { StaffGate } from '../../staff/gate.ts';
import { staffProblems, staffTags } from '../../staff/routes.ts';
import { listQuerySchema } from '../../staff/schemas.ts';
import { settingNameSchema } from '../chain.ts';
import { channelView, createChannel, enableChannel, takeChannelOut, testChannel } from './channels.ts';
import { channelSchema, createdChannelSchema, newChannelSchema } from './schemas.ts';

const BASE = '/staff/v1/alert-channels';
const params = z.object({ channel_id: settingNameSchema });
const reasonSchema = z.strictObject({ reason: z.string().min(1).max(300) });
const changed = { 200: channelSchema, ...problems(...staffProblems, 'alert.channel_unknown') };

const postSchema = z
  .object({
    post_id: z.string().describe('`webhook-id`, and the Message-ID of a mail'),
    channel_id: z.string(),
    kind: z.enum(['alert', 'test']),
    status: z.enum(['pending', 'delivered', 'failed', 'cancelled']),
    attempts: z.int(),
    next_attempt_at: z.iso.datetime().nullable(),
    last_error: z.string().nullable(),
    created_at: z.iso.datetime(),
    finished_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'AlertPost' });

/** Where alerts are told, and what became of what was sent there. */
export function channelRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(BASE, {
      ...staff.reads('attention.read'),
      schema: {
        tags: staffTags,
        summary: 'Channels of alerts, without their secrets',
        response: { 200: z.object({ channels: z.array(channelSchema) }), ...problems(...staffProblems) },
      },
      handler: async () => {
        const rows = await context.db
          .selectFrom('alert_channels')
          .selectAll()
          .where('deleted_at_ms', 'is', null)
          .orderBy('channel_id')
          .execute();
        return { channels: rows.map(channelView) };
      },
    });

    app.get('/staff/v1/alert-posts', {
      ...staff.reads('attention.read'),
      schema: {
        tags: staffTags,
        summary: 'What was sent to channels, newest first',
        querystring: listQuerySchema.extend({ channel_id: settingNameSchema.optional() }),
        response: { 200: z.object({ posts: z.array(postSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const { channel_id: channelId, limit } = request.query;
        let query = context.db.selectFrom('alert_posts').selectAll();
        if (channelId !== undefined) query = query.where('channel_id', '=', channelId);
        const rows = await query.orderBy('created_at_ms', 'desc').orderBy('post_id').limit(limit).execute();
        return {
          posts: rows.map((row) => ({
            ...row,
            next_attempt_at: row.status === 'pending' ? iso(row.next_attempt_at_ms) : null,
            created_at: iso(row.created_at_ms),
            finished_at: isoOrNull(row.finished_at_ms),
          })),
        };
      },
    });

    app.post(BASE, {
      ...staff.does('alert_channel.create'),
      schema: {
        tags: staffTags,
        summary: 'Add a channel',
        body: newChannelSchema,
        response: {
          201: createdChannelSchema,
          ...problems(...staffProblems, 'webhook.address_refused', 'resource.exists'),
        },
      },
      handler: async (request, reply) => {
        const { channel_id: id, settings } = request.body;
        const db = staff.recording(request, { kind: 'alert-channel', id }, { kind: settings.kind });
        const { row, secret } = await createChannel({ ...context, db }, request.body);
        return reply.status(201).send({ ...channelView(row), secret });
      },
    });

    app.post(`${BASE}/:channel_id/test`, {
      ...staff.does('alert_channel.test'),
      schema: {
        tags: staffTags,
        summary: 'Send a test; its outcome is among the posts',
        params,
        body: z.strictObject({}),
        response: {
          202: z.object({ post_id: z.string() }),
          ...problems(...staffProblems, 'alert.channel_unknown'),
        },
      },
      handler: async (request, reply) => {
        const { channel_id: id } = request.params;
        const db = staff.recording(request, { kind: 'alert-channel', id });
        return reply.status(202).send({ post_id: await testChannel({ ...context, db }, id) });
      },
    });

    app.post(`${BASE}/:channel_id/enable`, {
      ...staff.does('alert_channel.enable'),
      schema: {
        tags: staffTags,
        summary: 'Use a channel again',
        params,
        body: z.strictObject({}),
        response: changed,
      },
      handler: async (request) => {
        const { channel_id: id } = request.params;
        const db = staff.recording(request, { kind: 'alert-channel', id });
        return channelView(await enableChannel({ ...context, db }, id));
      },
    });

    for (const [what, action, summary] of [
      ['disable', 'alert_channel.disable', 'Use a channel no longer until it is enabled; others are told in its place'],
      ['delete', 'alert_channel.delete', 'Take a channel out for good; others are told in its place'],
    ] as const)
      app.post(`${BASE}/:channel_id/${what}`, {
        ...staff.does(action),
        schema: { tags: staffTags, summary, params, body: reasonSchema, response: changed },
        handler: async (request) => {
          const { channel_id: id } = request.params;
          const { reason } = request.body;
          const db = staff.recording(request, { kind: 'alert-channel', id }, { reason });
          return channelView(await takeChannelOut({ ...context, db }, id, { reason, isDeleted: what === 'delete' }));
        },
      });
    done();
  };
}
