import type { z } from 'zod';
import { isPilegateError, PilegateError } from '#shared/errors.ts';
import { renewalSchema } from '#shared/wire/credentials.ts';
import { decode } from '#shared/wire/decode.ts';
import { helloSchema, nackSchema, pieceSchema, presenceSchema, stateSchema } from '#shared/wire/messages.ts';
import { type ParsedTopic, parseUpTopic, type UpKind, WIRE_VERSION } from '#shared/wire/topics.ts';
import { handlePiece } from '../diagnostics/take-piece.ts';
import { isHolder } from '../presence/lives.ts';
import { handleRenewal } from '../sites/rotate.ts';
import { handleBatch } from './batch.ts';
import { parkMessage } from './dead-letters.ts';
import { handleHello } from './hello.ts';
import type { DispatchContext, KnownSite } from './incoming.ts';
import { inflated } from './inflate.ts';
import { handleEdgeNack } from './nack.ts';
import { handlePresence } from './presence.ts';
import { inShard, ShardLostError } from './shards/fence.ts';
import { handleState } from './state.ts';
import { toldBatchSchema } from './told-batch.ts';

/** A message as it came. Its turn to be handled may be later. */
export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly receivedAtMs: number;
}

type Handle = (context: DispatchContext, site: KnownSite, message: IncomingMessage) => Promise<void>;

/** Reads a message with its schema, checks that it speaks of the site whose topic it came on, and handles it. */
function onSchema<Schema extends z.ZodType>(
  schema: Schema,
  handle: (context: DispatchContext, site: KnownSite, message: z.infer<Schema>, receivedAtMs: number) => Promise<void>,
): Handle {
  return async (context, site, { payload, receivedAtMs }) => {
    const message = decode(schema, inflated(payload));
    if (typeof message === 'object' && message !== null && 'siteId' in message && message.siteId !== site.siteId) {
      const detail = `site ${String(message.siteId)} on the topic of ${site.siteId}`;
      context.intrusions.note({ siteId: site.siteId, code: 'foreign-payload', detail });
      throw new PilegateError('wire.wrong_site', detail);
    }
    await handle(context, site, message, receivedAtMs);
  };
}

/** The whole upward protocol: kind of message → schema → handler. */
const handlers: Record<UpKind, Handle> = {
  hello: onSchema(helloSchema, handleHello),
  batch: onSchema(toldBatchSchema, async (context, site, batch, receivedAtMs) => {
    if (batch.lifeId === undefined || (await isHolder(context, site, batch.lifeId, receivedAtMs)))
      await handleBatch(context, site, batch);
  }),
  state: onSchema(stateSchema, handleState),
  presence: onSchema(presenceSchema, handlePresence),
  piece: onSchema(pieceSchema, handlePiece),
  renewal: onSchema(renewalSchema, handleRenewal),
  nack: onSchema(nackSchema, handleEdgeNack),
};

async function knownSite({ together }: DispatchContext, siteId: string, shard: number): Promise<KnownSite> {
  const found = await together.findSite(siteId);
  if (found === null || found.shard !== shard)
    throw new PilegateError('wire.wrong_site', `no site ${siteId} in shard ${shard}`);
  if (found.isRevoked) throw new PilegateError('credential.revoked', `site ${siteId} is revoked`);
  return { siteId, shard, environment: found.environment };
}

/**
 * Handles one upward message. What cannot be read is kept as a dead letter and answered with a nack; what
 * fails for a passing reason is neither stored nor acknowledged, so the site sends it again. Never rejects.
 */
export async function dispatch(context: DispatchContext, incoming: IncomingMessage): Promise<void> {
  const { topic } = incoming;
  const parsed = parseUpTopic(topic);
  if (parsed === null) return;
  const message = { ...parsed, ...incoming };
  try {
    const refusal = await take(context, message).catch((error: unknown) => {
      if (!isPilegateError(error)) throw error;
      return error;
    });
    if (refusal !== undefined) await refuse(context, message, refusal);
    context.metrics.message(parsed.kind, refusal === undefined ? 'taken' : 'refused');
  } catch (error) {
    const { siteId, shard, kind } = parsed;
    context.metrics.message(kind, error instanceof ShardLostError ? 'left' : 'failed');
    if (error instanceof ShardLostError) {
      context.logger.info({ siteId, shard }, 'message is left to the process that has the shard');
    } else {
      context.logger.error({ err: error, siteId, topic }, 'message is not taken; the site will send it again');
    }
  }
}

type UpMessage = ParsedTopic<UpKind> & IncomingMessage;

async function take(context: DispatchContext, message: UpMessage): Promise<void> {
  const site = await knownSite(context, message.siteId, message.shard);
  await handlers[message.kind](context, site, message);
}

async function refuse(context: DispatchContext, message: UpMessage, error: PilegateError): Promise<void> {
  const { siteId, shard, kind, topic, payload, receivedAtMs } = message;
  const { code, detail } = error;
  context.logger.warn({ siteId, topic, code, detail }, 'message is refused');
  if (code === 'credential.revoked') {
    // The will of the link that was cut says nothing new.
    if (kind === 'presence') return;
    context.intrusions.note({ siteId, code: 'revoked-site-speaks', detail: topic });
  }
  const { tenure } = await inShard(context, shard, (trx) =>
    parkMessage(trx, { source: 'message', siteId, topic, code, reason: detail, payload, receivedAtMs }),
  );
  // An answer to a nack could go round for ever.
  if (kind === 'nack' || !tenure.isLive()) return;
  const answer = { v: WIRE_VERSION, code, topic: topic.slice(0, 200), detail: detail.slice(0, 1_000) } as const;
  await context.down.nack({ siteId, shard }, answer);
}
