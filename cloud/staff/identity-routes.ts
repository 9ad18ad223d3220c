import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { siteIdSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import { createClaim } from '../sites/claims.ts';
import { revokeCredentials } from '../sites/revoke.ts';
import type { StaffGate } from './gate.ts';
import { staffProblems, staffTags } from './routes.ts';
import { personSchema } from './schemas.ts';

const params = z.object({ site_id: siteIdSchema });
const HOUR_MS = 3_600_000;

const credentialSchema = z.object({
  fingerprint: z.string(),
  kind: z.enum(['password', 'certificate']),
  granted_by: z.enum(['staff', 'claim', 'rotation']),
  serial: z.string().nullable(),
  granted_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
  proven_at: z.iso.datetime().nullable().describe('when the site said hello with it first'),
  ended_at: z.iso.datetime().nullable(),
  end_reason: z.enum(['replaced', 'revoked']).nullable(),
});

const claimSchema = z.object({
  requested_by: z.string(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  redeemed_at: z.iso.datetime().nullable(),
  fingerprint: z.string().nullable(),
  cancelled_at: z.iso.datetime().nullable(),
});

/** How sites prove who they are: claim codes, credentials, and their end. */
export function identityRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.post('/staff/v1/sites/:site_id/claims', {
      ...staff.does('site.claim'),
      schema: {
        tags: staffTags,
        summary: 'Make a claim code for a site',
        description:
          'For a new box, or for one whose credential has expired or been revoked. A code made before and not used yet holds no longer.',
        params,
        body: z.strictObject({
          requested_by: personSchema.optional(),
          valid_for_h: z.int().min(1).max(720).default(168),
        }),
        response: {
          201: z.object({ claim_code: z.string().describe('shown once'), expires_at: z.iso.datetime() }),
          ...problems(...staffProblems, 'station.unknown'),
        },
      },
      handler: async (request, reply) => {
        const { requested_by: given, valid_for_h: validForH } = request.body;
        const { site_id: siteId } = request.params;
        const db = staff.recording(request, { kind: 'site', id: siteId }, { valid_for_h: validForH });
        const wish = { siteId, requestedBy: staff.personOf(request, given), validForMs: validForH * HOUR_MS };
        const { claimCode, expiresAtMs } = await createClaim({ ...context, db }, wish);
        return reply.status(201).send({ claim_code: claimCode, expires_at: iso(expiresAtMs) });
      },
    });

    app.get('/staff/v1/sites/:site_id/credentials', {
      ...staff.reads('sites.read'),
      schema: {
        tags: staffTags,
        summary: 'What a site may log in with, and the claims for it; newest first',
        params,
        response: {
          200: z.object({
            revoked_at: z.iso.datetime().nullable(),
            credentials: z.array(credentialSchema),
            claims: z.array(claimSchema),
          }),
          ...problems(...staffProblems, 'station.unknown'),
        },
      },
      handler: (request) => identityOf(context, request.params.site_id),
    });

    app.post('/staff/v1/sites/:site_id/credentials/revoke', {
      ...staff.does('site.revoke'),
      schema: {
        tags: staffTags,
        summary: 'Revoke all credentials and open claims of a site',
        description:
          'Its link is cut, and nothing that comes under its name is taken until a new claim code has been used.',
        params,
        body: z.strictObject({ requested_by: personSchema.optional(), reason: z.string().min(1).max(200) }),
        response: {
          200: z.object({
            revoked_at: z.iso.datetime(),
            credentials_ended: z.int(),
            claims_cancelled: z.int(),
            link_cut: z.boolean().describe('false: the broker has to be told by hand'),
          }),
          ...problems(...staffProblems, 'station.unknown'),
        },
      },
      handler: async (request) => {
        const { requested_by: given, reason } = request.body;
        const { site_id: siteId } = request.params;
        const db = staff.recording(request, { kind: 'site', id: siteId }, { reason });
        const wish = { siteId, requestedBy: staff.personOf(request, given), reason };
        const done = await revokeCredentials({ ...context, db }, wish);
        return {
          revoked_at: iso(done.revokedAtMs),
          credentials_ended: done.ended,
          claims_cancelled: done.claimsCancelled,
          link_cut: done.isCut,
        };
      },
    });
    done();
  };
}

async function identityOf({ db }: Pick<CloudContext, 'db'>, siteId: string) {
  const site = await db.selectFrom('sites').select('revoked_at_ms').where('site_id', '=', siteId).executeTakeFirst();
  if (site === undefined) throw new PilegateError('station.unknown', `no site ${siteId}`);
  const credentials = await db
    .selectFrom('site_credentials')
    .selectAll()
    .where('site_id', '=', siteId)
    .orderBy('number', 'desc')
    .limit(100)
    .execute();
  const claims = await db
    .selectFrom('site_claims')
    .selectAll()
    .where('site_id', '=', siteId)
    .orderBy('created_at_ms', 'desc')
    .orderBy('code_sha256')
    .limit(100)
    .execute();
  return {
    revoked_at: isoOrNull(site.revoked_at_ms),
    credentials: credentials.map((row) => ({
      fingerprint: row.fingerprint,
      kind: row.kind,
      granted_by: row.granted_by,
      serial: row.serial,
      granted_at: iso(row.granted_at_ms),
      expires_at: isoOrNull(row.expires_at_ms),
      proven_at: isoOrNull(row.proven_at_ms),
      ended_at: isoOrNull(row.ended_at_ms),
      end_reason: row.end_reason,
    })),
    claims: claims.map((row) => ({
      requested_by: row.requested_by,
      created_at: iso(row.created_at_ms),
      expires_at: iso(row.expires_at_ms),
      redeemed_at: isoOrNull(row.redeemed_at_ms),
      fingerprint: row.fingerprint,
      cancelled_at: isoOrNull(row.cancelled_at_ms),
    })),
  };
}
