import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { siteIdSchema } from '#shared/ids.ts';
import { ratingSchema } from '#shared/tariff/rate.ts';
import { cdrSchema } from '#shared/wire/cdr.ts';
import type { CloudContext } from '../context.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import { retryRecord } from '../ingest/retry-record.ts';
import type { StaffGate } from './gate.ts';
import { staffProblems, staffTags } from './routes.ts';
import {
  deadLetterSchema,
  exceptionSchema,
  listQuerySchema,
  personSchema,
  recordGapSchema,
  retriedRecordSchema,
} from './schemas.ts';

const numberedQuerySchema = listQuerySchema.extend({
  before: z.coerce.number().int().positive().optional().describe('the last number of the page before'),
});

/** What needs a person: dead letters, records that are missing, orders whose bill is in doubt. Newest first. */
export function attentionRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/staff/v1/dead-letters', {
      ...staff.reads('attention.read'),
      schema: {
        tags: staffTags,
        summary: 'Messages and records that could not be taken, and still wait for a person',
        querystring: numberedQuerySchema,
        response: { 200: z.object({ dead_letters: z.array(deadLetterSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const { before, limit } = request.query;
        const rows = await context.db
          .selectFrom('dead_letters')
          .selectAll()
          .where('settled_at_ms', 'is', null)
          .$if(before !== undefined, (query) => query.where('dead_letter_id', '<', before ?? 0))
          .orderBy('dead_letter_id', 'desc')
          .limit(limit)
          .execute();
        return { dead_letters: rows.map((row) => ({ ...row, received_at: iso(row.received_at_ms) })) };
      },
    });

    app.post('/staff/v1/dead-letters/:dead_letter_id/retry', {
      ...staff.does('dead_letter.retry'),
      schema: {
        tags: staffTags,
        summary: 'Apply a refused record again, after a repair',
        description:
          'Refused records of the same session that the site told before it are applied first, in their order. ' +
          'Behind one that is refused again nothing is tried.',
        params: z.object({ dead_letter_id: z.coerce.number().int().positive() }),
        body: z.strictObject({ retried_by: personSchema.optional() }),
        response: {
          200: z.object({ records: z.array(retriedRecordSchema) }),
          ...problems(...staffProblems, 'request.not_found'),
        },
      },
      handler: async (request) => {
        const { dead_letter_id: id } = request.params;
        const db = staff.recording(request, { kind: 'dead-letter', id: String(id) });
        const records = await retryRecord({ ...context, db }, id, staff.personOf(request, request.body.retried_by));
        return {
          records: records.map(({ deadLetterId, seq, refused }) => ({
            dead_letter_id: deadLetterId,
            seq,
            applied: refused === null,
            code: refused?.code ?? null,
            reason: refused?.detail ?? null,
          })),
        };
      },
    });

    app.get('/staff/v1/record-gaps', {
      ...staff.reads('attention.read'),
      schema: {
        tags: staffTags,
        summary: 'Records that sites were told to forget, and that are not here',
        querystring: listQuerySchema.extend({ site_id: siteIdSchema.optional() }),
        response: { 200: z.object({ record_gaps: z.array(recordGapSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const { site_id: siteId, limit } = request.query;
        const rows = await context.db
          .selectFrom('record_gaps')
          .selectAll()
          .$if(siteId !== undefined, (query) => query.where('site_id', '=', siteId ?? ''))
          .orderBy('found_at_ms', 'desc')
          .orderBy('last_seq', 'desc')
          .limit(limit)
          .execute();
        return { record_gaps: rows.map((row) => ({ ...row, found_at: iso(row.found_at_ms) })) };
      },
    });

    app.get('/staff/v1/exceptions', {
      ...staff.reads('attention.read'),
      schema: {
        tags: staffTags,
        summary: 'Orders whose bill needs a person, with both figures',
        querystring: numberedQuerySchema,
        response: { 200: z.object({ exceptions: z.array(exceptionSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const { before, limit } = request.query;
        const rows = await context.db
          .selectFrom('exceptions')
          .leftJoin('cdrs', 'cdrs.cdr_id', 'exceptions.cdr_id')
          .selectAll('exceptions')
          .select(['cdrs.document', 'cdrs.rerated'])
          .$if(before !== undefined, (query) => query.where('exception_id', '<', before ?? 0))
          .orderBy('exception_id', 'desc')
          .limit(limit)
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
