import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { givenUuidSchema, siteIdSchema, uuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import type { SiteLifeRow } from '../db/schema.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { personSchema } from '../staff/schemas.ts';
import { linkIsFresh } from '../stations/freshness.ts';
import { chooseLife } from './choose-life.ts';

const lifeSchema = z
  .object({
    life_id: uuidSchema,
    status: z
      .enum(['holder', 'waiting', 'former', 'barred', 'chosen'])
      .describe(
        'holder: speaks for the site. waiting: until the holder has fallen silent. ' +
          'barred: two boxes are alive, and this one is not heard until it is chosen. chosen: welcomed at its next hello.',
      ),
    store_epoch: uuidSchema,
    controller_id: z.string().nullable().describe('which box; null where it has no name of its own'),
    software: z.string(),
    first_heard_at: z.iso.datetime(),
    last_hello_at: z.iso.datetime(),
    welcomed_at: z.iso.datetime().nullable(),
    chosen_by: z.string().nullable(),
  })
  .meta({ id: 'SiteLife' });

const livesSchema = z.object({
  online: z.boolean(),
  heard_at: z.iso.datetime().nullable().describe('last heartbeat'),
  is_contested: z.boolean().describe('two boxes speak for the site; one has to be chosen'),
  lives: z.array(lifeSchema),
});

const viewOf = (row: SiteLifeRow): z.infer<typeof lifeSchema> => ({
  life_id: row.life_id,
  status: row.status,
  store_epoch: row.store_epoch,
  controller_id: row.controller_id,
  software: row.software,
  first_heard_at: iso(row.first_heard_at_ms),
  last_hello_at: iso(row.last_heard_at_ms),
  welcomed_at: isoOrNull(row.welcomed_at_ms),
  chosen_by: row.chosen_by,
});

/** Which boxes and stores have spoken for a site, and which of them may. */
export function presenceRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const { db, clock } = context;
  const show = async (siteId: string): Promise<z.infer<typeof livesSchema>> => {
    const site = await db.selectFrom('sites').select('site_id').where('site_id', '=', siteId).executeTakeFirst();
    if (site === undefined) throw new PilegateError('station.unknown', `no station ${siteId}`);
    const link = await db
      .selectFrom('site_links')
      .select(['online', 'heard_at_ms as heardAtMs'])
      .where('site_id', '=', siteId)
      .executeTakeFirst();
    const lives = await db
      .selectFrom('site_lives')
      .selectAll()
      .where('site_id', '=', siteId)
      .orderBy('last_heard_at_ms', 'desc')
      .orderBy('life_id')
      .execute();
    return {
      online: linkIsFresh(link ?? null, clock.wallMs()),
      heard_at: isoOrNull(link?.heardAtMs ?? null),
      is_contested: lives.some(({ status }) => status === 'barred'),
      lives: lives.map(viewOf),
    };
  };
  return (app, _options, done) => {
    app.get('/staff/v1/sites/:site_id/lives', {
      ...staff.reads('sites.read'),
      schema: {
        tags: staffTags,
        summary: 'Which boxes and stores have spoken for a site, newest first',
        params: z.object({ site_id: siteIdSchema }),
        response: { 200: livesSchema, ...problems(...staffProblems, 'station.unknown') },
      },
      handler: (request) => show(request.params.site_id),
    });

    app.post('/staff/v1/sites/:site_id/lives/:life_id/choose', {
      ...staff.does('site.choose_life'),
      schema: {
        tags: staffTags,
        summary: 'Choose the box that speaks for a site',
        description: 'It is welcomed at its next hello, within a minute. Every other one is heard no more.',
        params: z.object({ site_id: siteIdSchema, life_id: givenUuidSchema }),
        body: z.strictObject({ chosen_by: personSchema.optional() }),
        response: { 200: livesSchema, ...problems(...staffProblems, 'station.unknown', 'request.not_found') },
      },
      handler: async (request) => {
        const { site_id: siteId, life_id: lifeId } = request.params;
        const db = staff.recording(request, { kind: 'site', id: siteId }, { life_id: lifeId });
        const chosenBy = staff.personOf(request, request.body.chosen_by);
        await chooseLife({ ...context, db }, { siteId, lifeId, chosenBy });
        return show(siteId);
      },
    });
    done();
  };
}
