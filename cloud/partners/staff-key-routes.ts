import type { FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CloudContext } from '../context.ts';
import { problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { changeKey, createKey, type KeyEnd, type KeyName, rotateKey, setKey } from './key-lifecycle.ts';
import { keyView, listKeys, rotatedKeyView } from './key-view.ts';
import { findPartner } from './partners.ts';
import {
  createdKeySchema,
  keyChangeSchema,
  keyIdSchema,
  keySchema,
  newKeySchema,
  partnerIdSchema,
  reasonSchema,
  rotatedKeySchema,
  rotationSchema,
} from './schemas.ts';

const ofPartner = z.object({ partner_id: partnerIdSchema });
const params = z.object({ partner_id: partnerIdSchema, key_id: keyIdSchema });
const refusals = problems(...staffProblems, 'key.unknown', 'key.state');

const ends: readonly { readonly end: KeyEnd; readonly summary: string }[] = [
  { end: 'disable', summary: 'Refuse what is signed with a key until it is enabled again' },
  { end: 'enable', summary: 'Take what is signed with a disabled key again' },
  { end: 'revoke', summary: 'End a key for good, at once' },
];

/** Keys of partners: staff issue them, after an approval. */
export function keyStaffRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const recording = (request: FastifyRequest, name: KeyName, detail: object) => ({
    ...context,
    db: staff.recording(request, { kind: 'partner-key', id: name.keyId }, { partner_id: name.partnerId, ...detail }),
  });
  const show = async ({ partnerId, keyId }: KeyName) => {
    const row = context.db.selectFrom('partner_keys').selectAll().where('key_id', '=', keyId);
    return keyView(await row.where('partner_id', '=', partnerId).executeTakeFirstOrThrow(), context.clock.wallMs());
  };
  return (app, _options, done) => {
    app.post('/staff/v1/partners/:partner_id/keys', {
      ...staff.does('partner_key.create'),
      schema: {
        tags: staffTags,
        summary: 'Create a key',
        description: 'The secret is in this answer and nowhere else. Hand it over by a way on which nobody else reads.',
        params: ofPartner,
        body: newKeySchema,
        response: { 201: createdKeySchema, ...problems(...staffProblems, 'partner.unknown', 'key.state') },
      },
      handler: async (request, reply) => {
        const { partner_id: partnerId } = request.params;
        const { environment, scopes, label, allowed_cidrs: allowedCidrs = null, limits = null } = request.body;
        const db = staff.recording(request, { kind: 'partner', id: partnerId }, request.body);
        const wish = { partnerId, environment, scopes, label: label ?? null, allowedCidrs, limits };
        const { keyId, secret } = await createKey({ ...context, db }, wish);
        return reply.status(201).send({ key_id: keyId, secret, environment, scopes });
      },
    });

    app.get('/staff/v1/partners/:partner_id/keys', {
      ...staff.reads('partners.read'),
      schema: {
        tags: staffTags,
        summary: 'Keys of a partner, with their last use',
        params: ofPartner,
        response: { 200: z.object({ keys: z.array(keySchema) }), ...problems(...staffProblems, 'partner.unknown') },
      },
      handler: async (request) => {
        const { partner_id: partnerId } = await findPartner(context.db, request.params.partner_id);
        return { keys: await listKeys(context, partnerId, null) };
      },
    });

    app.patch('/staff/v1/partners/:partner_id/keys/:key_id', {
      ...staff.does('partner_key.change'),
      schema: {
        tags: staffTags,
        summary: 'Change the label, ranges of addresses, or limits of a key',
        params,
        body: keyChangeSchema,
        response: { 200: keySchema, ...refusals },
      },
      handler: async (request) => {
        const name = { partnerId: request.params.partner_id, keyId: request.params.key_id };
        const { label, allowed_cidrs: allowedCidrs, limits } = request.body;
        await setKey(recording(request, name, request.body), name, { label, allowedCidrs, limits });
        return show(name);
      },
    });

    app.post('/staff/v1/partners/:partner_id/keys/:key_id/rotate', {
      ...staff.does('partner_key.rotate'),
      schema: {
        tags: staffTags,
        summary: 'Replace a key by one with the same rights',
        params,
        body: rotationSchema,
        response: { 201: rotatedKeySchema, ...refusals },
      },
      handler: async (request, reply) => {
        const name = { partnerId: request.params.partner_id, keyId: request.params.key_id };
        const overlapMs = request.body.overlap_s * 1000;
        const made = await rotateKey(recording(request, name, request.body), name, overlapMs);
        return reply.status(201).send(rotatedKeyView(name.keyId, made));
      },
    });

    for (const { end, summary } of ends) {
      app.post(`/staff/v1/partners/:partner_id/keys/:key_id/${end}`, {
        ...staff.does(`partner_key.${end}`),
        schema: {
          tags: staffTags,
          summary,
          params,
          body: z.strictObject({ reason: reasonSchema }),
          response: { 200: keySchema, ...refusals },
        },
        handler: async (request) => {
          const name = { partnerId: request.params.partner_id, keyId: request.params.key_id };
          const { reason } = request.body;
          await changeKey(recording(request, name, { reason }), name, end, reason);
          return show(name);
        },
      });
    }
    done();
  };
}
