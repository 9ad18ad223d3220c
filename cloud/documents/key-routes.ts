import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { documentKeyIdSchema } from '#shared/document-signing.ts';
import type { CloudContext } from '../context.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import { addDocumentKey, documentKeyRows, leaveDocumentKey, newDocumentKey, serialOf } from '../keys/document-keys.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { personSchema } from '../staff/schemas.ts';

const keysSchema = z
  .object({
    serial: z.int().positive(),
    keys: z.array(
      z.object({
        key_id: documentKeyIdSchema,
        public_key: z.string().describe('Ed25519, 32 bytes in base64, as a site pins it'),
        created_at: z.iso.datetime(),
        left_at: z.iso.datetime().nullable().describe('since then no document is signed with it'),
        not_accepted_by: z.array(z.string()).describe('sites that accept keys, and not this one, by their last hello'),
      }),
    ),
    sites_without_keys: z.array(z.string()).describe('sites that accept any push, by their last hello'),
  })
  .meta({ id: 'DocumentKeys' });

const whoSchema = z.strictObject({ requested_by: personSchema.optional() });

async function viewOf({ db }: Pick<CloudContext, 'db'>): Promise<z.infer<typeof keysSchema>> {
  const rows = await documentKeyRows(db);
  const links = await db
    .selectFrom('site_links')
    .select(['site_id', 'document_key_ids'])
    .where('hello_at_ms', 'is not', null)
    .orderBy('site_id')
    .execute();
  const sites = links.map((link) => ({
    siteId: link.site_id,
    keyIds: z.array(z.string()).parse(JSON.parse(link.document_key_ids ?? '[]')),
  }));
  return {
    serial: serialOf(rows),
    keys: rows.map((row) => ({
      key_id: row.key_id,
      public_key: row.public_key,
      created_at: iso(row.created_at_ms),
      left_at: isoOrNull(row.left_at_ms),
      not_accepted_by: sites
        .filter(({ keyIds }) => keyIds.length > 0 && !keyIds.includes(row.key_id))
        .map(({ siteId }) => siteId),
    })),
    sites_without_keys: sites.filter(({ keyIds }) => keyIds.length === 0).map(({ siteId }) => siteId),
  };
}

/** What documents for sites are signed with, and how one key follows another. */
export function documentKeyRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/staff/v1/document-keys', {
      ...staff.reads('documents.read'),
      schema: {
        tags: staffTags,
        summary: 'The keys that documents for sites are signed with, and which sites accept them',
        response: { 200: keysSchema, ...problems(...staffProblems) },
      },
      handler: () => viewOf(context),
    });

    app.post('/staff/v1/document-keys', {
      ...staff.does('document_key.add'),
      schema: {
        tags: staffTags,
        summary: 'Sign with a further key as well',
        description:
          'Sites learn it at their next hello, by a list that the present key has signed. Two at most are in use.',
        body: whoSchema,
        response: { 201: keysSchema, ...problems(...staffProblems, 'resource.exists') },
      },
      handler: async (request, reply) => {
        const by = staff.personOf(request, request.body.requested_by);
        const key = newDocumentKey();
        const { keyId } = key;
        const db = staff.recording(request, { kind: 'document-key', id: keyId });
        await addDocumentKey({ ...context, db }, key);
        context.logger.warn({ keyId, by }, 'documents are signed with a further key');
        return reply.status(201).send(await viewOf(context));
      },
    });

    app.post('/staff/v1/document-keys/:key_id/leave', {
      ...staff.does('document_key.leave'),
      schema: {
        tags: staffTags,
        summary: 'Sign no more documents with a key',
        description: 'First see that no site is listed under not_accepted_by of the other key.',
        params: z.object({ key_id: documentKeyIdSchema }),
        body: whoSchema,
        response: { 200: keysSchema, ...problems(...staffProblems, 'request.not_found') },
      },
      handler: async (request) => {
        const { key_id: keyId } = request.params;
        const by = staff.personOf(request, request.body.requested_by);
        const db = staff.recording(request, { kind: 'document-key', id: keyId });
        await leaveDocumentKey({ ...context, db }, keyId);
        context.logger.warn({ keyId, by }, 'documents are signed with a key no more');
        return viewOf(context);
      },
    });
    done();
  };
}
