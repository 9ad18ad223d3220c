import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CloudContext } from '../context.ts';
import { iso } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { verifyAudit } from './verify.ts';

const entrySchema = z
  .object({
    position: z.int(),
    at: z.iso.datetime(),
    actor_kind: z.enum(['staff', 'partner', 'system']),
    actor_id: z.string(),
    actor_address: z.string().nullable(),
    action: z.string(),
    subject_kind: z.string(),
    subject_id: z.string(),
    detail: z.record(z.string(), z.unknown()),
    correlation_id: z.string().nullable(),
    sha256: z.string(),
  })
  .meta({ id: 'AuditEntry' });

const nameSchema = z.string().min(1).max(200).optional();

const querySchema = z.strictObject({
  before: z.coerce.number().int().positive().optional().describe('the last position of the page before'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  actor_id: nameSchema,
  action: nameSchema,
  subject_kind: nameSchema,
  subject_id: nameSchema,
});

const headSchema = z.object({ position: z.int().nonnegative(), sha256: z.string() });

/** Who did what, and whether that is still what was written. */
export function auditRoutes({ db }: Pick<CloudContext, 'db'>, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/staff/v1/audit', {
      ...staff.reads('audit.read'),
      schema: {
        tags: staffTags,
        summary: 'Who did what, newest first',
        querystring: querySchema,
        response: { 200: z.object({ entries: z.array(entrySchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const { before, limit, ...wanted } = request.query;
        let query = db.selectFrom('audit_log').selectAll().orderBy('position', 'desc').limit(limit);
        if (before !== undefined) query = query.where('position', '<', before);
        for (const column of ['actor_id', 'action', 'subject_kind', 'subject_id'] as const) {
          const value = wanted[column];
          if (value !== undefined) query = query.where(column, '=', value);
        }
        const rows = await query.execute();
        return {
          entries: rows.map((row) => ({
            ...row,
            at: iso(row.at_ms),
            detail: z.record(z.string(), z.unknown()).parse(JSON.parse(row.detail)),
          })),
        };
      },
    });

    app.get('/staff/v1/audit/verify', {
      ...staff.reads('audit.read'),
      schema: {
        tags: staffTags,
        summary: 'Walk the whole audit log, and tell the first place that is not as it was written',
        description:
          'Name a head that you noted before: that rows were cut off at the end shows only in comparison with one.',
        querystring: z
          .strictObject({
            position: z.coerce.number().int().positive().optional(),
            sha256: z.string().length(64).optional(),
          })
          .refine(({ position, sha256 }) => (position === undefined) === (sha256 === undefined), {
            message: 'position and sha256 belong together',
          }),
        response: {
          200: z.object({
            head: headSchema.describe('everything up to here is as it was written'),
            broken: z.object({ position: z.int(), why: z.string() }).nullable(),
          }),
          ...problems(...staffProblems),
        },
      },
      handler: (request) => {
        const { position, sha256 } = request.query;
        return verifyAudit(db, position === undefined || sha256 === undefined ? null : { position, sha256 });
      },
    });
    done();
  };
}
