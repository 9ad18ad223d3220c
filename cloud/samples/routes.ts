import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { connectorIdSchema, uuidSchema } from '#shared/ids.ts';
import { clockQualitySchema } from '#shared/stamp.ts';
import { connectorStatusSchema } from '#shared/wire/messages.ts';
import { lostReasons } from '#shared/wire/samples.ts';
import type { CloudContext } from '../context.ts';
import type { SampleLossRow } from '../db/schema.ts';
import { decodeCursor, encodeCursor } from '../http/cursor.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { readLosses, readSamples, type SeriesKey, type StoredSample } from './read-samples.ts';

const querySchema = z.strictObject({
  from: z.iso.datetime({ offset: true }).describe('inclusive'),
  to: z.iso.datetime({ offset: true }).describe('exclusive'),
  cursor: z.string().max(200).optional().describe('`next_cursor` of the page before'),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(1_000)
    .describe('a page ends with the run of samples that reaches it; a run has 1,000 at most'),
});

const sampleSchema = z.object({
  at: z.iso.datetime(),
  clock: clockQualitySchema.describe('how far the site believes its own time'),
  store_epoch: uuidSchema,
  seq: z.int(),
  status: connectorStatusSchema,
  session_id: uuidSchema.nullable(),
  register_wh: z.int().nullable(),
  current_ma: z.int().nullable(),
  power_w: z.int().nullable(),
  temperature_dc: z.int().nullable().describe('tenths of a degree Celsius'),
});

const lossSchema = z.object({
  reason: z.enum([...lostReasons, 'thinned', 'refused']),
  samples: z.int().nullable().describe('of all connectors of the site; null: nobody knows'),
  from: z.iso.datetime().nullable(),
  until: z.iso.datetime().nullable(),
});

const pageSchema = z.object({
  samples: z.array(sampleSchema),
  losses: z.array(lossSchema).describe('what the site has not kept of this time'),
  next_cursor: z.string().nullable(),
});

const keySchema = z.string().regex(/^[0-9a-f-]{36}\/\d{1,16}$/);

const viewOf = (sample: StoredSample): z.infer<typeof sampleSchema> => ({
  at: iso(sample.atMs),
  clock: sample.clock,
  store_epoch: sample.storeEpoch,
  seq: sample.seq,
  status: sample.status,
  session_id: sample.sessionId,
  register_wh: sample.registerWh,
  current_ma: sample.currentMa,
  power_w: sample.powerW,
  temperature_dc: sample.temperatureDc,
});

const lossOf = ({ reason, samples, from_ms, until_ms }: SampleLossRow): z.infer<typeof lossSchema> => ({
  reason,
  samples,
  from: isoOrNull(from_ms),
  until: isoOrNull(until_ms),
});

const encodeKey = ({ untilMs, storeEpoch, lastSeq }: SeriesKey): string =>
  encodeCursor({ atMs: untilMs, id: `${storeEpoch}/${lastSeq}` });

function decodeKey(cursor: string): SeriesKey {
  const { atMs, id } = decodeCursor(cursor, keySchema);
  const [storeEpoch = '', lastSeq] = id.split('/');
  return { untilMs: atMs, storeEpoch, lastSeq: Number(lastSeq) };
}

/** What a connector's pile told over time. */
export function sampleRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/staff/v1/connectors/:connector_id/samples', {
      ...staff.reads('sites.read'),
      schema: {
        tags: staffTags,
        summary: 'Samples of a connector in a time range, oldest first',
        params: z.object({ connector_id: connectorIdSchema }),
        querystring: querySchema,
        response: { 200: pageSchema, ...problems(...staffProblems, 'connector.unknown') },
      },
      handler: async (request) => {
        const { db } = context;
        const { connector_id: connectorId } = request.params;
        const { from, to, cursor, limit } = request.query;
        const connector = await db
          .selectFrom('connectors')
          .select('site_id')
          .where('connector_id', '=', connectorId)
          .executeTakeFirst();
        if (connector === undefined) throw new PilegateError('connector.unknown', `no connector ${connectorId}`);
        const range = { siteId: connector.site_id, connectorId, fromMs: Date.parse(from), toMs: Date.parse(to) };
        const { samples, next } = await readSamples(db, range, cursor === undefined ? null : decodeKey(cursor), limit);
        const losses = await readLosses(db, range);
        return {
          samples: samples.map(viewOf),
          losses: losses.map(lossOf),
          next_cursor: next === null ? null : encodeKey(next),
        };
      },
    });
    done();
  };
}
