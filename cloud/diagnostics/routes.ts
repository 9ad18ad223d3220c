import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { givenUuidSchema, siteIdSchema, uuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { transaction } from '../db/transaction.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { fileAnswer, problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { personSchema } from '../staff/schemas.ts';
import type { DiagnosticsRow } from './tables.ts';

const bundleSchema = z
  .object({
    bundle_id: uuidSchema,
    site_id: z.string(),
    requested_by: z.string(),
    requested_at: z.iso.datetime(),
    status: z.enum(['open', 'complete', 'expired']).describe('expired: the site has not sent all of it within a day'),
    pieces_here: z.int(),
    pieces: z.int().nullable().describe('null: the site has not answered yet'),
    sha256: z.string().nullable(),
    completed_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'DiagnosticsBundle' });

const viewOf = (row: Omit<DiagnosticsRow, 'content'>): z.infer<typeof bundleSchema> => ({
  bundle_id: row.bundle_id,
  site_id: row.site_id,
  requested_by: row.requested_by,
  requested_at: iso(row.requested_at_ms),
  status: row.status,
  pieces_here: row.status === 'complete' ? (row.pieces ?? 0) : row.next_piece,
  pieces: row.pieces,
  sha256: row.sha256,
  completed_at: isoOrNull(row.completed_at_ms),
});

const columns = [
  'bundle_id',
  'site_id',
  'requested_by',
  'requested_at_ms',
  'status',
  'sha256',
  'pieces',
  'next_piece',
  'next_ask_at_ms',
  'completed_at_ms',
] as const;

/** What a site knows of itself, asked for from afar: no shell, no card numbers, no secrets. */
export function diagnosticsRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const { db, clock, random } = context;
  const params = z.object({ bundle_id: givenUuidSchema });
  const unknown = (bundleId: string) => new PilegateError('request.not_found', `no diagnostics bundle ${bundleId}`);
  return (app, _options, done) => {
    app.post('/staff/v1/sites/:site_id/diagnostics', {
      ...staff.does('site.diagnose'),
      schema: {
        tags: staffTags,
        summary: 'Ask a site for a diagnostics bundle',
        description:
          'The site sends it in pieces as soon as it is there; a site that does not within a day is not asked any more.',
        params: z.object({ site_id: siteIdSchema }),
        body: z.strictObject({ requested_by: personSchema.optional() }),
        response: { 202: bundleSchema, ...problems(...staffProblems, 'station.unknown') },
      },
      handler: async (request, reply) => {
        const { site_id: siteId } = request.params;
        const site = await db.selectFrom('sites').select('site_id').where('site_id', '=', siteId).executeTakeFirst();
        if (site === undefined) throw new PilegateError('station.unknown', `no station ${siteId}`);
        const nowMs = clock.wallMs();
        const wish = {
          bundle_id: random.uuid(),
          site_id: siteId,
          requested_by: staff.personOf(request, request.body.requested_by),
          requested_at_ms: nowMs,
          status: 'open' as const,
          next_piece: 0,
          next_ask_at_ms: nowMs,
        };
        const recorded = staff.recording(request, { kind: 'site', id: siteId }, { bundle_id: wish.bundle_id });
        const row = await transaction(recorded, (trx) =>
          trx.insertInto('diagnostics').values(wish).returning(columns).executeTakeFirstOrThrow(),
        );
        context.wake.commands();
        return reply.status(202).send(viewOf(row));
      },
    });

    app.get('/staff/v1/diagnostics/:bundle_id', {
      ...staff.reads('sites.read'),
      schema: {
        tags: staffTags,
        summary: 'How a diagnostics bundle is getting on',
        params,
        response: { 200: bundleSchema, ...problems(...staffProblems, 'request.not_found') },
      },
      handler: async (request) => {
        const { bundle_id: bundleId } = request.params;
        const row = await db
          .selectFrom('diagnostics')
          .select(columns)
          .where('bundle_id', '=', bundleId)
          .executeTakeFirst();
        if (row === undefined) throw unknown(bundleId);
        return viewOf(row);
      },
    });

    app.get('/staff/v1/diagnostics/:bundle_id/content', {
      ...staff.reads('sites.read'),
      schema: {
        tags: staffTags,
        summary: 'The bundle: JSON, gzip',
        params,
        response: {
          200: fileAnswer('the bundle', 'application/gzip'),
          ...problems(...staffProblems, 'request.not_found'),
        },
      },
      handler: async (request, reply) => {
        const { bundle_id: bundleId } = request.params;
        const row = await db
          .selectFrom('diagnostics')
          .select('content')
          .where('bundle_id', '=', bundleId)
          .executeTakeFirst();
        if (row?.content == null) throw unknown(bundleId);
        return reply
          .type('application/gzip')
          .header('content-disposition', `attachment; filename="${bundleId}.json.gz"`)
          .send(Buffer.from(row.content));
      },
    });
    done();
  };
}
