import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { documentComplaintSchema, documentKindSchema, documentSourceSchema } from '#shared/documents.ts';
import { PilegateError } from '#shared/errors.ts';
import { siteIdSchema } from '#shared/ids.ts';
import { sha256Hex } from '../canonical-json.ts';
import type { CloudContext } from '../context.ts';
import type { SiteDocumentRow } from '../db/schema.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { personSchema } from '../staff/schemas.ts';
import { putDocument } from './put-document.ts';

/** A document of the largest size, as a text within JSON. */
const BODY_LIMIT_BYTES = 1_048_576;

const newDocumentSchema = z.strictObject({
  document_kind: documentKindSchema,
  text: z.string().min(1).describe('byte for byte as it shall be at the site'),
  requested_by: personSchema.optional(),
});

const documentSchema = z
  .object({
    document_kind: documentKindSchema,
    version: z.int(),
    digest: z.string(),
    source: documentSourceSchema.describe('cloud: put here; file, pilectl: made on site'),
    status: z
      .enum(['open', 'active', 'waiting', 'refused', 'rolled-back', 'replaced'])
      .describe('open: the site has not said what became of it; replaced: it was active until another was'),
    code: z.string().nullable().describe('why it was refused, where that has a code: document.unsigned'),
    detail: z.string().nullable(),
    complaints: z.array(documentComplaintSchema),
    requested_by: z.string().nullable(),
    created_at: z.iso.datetime(),
    reported_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'SiteDocument' });

const inForceSchema = z.object({
  document_kind: documentKindSchema,
  version: z.int(),
  digest: z.string(),
  told_at: z.iso.datetime(),
});

const viewOf = (row: SiteDocumentRow): z.infer<typeof documentSchema> => ({
  document_kind: row.kind,
  version: row.version,
  digest: row.digest,
  source: row.source,
  status: row.status,
  code: row.code,
  detail: row.detail,
  complaints: row.complaints === null ? [] : z.array(documentComplaintSchema).parse(JSON.parse(row.complaints)),
  requested_by: row.requested_by,
  created_at: iso(row.created_at_ms),
  reported_at: isoOrNull(row.reported_at_ms),
});

/** What sites are told by documents, and what they have. */
export function documentRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const params = z.object({ site_id: siteIdSchema });
  return (app, _options, done) => {
    app.post('/staff/v1/sites/:site_id/documents', {
      ...staff.does('document.put'),
      bodyLimit: BODY_LIMIT_BYTES,
      schema: {
        tags: staffTags,
        summary: 'Send a document to a site: its configuration, its tariffs, its list of cards',
        description:
          'It is numbered here, unless it states its version. The site checks it, and says what becomes of it.',
        params,
        body: newDocumentSchema,
        response: {
          202: documentSchema,
          ...problems(...staffProblems, 'station.unknown', 'resource.exists', 'tariff.version_exists'),
        },
      },
      handler: async (request, reply) => {
        const { document_kind: kind, text, requested_by: given } = request.body;
        const { site_id: siteId } = request.params;
        const subject = { kind: 'site', id: siteId };
        const db = staff.recording(request, subject, { document_kind: kind, digest: sha256Hex(text) });
        const put = { siteId, kind, text, requestedBy: staff.personOf(request, given) };
        const row = await putDocument({ ...context, db }, put);
        return reply.status(202).send(viewOf(row));
      },
    });

    app.get('/staff/v1/sites/:site_id/documents', {
      ...staff.reads('documents.read'),
      schema: {
        tags: staffTags,
        summary: 'What is in force at a site, and every version that is known of it, newest first',
        params,
        response: {
          200: z.object({ in_force: z.array(inForceSchema), documents: z.array(documentSchema) }),
          ...problems(...staffProblems),
        },
      },
      handler: async (request) => {
        const { site_id: siteId } = request.params;
        const [inForce, rows] = await Promise.all([
          context.db
            .selectFrom('site_documents_in_force')
            .selectAll()
            .where('site_id', '=', siteId)
            .orderBy('kind')
            .execute(),
          context.db
            .selectFrom('site_documents')
            .selectAll()
            .where('site_id', '=', siteId)
            .orderBy('kind')
            .orderBy('version', 'desc')
            .limit(500)
            .execute(),
        ]);
        return {
          in_force: inForce.map(({ kind, version, digest, told_at_ms }) => ({
            document_kind: kind,
            version,
            digest,
            told_at: iso(told_at_ms),
          })),
          documents: rows.map(viewOf),
        };
      },
    });

    app.get('/staff/v1/sites/:site_id/documents/:document_kind/:version', {
      ...staff.reads('documents.read'),
      schema: {
        tags: staffTags,
        summary: 'The text of a version that was put here',
        params: params.extend({ document_kind: documentKindSchema, version: z.coerce.number().int().positive() }),
        response: {
          200: documentSchema.extend({ text: z.string() }),
          ...problems(...staffProblems, 'request.not_found'),
        },
      },
      handler: async (request) => {
        const { site_id: siteId, document_kind: kind, version } = request.params;
        const row = await context.db
          .selectFrom('site_documents')
          .selectAll()
          .where('site_id', '=', siteId)
          .where('kind', '=', kind)
          .where('version', '=', version)
          .where('text', 'is not', null)
          .executeTakeFirst();
        if (row === undefined || row.text === null)
          throw new PilegateError('request.not_found', `no text of ${kind} version ${version} of ${siteId} is here`);
        return { ...viewOf(row), text: row.text };
      },
    });
    done();
  };
}
