import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { givenUuidSchema, siteIdSchema } from '#shared/ids.ts';
import type { CloudContext } from '../../context.ts';
import { problems } from '../../http/problem.ts';
import type { StaffGate } from '../../staff/gate.ts';
import { staffProblems, staffTags } from '../../staff/routes.ts';
import { cancelWindow, changeWindow, planWindow, putHours } from './announce.ts';
import { announcedAt, windowView } from './closures.ts';
import {
  cancelledSchema,
  maintenanceWindowSchema,
  newHoursSchema,
  newWindowSchema,
  putHoursSchema,
  windowChangeSchema,
} from './schemas.ts';

const ofSite = z.object({ site_id: siteIdSchema });
const ofWindow = z.object({ window_id: givenUuidSchema });
const WINDOW = '/staff/v1/maintenance-windows/:window_id';

const wishOf = ({ connector_ids, from, until, note }: z.infer<typeof windowChangeSchema>) => ({
  connectorIds: connector_ids,
  fromMs: Date.parse(from),
  untilMs: Date.parse(until),
  note,
});

/** When stations are open, and when they are worked at: announced to the partners that may use them. */
export function hoursStaffRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.post('/staff/v1/sites/:site_id/hours', {
      ...staff.does('station.set_hours'),
      schema: {
        tags: staffTags,
        summary: 'Say when a station is open',
        params: ofSite,
        body: newHoursSchema,
        response: { 200: putHoursSchema, ...problems(...staffProblems, 'station.unknown') },
      },
      handler: async (request) => {
        const { site_id: siteId } = request.params;
        const { hours, reason } = request.body;
        const db = staff.recording(request, { kind: 'site', id: siteId }, request.body);
        const putBy = staff.callerOf(request).name;
        await putHours({ ...context, db }, { siteId, hours, reason, putBy });
        return { site_id: siteId, hours };
      },
    });

    app.get('/staff/v1/sites/:site_id/maintenance-windows', {
      ...staff.reads('sites.read'),
      schema: {
        tags: staffTags,
        summary: 'Planned maintenance that is not over',
        params: ofSite,
        response: { 200: z.object({ windows: z.array(maintenanceWindowSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const { site_id: siteId } = request.params;
        const announced = await announcedAt(context.db, [siteId], context.clock.wallMs());
        return { windows: [...(announced.get(siteId)?.windows ?? [])] };
      },
    });

    app.post('/staff/v1/sites/:site_id/maintenance-windows', {
      ...staff.does('maintenance_window.plan'),
      schema: {
        tags: staffTags,
        summary: 'Announce a time in which nothing is started at a station',
        description:
          'Partners are told at once. What runs when it begins goes on: stop it by maintenance of the connector.',
        params: ofSite,
        body: newWindowSchema,
        response: {
          200: maintenanceWindowSchema,
          ...problems(...staffProblems, 'station.unknown', 'connector.unknown', 'maintenance.over', 'resource.exists'),
        },
      },
      handler: async (request) => {
        const { site_id: siteId } = request.params;
        const { window_id: windowId, ...wish } = request.body;
        const db = staff.recording(request, { kind: 'maintenance-window', id: windowId }, { siteId, ...wish });
        const by = staff.callerOf(request).name;
        return windowView(await planWindow({ ...context, db }, { windowId, siteId, ...wishOf(wish) }, by));
      },
    });

    app.post(`${WINDOW}/change`, {
      ...staff.does('maintenance_window.change'),
      schema: {
        tags: staffTags,
        summary: 'Announce another time, or other connectors, for planned maintenance',
        params: ofWindow,
        body: windowChangeSchema,
        response: {
          200: maintenanceWindowSchema,
          ...problems(...staffProblems, 'maintenance.unknown', 'maintenance.over', 'connector.unknown'),
        },
      },
      handler: async (request) => {
        const { window_id: windowId } = request.params;
        const db = staff.recording(request, { kind: 'maintenance-window', id: windowId }, request.body);
        return windowView(await changeWindow({ ...context, db }, { windowId, ...wishOf(request.body) }));
      },
    });

    app.post(`${WINDOW}/cancel`, {
      ...staff.does('maintenance_window.cancel'),
      schema: {
        tags: staffTags,
        summary: 'Announce that planned maintenance does not take place, or is over sooner',
        params: ofWindow,
        body: cancelledSchema,
        response: {
          200: maintenanceWindowSchema,
          ...problems(...staffProblems, 'maintenance.unknown', 'maintenance.over'),
        },
      },
      handler: async (request) => {
        const { window_id: windowId } = request.params;
        const { reason } = request.body;
        const db = staff.recording(request, { kind: 'maintenance-window', id: windowId }, request.body);
        const by = staff.callerOf(request).name;
        return windowView(await cancelWindow({ ...context, db }, { windowId, reason, by }));
      },
    });
    done();
  };
}
