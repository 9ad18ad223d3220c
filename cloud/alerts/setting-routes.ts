import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CloudContext } from '../context.ts';
import { iso } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { chainSchema, defaultChains, rotaSchema, settingNameSchema } from './chain.ts';
import { alertLevels } from './levels.ts';
import { putChain, putLevel, putRota } from './settings.ts';
import { alertStanding } from './standing.ts';

const levelSchema = z.enum(alertLevels);
const reasonSchema = z.string().min(1).max(300);

const settingSchema = z.object({
  kind: z.enum(['chain', 'rota', 'level']),
  name: z.string().describe('of a chain its level, of a level its code'),
  document: z.unknown(),
  set_by: z.string(),
  set_at: z.iso.datetime(),
});

const settingsSchema = z
  .object({
    settings: z.array(settingSchema).describe('as staff have set them'),
    default_chains: z.record(z.string(), z.unknown()).describe('of levels for which nobody has set one'),
    deaf_levels: z.array(levelSchema).describe('alerts of these levels would reach nobody now'),
    failing_channels: z.int(),
    disabled_channels: z.int(),
  })
  .meta({ id: 'AlertSettings' });

/** Who is told of which alerts, when, and where. */
export function alertSettingRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const show = async (): Promise<z.infer<typeof settingsSchema>> => {
    const { deafLevels, failingChannels, disabledChannels } = await alertStanding(context.db, context.clock.wallMs());
    const rows = await context.db.selectFrom('alert_settings').selectAll().orderBy('kind').orderBy('name').execute();
    return {
      settings: rows.map((row) => ({ ...row, document: JSON.parse(row.document), set_at: iso(row.set_at_ms) })),
      default_chains: JSON.parse(JSON.stringify(defaultChains)),
      deaf_levels: [...deafLevels],
      failing_channels: failingChannels,
      disabled_channels: disabledChannels,
    };
  };
  const response = { 200: settingsSchema, ...problems(...staffProblems) };
  return (app, _options, done) => {
    app.get('/staff/v1/alert-settings', {
      ...staff.reads('attention.read'),
      schema: { tags: staffTags, summary: 'Chains, rotas, levels, and whether anybody would be told', response },
      handler: show,
    });

    app.put('/staff/v1/alert-settings/chains/:level', {
      ...staff.does('alert.set_chain'),
      schema: {
        tags: staffTags,
        summary: 'Say who is told of alerts of a level, and after how long who else',
        params: z.object({ level: levelSchema }),
        body: z.strictObject({
          chain: chainSchema.nullable().describe('null: the one that the program has'),
          reason: reasonSchema,
        }),
        response,
      },
      handler: async (request) => {
        const { level } = request.params;
        const { chain, reason } = request.body;
        const { staffId: by } = staff.callerOf(request);
        const db = staff.recording(request, { kind: 'alert-chain', id: level }, { chain, reason });
        await putChain({ ...context, db }, level, { chain, by });
        return show();
      },
    });

    app.put('/staff/v1/alert-settings/rotas/:rota_id', {
      ...staff.does('alert.set_rota'),
      schema: {
        tags: staffTags,
        summary: 'Say who is on call when',
        params: z.object({ rota_id: settingNameSchema }),
        body: z.strictObject({ rota: rotaSchema }),
        response,
      },
      handler: async (request) => {
        const { rota_id: id } = request.params;
        const { staffId: by } = staff.callerOf(request);
        const { rota } = request.body;
        const db = staff.recording(request, { kind: 'alert-rota', id }, { shifts: rota.shifts.length });
        await putRota({ ...context, db }, id, { rota, by });
        return show();
      },
    });

    app.put('/staff/v1/alert-settings/levels/:code', {
      ...staff.does('alert.set_level'),
      schema: {
        tags: staffTags,
        summary: 'Give alerts of a code another level from now on; null: the one that the program has',
        params: z.object({ code: z.string().regex(/^[a-z0-9_.-]{1,100}$/, 'a code') }),
        body: z.strictObject({ level: levelSchema.nullable(), reason: reasonSchema }),
        response,
      },
      handler: async (request) => {
        const { code } = request.params;
        const { level, reason } = request.body;
        const { staffId: by } = staff.callerOf(request);
        const db = staff.recording(request, { kind: 'alert-level', id: code }, { level, reason });
        await putLevel({ ...context, db }, code, { level, by });
        return show();
      },
    });
    done();
  };
}
