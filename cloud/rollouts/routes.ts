import type { FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { givenUuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { iso } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { personSchema } from '../staff/schemas.ts';
import { controlRollout, type StaffWish } from './control-rollout.ts';
import { createRollout, newRolloutSchema } from './create-rollout.ts';
import { rolloutSchema, rolloutSiteSchema, rolloutViews, siteViewsOf, stepSchema } from './view.ts';

/** Texts of many sites at once. */
const BODY_LIMIT_BYTES = 16_777_216;

const staffWishSchema = z.strictObject({
  requested_by: personSchema.optional(),
  reason: z.string().min(1).max(500),
});

/** A document for many sites, wave after wave. For staff alone. */
export function rolloutRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const params = z.object({ rollout_id: givenUuidSchema });
  const viewOf = async (rolloutId: string) => {
    const [view] = await rolloutViews(context.db, { rolloutId, limit: 1 });
    if (view === undefined) throw new PilegateError('rollout.unknown', `no roll-out ${rolloutId}`);
    return view;
  };
  const control = async (request: FastifyRequest, rolloutId: string, wish: StaffWish) => {
    const db = staff.recording(request, { kind: 'rollout', id: rolloutId }, { reason: wish.reason });
    await controlRollout({ ...context, db }, rolloutId, wish);
    return viewOf(rolloutId);
  };
  return (app, _options, done) => {
    app.post('/staff/v1/rollouts', {
      ...staff.does('rollout.create'),
      bodyLimit: BODY_LIMIT_BYTES,
      schema: {
        tags: staffTags,
        summary: 'Send a document to many sites, wave after wave',
        description:
          'Every document is checked first. A wave begins when each site of those before has had it in force for the soak time, with its link up ' +
          'and without a critical alarm, or was away for too long. When so many sites have failed as halt_at_failures says, nothing more is ' +
          'sent, and every site that may have it is sent what it had before. The version is counted at each site, whatever the text states.',
        body: newRolloutSchema,
        response: {
          202: rolloutSchema,
          ...problems(
            ...staffProblems,
            'station.unknown',
            'rollout.site_busy',
            'rollout.no_way_back',
            'request_id.reused',
          ),
        },
      },
      handler: async (request, reply) => {
        const { request_id: id, document_kind, sites, reason, requested_by: given } = request.body;
        const db = staff.recording(
          request,
          { kind: 'rollout-request', id },
          { document_kind, sites: sites.length, reason },
        );
        const wish = { ...request.body, requested_by: staff.personOf(request, given) };
        const { rollout, hit } = await createRollout({ ...context, db }, wish);
        reply.header('location', `/staff/v1/rollouts/${rollout.rollout_id}`);
        if (hit) reply.header('idempotency-hit', 'true');
        return reply.status(202).send(await viewOf(rollout.rollout_id));
      },
    });

    app.get('/staff/v1/rollouts', {
      ...staff.reads('rollouts.read'),
      schema: {
        tags: staffTags,
        summary: 'Roll-outs, newest first',
        querystring: z.strictObject({ limit: z.coerce.number().int().min(1).max(500).default(100) }),
        response: { 200: z.object({ rollouts: z.array(rolloutSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => ({
        rollouts: await rolloutViews(context.db, { rolloutId: null, limit: request.query.limit }),
      }),
    });

    app.get('/staff/v1/rollouts/:rollout_id', {
      ...staff.reads('rollouts.read'),
      schema: {
        tags: staffTags,
        summary: 'How a roll-out is getting on, site by site',
        params,
        response: {
          200: rolloutSchema.extend({ sites: z.array(rolloutSiteSchema) }),
          ...problems(...staffProblems, 'rollout.unknown'),
        },
      },
      handler: async (request) => {
        const { rollout_id: rolloutId } = request.params;
        return { ...(await viewOf(rolloutId)), sites: await siteViewsOf(context.db, rolloutId) };
      },
    });

    app.get('/staff/v1/rollouts/:rollout_id/steps', {
      ...staff.reads('rollouts.read'),
      schema: {
        tags: staffTags,
        summary: 'Who did what when, and why; oldest first',
        params,
        querystring: z.strictObject({
          after: z.coerce.number().int().min(0).default(0).describe('the number of the last step that is known'),
          limit: z.coerce.number().int().min(1).max(1000).default(500),
        }),
        response: { 200: z.object({ steps: z.array(stepSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const rows = await context.db
          .selectFrom('rollout_steps')
          .selectAll()
          .where('rollout_id', '=', request.params.rollout_id)
          .where('rollout_step_id', '>', request.query.after)
          .orderBy('rollout_step_id')
          .limit(request.query.limit)
          .execute();
        return {
          steps: rows.map(({ rollout_step_id: number, at_ms, done_by, site_id, step, detail }) => ({
            number,
            at: iso(at_ms),
            by: done_by,
            site_id,
            step,
            detail,
          })),
        };
      },
    });

    for (const action of ['pause', 'resume'] as const)
      app.post(`/staff/v1/rollouts/:rollout_id/${action}`, {
        ...staff.does(`rollout.${action}`),
        schema: {
          tags: staffTags,
          summary:
            action === 'pause' ? 'Send to no further site for now; what fails still halts it' : 'Go on after a pause',
          params,
          body: staffWishSchema,
          response: { 200: rolloutSchema, ...problems(...staffProblems, 'rollout.unknown', 'rollout.state') },
        },
        handler: (request) => {
          const { requested_by: given, reason } = request.body;
          const wish = { action, by: staff.personOf(request, given), reason, isReverting: false };
          return control(request, request.params.rollout_id, wish);
        },
      });

    app.post('/staff/v1/rollouts/:rollout_id/abort', {
      ...staff.does('rollout.abort'),
      schema: {
        tags: staffTags,
        summary: 'End a roll-out for good',
        params,
        body: staffWishSchema.extend({
          roll_back: z.boolean().describe('whether the sites that may have it are sent what they had before'),
        }),
        response: { 200: rolloutSchema, ...problems(...staffProblems, 'rollout.unknown', 'rollout.state') },
      },
      handler: (request) => {
        const { requested_by: given, reason, roll_back: isReverting } = request.body;
        const wish = { action: 'abort' as const, by: staff.personOf(request, given), reason, isReverting };
        return control(request, request.params.rollout_id, wish);
      },
    });
    done();
  };
}
