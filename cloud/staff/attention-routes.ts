import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ratingSchema } from '#shared/tariff/rate.ts';
import { cdrSchema } from '#shared/wire/cdr.ts';
import type { CloudContext } from '../context.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import type { createStaffGate } from './gate.ts';
import { staffProblems, staffTags } from './routes.ts';
import { alarmSchema, deadLetterSchema, exceptionSchema, listQuerySchema } from './schemas.ts';

/** What needs a person: dead letters, alarms, orders whose bill is in doubt. Newest first. */
export function attentionRoutes(
  context: CloudContext,
  staff: ReturnType<typeof createStaffGate>,
): FastifyPluginCallbackZod {
  const preValidation = [staff, parseJsonBody];
  return (app, _options, done) => {
    app.get('/staff/v1/dead-letters', {
      preValidation,
      schema: {
        tags: staffTags,
        summary: 'Messages and records that could not be taken',
        querystring: listQuerySchema,
        response: { 200: z.object({ dead_letters: z.array(deadLetterSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const rows = await context.db
          .selectFrom('dead_letters')
          .selectAll()
          .orderBy('dead_letter_id', 'desc')
          .limit(request.query.limit)
          .execute();
        return { dead_letters: rows.map((row) => ({ ...row, received_at: iso(row.received_at_ms) })) };
      },
    });

    app.get('/staff/v1/alarms', {
      preValidation,
      schema: {
        tags: staffTags,
        summary: 'Alarms',
        querystring: listQuerySchema,
        response: { 200: z.object({ alarms: z.array(alarmSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const rows = await context.db
          .selectFrom('alarms')
          .selectAll()
          .orderBy('received_at_ms', 'desc')
          .orderBy('alarm_id')
          .limit(request.query.limit)
          .execute();
        return {
          alarms: rows.map((row) => ({
            ...row,
            raised_at: iso(row.raised_at_ms),
            received_at: iso(row.received_at_ms),
          })),
        };
      },
    });

    app.get('/staff/v1/exceptions', {
      preValidation,
      schema: {
        tags: staffTags,
        summary: 'Orders whose bill needs a person, with both figures',
        querystring: listQuerySchema,
        response: { 200: z.object({ exceptions: z.array(exceptionSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const rows = await context.db
          .selectFrom('exceptions')
          .leftJoin('cdrs', 'cdrs.cdr_id', 'exceptions.cdr_id')
          .selectAll('exceptions')
          .select(['cdrs.document', 'cdrs.rerated'])
          .orderBy('exception_id', 'desc')
          .limit(request.query.limit)
          .execute();
        return {
          exceptions: rows.map((row) => ({
            ...row,
            created_at: iso(row.created_at_ms),
            resolved_at: isoOrNull(row.resolved_at_ms),
            billed_by_site_minor:
              row.document === null ? null : (cdrSchema.parse(JSON.parse(row.document)).rating?.totalMinor ?? null),
            billed_by_platform_minor:
              row.rerated === null ? null : ratingSchema.parse(JSON.parse(row.rerated)).totalMinor,
          })),
        };
      },
    });
    done();
  };
}
