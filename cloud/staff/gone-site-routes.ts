import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { siteIdSchema, uuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { problems } from '../http/problem.ts';
import { endChargesByStaff } from '../orders/gone-site.ts';
import type { StaffGate } from './gate.ts';
import { staffProblems, staffTags } from './routes.ts';
import { reasonedSchema } from './schemas.ts';

const endedSchema = z
  .object({
    site_id: siteIdSchema,
    order_ids: z
      .array(uuidSchema)
      .describe('the orders that were ended: each is `abnormal` now, and waits for a person'),
    requested_by: z.string(),
  })
  .meta({ id: 'EndedCharges' });

/** Staff end what a site that is gone will never tell the end of. */
export function goneSiteRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.post('/staff/v1/sites/:site_id/charges/end', {
      ...staff.does('site.end_charges'),
      schema: {
        tags: staffTags,
        summary: 'End all charges at a site that is gone for good, with the reason',
        description:
          'For a site that never speaks again. The orders end as lost (`session.lost`): nothing is billed until a person has decided. A site that is on the line is refused (`site.online`): it tells by itself.',
        params: z.object({ site_id: siteIdSchema }),
        body: reasonedSchema,
        response: { 200: endedSchema, ...problems(...staffProblems, 'station.unknown', 'site.online') },
      },
      handler: async (request) => {
        const { site_id: siteId } = request.params;
        const { requested_by: given, reason } = request.body;
        const requestedBy = staff.personOf(request, given);
        const db = staff.recording(request, { kind: 'site', id: siteId }, { reason });
        return {
          site_id: siteId,
          order_ids: await endChargesByStaff({ ...context, db }, siteId),
          requested_by: requestedBy,
        };
      },
    });
    done();
  };
}
