import type { z } from 'zod';
import { isPilegateError, PilegateError } from '#shared/errors.ts';
import { decode } from '#shared/wire/decode.ts';
import { batchSchema, helloSchema, nackSchema, presenceSchema, stateSchema } from '#shared/wire/messages.ts';
import { parseUpTopic, type UpKind, WIRE_VERSION } from '#shared/wire/topics.ts';
import { handleBatch } from './batch.ts';
import { parkMessage } from './dead-letters.ts';
import { handleHello } from './hello.ts';
import type { IngestContext, KnownSite } from './incoming.ts';
import { handleEdgeNack } from './nack.ts';
import { handlePresence } from './presence.ts';
import { handleState } from './state.ts';

type Handle = (context: IngestContext, site: KnownSite, payload: Uint8Array) => Promise<void>;

/** Reads a message with its schema, checks that it speaks of the site whose topic it came on, and handles it. */
function onSchema<Schema extends z.ZodType>(
  schema: Schema,
  handle: (context: IngestContext, site: KnownSite, message: z.infer<Schema>) => Promise<void>,
): Handle {
  return async (context, site, payload) => {
    const message = decode(schema, payload);
    if (typeof message === 'object' && message !== null && 'siteId' in message && message.siteId !== site.siteId) {
      throw new PilegateError('wire.wrong_site', `site ${String(message.siteId)} on the topic of ${site.siteId}`);
    }
    await handle(context, site, message);
  };
}

/** The whole upward protocol: kind of message → schema → handler. */
const handlers: Record<UpKind, Handle> = {
  hello: onSchema(helloSchema, handleHello),
  batch: onSchema(batchSchema, handleBatch),
  state: onSchema(stateSchema, handleState),
  presence: onSchema(presenceSchema, handlePresence),
  nack: onSchema(nackSchema, handleEdgeNack),
};

/** The site of an upward topic, or null when it is none of ours: such a message is nobody's. */
export const siteOfTopic = (topic: string): string | null => parseUpTopic(topic)?.siteId ?? null;

async function findSite(context: IngestContext, siteId: string, shard: number): Promise<KnownSite | null> {
  const row = await context.db
    .selectFrom('sites')
    .select(['site_id', 'shard', 'environment'])
    .where('site_id', '=', siteId)
    .executeTakeFirst();
  if (row === undefined || row.shard !== shard) return null;
  return { siteId, shard, environment: row.environment };
}

/**
 * Handles one upward message. What cannot be read is kept as a dead letter and answered with a nack; what
 * fails for a passing reason is neither stored nor acknowledged, so the site sends it again.
 */
export async function dispatch(context: IngestContext, topic: string, payload: Uint8Array): Promise<void> {
  const parsed = parseUpTopic(topic);
  if (parsed === null) return;
  const { siteId, shard } = parsed;
  try {
    const site = await findSite(context, siteId, shard);
    if (site === null) throw new PilegateError('wire.wrong_site', `no site ${siteId} in shard ${shard}`);
    await handlers[parsed.kind](context, site, payload);
  } catch (error) {
    if (!isPilegateError(error)) {
      context.logger.error({ err: error, siteId, topic }, 'message is not taken; the site will send it again');
      return;
    }
    context.logger.warn({ siteId, topic, code: error.code, detail: error.detail }, 'message is refused');
    const receivedAtMs = context.clock.wallMs();
    await parkMessage(context.db, {
      source: 'message',
      siteId,
      topic,
      code: error.code,
      reason: error.detail,
      payload,
      receivedAtMs,
    });
    // An answer to a nack could go round for ever.
    if (parsed.kind === 'nack') return;
    const detail = error.detail.slice(0, 1_000);
    await context.down.nack(
      { siteId, shard },
      { v: WIRE_VERSION, code: error.code, topic: topic.slice(0, 200), detail },
    );
  }
}
