import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { givenUuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../../context.ts';
import { transaction } from '../../db/transaction.ts';
import { iso, isoOrNull } from '../../http/iso.ts';
import { fileAnswer, problems } from '../../http/problem.ts';
import type { StaffGate } from '../../staff/gate.ts';
import { staffProblems, staffTags } from '../../staff/routes.ts';
import { listQuerySchema } from '../../staff/schemas.ts';
import { findApplication } from './applications.ts';
import { readFileContent } from './files.ts';
import { applicationStates } from './machine.ts';
import { decideApplication } from './review.ts';
import {
  applicationIdSchema,
  listedApplicationSchema,
  registrationOf,
  reviewedApplicationSchema,
  reviewedApplicationView,
  reviewSchema,
} from './schemas.ts';

const params = z.object({ application_id: applicationIdSchema });
const BASE = '/staff/v1/partner-applications';

/** What staff do with applications: look at them and their files, and decide. */
export function reviewRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const show = async (applicationId: string) =>
    reviewedApplicationView(context.db, await findApplication(context.db, applicationId));

  return (app, _options, done) => {
    app.get(BASE, {
      ...staff.reads('partners.review'),
      schema: {
        tags: staffTags,
        summary: 'Applications in a state, the one that has waited longest first',
        querystring: listQuerySchema.extend({ state: z.enum(applicationStates).default('submitted') }),
        response: { 200: z.object({ applications: z.array(listedApplicationSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const rows = await context.db
          .selectFrom('partner_applications')
          .selectAll()
          .where('state', '=', request.query.state)
          .orderBy('updated_at_ms')
          .limit(request.query.limit)
          .execute();
        return {
          applications: rows.map((row) => ({
            application_id: row.application_id,
            state: row.state,
            company_name: registrationOf(row).company_name,
            credit_code: row.credit_code,
            submissions: row.submissions,
            submitted_at: isoOrNull(row.submitted_at_ms),
            updated_at: iso(row.updated_at_ms),
          })),
        };
      },
    });

    app.get(`${BASE}/:application_id`, {
      ...staff.reads('partners.review'),
      schema: {
        tags: staffTags,
        summary: 'One application, with everything that was decided on it',
        params,
        response: { 200: reviewedApplicationSchema, ...problems(...staffProblems, 'application.unknown') },
      },
      handler: (request) => show(request.params.application_id),
    });

    app.get(`${BASE}/:application_id/files/:file_id`, {
      ...staff.does('application.read_file'),
      schema: {
        tags: staffTags,
        summary: 'A file, to be stored and not to be shown by a browser',
        description: 'It comes from a stranger: open it where that can do no harm. Who has read it is on the record.',
        params: params.extend({ file_id: givenUuidSchema }),
        response: {
          200: fileAnswer('the file', 'application/octet-stream'),
          ...problems(...staffProblems, 'request.not_found'),
        },
      },
      handler: async (request, reply) => {
        const { application_id: id, file_id: fileId } = request.params;
        const db = staff.recording(request, { kind: 'partner-application', id }, { file_id: fileId });
        const { bytes, kind } = await transaction(db, (trx) => readFileContent(trx, id, fileId));
        return reply
          .type('application/octet-stream')
          .headers({
            'content-disposition': `attachment; filename="${fileId}.${kind}"`,
            'x-content-type-options': 'nosniff',
            'content-security-policy': "default-src 'none'; sandbox",
            'cache-control': 'no-store',
          })
          .send(bytes);
      },
    });

    app.post(`${BASE}/:application_id/decide`, {
      ...staff.does('application.decide'),
      schema: {
        tags: staffTags,
        summary: 'Approve, reject, or ask for more',
        description:
          'An approval makes the partner, whose keys are issued afterwards. Whoever decides on something else than what it is by then is refused.',
        params,
        body: reviewSchema,
        response: {
          200: reviewedApplicationSchema,
          ...problems(
            ...staffProblems,
            'application.unknown',
            'application.state',
            'application.changed',
            'resource.exists',
          ),
        },
      },
      handler: async (request) => {
        const { application_id: id } = request.params;
        const { decision, revision, reason, evidence, partner_id: partnerId = null } = request.body;
        const reviewedBy = staff.personOf(request, request.body.reviewed_by);
        const subject = { kind: 'partner-application', id };
        const db = staff.recording(request, subject, { ...request.body, reviewed_by: reviewedBy });
        const review = { decision, revision, reason, evidence, partnerId, reviewedBy };
        await decideApplication({ ...context, db }, id, review);
        return show(id);
      },
    });
    done();
  };
}
