import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { problems } from '../http/problem.ts';
import type { StaffGate } from './gate.ts';
import { accountRoles, permissions, roleMay } from './roles.ts';
import type { StaffRoute } from './route-table.ts';
import { staffProblems, staffTags } from './routes.ts';

const routeSchema = z
  .object({
    method: z.string(),
    path: z.string(),
    permission: z.enum([...permissions, 'none']),
    action: z.string().nullable().describe('its name in the audit log; null: it only reads, and leaves no trace'),
    allowed: z.boolean().describe('whether you may'),
  })
  .meta({ id: 'StaffRoute' });

/** What there is to be done, and whether the caller may. */
export function actionRoutes(staff: StaffGate, table: readonly StaffRoute[]): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/staff/v1/actions', {
      ...staff.reads('own.read'),
      schema: {
        tags: staffTags,
        summary: 'Who you are, and what you may do',
        response: {
          200: z.object({
            staff_id: z.string(),
            name: z.string(),
            role: z.enum([...accountRoles, 'service']),
            routes: z.array(routeSchema),
          }),
          ...problems(...staffProblems),
        },
      },
      handler: (request) => {
        const { staffId, name, role } = staff.callerOf(request);
        const routes = table.map((route) => ({
          ...route,
          allowed: route.permission === 'none' || roleMay(role, route.permission),
        }));
        return { staff_id: staffId, name, role, routes };
      },
    });

    app.get('/staff/v1/openapi.json', {
      ...staff.reads('own.read'),
      schema: { tags: staffTags, summary: 'This side of the API, as an OpenAPI 3.1 document', hide: true },
      handler: () => app.describeStaffApi(),
    });
    done();
  };
}
