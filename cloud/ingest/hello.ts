import { sql } from 'kysely';
import { type Hello, streamSchema } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import type { Trx } from '../db/transaction.ts';
import { hearDocuments } from '../documents/document-reported.ts';
import { documentKeysFor } from '../keys/document-keys.ts';
import { makeUnfinishedDue } from '../operations/commands.ts';
import { judgeHello, sayHold } from '../presence/lives.ts';
import { hearReservations, judgeReservations } from '../reservations/told-reservations.ts';
import { hearCredential } from '../sites/rotate.ts';
import type { IngestContext, KnownSite } from './incoming.ts';
import { ENCODINGS } from './inflate.ts';
import { gapsOf, gapToTell, passGap } from './record-gaps.ts';
import { inShard, ShardLostError } from './shards/fence.ts';
import { storable } from './storable.ts';
import { hearSessions } from './told-sessions.ts';

/** Of each stream of a site. With fewer a site on a slow link waits for answers; with more one site takes the time of others. */
const BATCHES_IN_FLIGHT = 4;

/**
 * A site is (back) on the line: remember its connection, tell it where its streams stand, and let the sender
 * repeat every command and cancel that the site has not finished. A box that may not speak for the site at present is told so, and
 * nothing else.
 */
export async function handleHello(context: IngestContext, site: KnownSite, hello: Hello): Promise<void> {
  const nowMs = context.clock.wallMs();
  const others = (hello.otherStreams ?? []).filter(({ stream }) => streamSchema.safeParse(stream).success);
  const { value, tenure } = await inShard(context, site.shard, (trx) =>
    hear({ ...context, trx, site, nowMs: context.clock.wallMs() }, hello, others),
  );
  if (!tenure.isLive()) throw new ShardLostError(site.shard);
  const { found, ackedSeqOf, gap, hasEnded } = value;
  if (hasEnded) context.wake.deliveries();
  if (found.kind === 'hold') return sayHold(context, site, hello, found.reason);
  if (hello.credential !== undefined) await hearCredential(context, site, hello.credential);
  const cursors = hello.streams.map(({ stream }) => ({ stream, ackedSeq: ackedSeqOf(stream, hello.storeEpoch) }));
  const otherCursors = others.map(({ stream, storeEpoch }) => ({
    stream,
    storeEpoch,
    ackedSeq: ackedSeqOf(stream, storeEpoch),
  }));
  const documentKeys = await documentKeysFor(context, hello.documentKeyIds ?? null);
  await context.down.welcome(site, {
    v: WIRE_VERSION,
    connectionEpoch: hello.connectionEpoch,
    storeEpoch: hello.storeEpoch,
    serverWallMs: context.clock.wallMs(),
    helloMonoMs: hello.at.monoMs,
    cursors,
    beats: true,
    ...(others.length > 0 && { otherCursors }),
    ...(documentKeys !== null && { documentKeys }),
    ...(gap !== null && { tellAgain: gap }),
    accepts: { batchesInFlight: BATCHES_IN_FLIGHT, streams: streamSchema.options, encodings: ENCODINGS },
  });
  context.logger.info({ siteId: site.siteId, software: hello.software }, 'site says hello');
  await inShard(context, site.shard, async (trx) => {
    await makeUnfinishedDue(trx, site.siteId, nowMs);
    await hearDocuments(trx, site.siteId, hello.documents ?? null, nowMs);
  });
  context.wake.commands();
}

interface HelloContext extends IngestContext {
  readonly trx: Trx;
  readonly site: KnownSite;
  readonly nowMs: number;
}

/** What a hello changes, and what it is answered with. */
async function hear(context: HelloContext, hello: Hello, others: NonNullable<Hello['otherStreams']>) {
  const { trx, site, nowMs } = context;
  const stored = await trx
    .selectFrom('cursors')
    .select(['stream', 'store_epoch', 'acked_seq'])
    .where('site_id', '=', site.siteId)
    .where('store_epoch', 'in', [hello.storeEpoch, ...others.map(({ storeEpoch }) => storeEpoch)])
    .execute();
  const storedSeqOf = (stream: string, epoch: string): number =>
    stored.find((row) => row.stream === stream && row.store_epoch === epoch)?.acked_seq ?? 0;
  const gaps = gapsOf(hello.storeEpoch, hello.streams, storedSeqOf);
  const found = await judgeHello(context, site.siteId, hello, nowMs, gaps.length > 0);
  if (found.kind === 'hold') return { found, ackedSeqOf: storedSeqOf, gap: null, hasEnded: false };
  await rememberLink(trx, site.siteId, hello, nowMs);
  // A site that can tell again sends its samples from where the cloud is: of these none is missing.
  if (hello.toldAgain === undefined)
    gaps.push(...others.flatMap((other) => gapsOf(other.storeEpoch, [other], storedSeqOf)));
  for (const one of gaps) await passGap(context, one);
  const ackedSeqOf = (stream: string, epoch: string): number =>
    gaps.find((one) => one.stream === stream && one.storeEpoch === epoch)?.lastSeq ?? storedSeqOf(stream, epoch);
  const gap = await gapToTell(context, hello);
  // What is still to be told again may be the end of a charge that the site does not name.
  const isBehind = gap !== null || gaps.length > 0;
  const ackedSeq = ackedSeqOf('events', hello.storeEpoch);
  const hasEnded = !isBehind && (await hearSessions(context, hello, ackedSeq));
  if (!isBehind) await hearReservations(context, hello, ackedSeq);
  const areLost = !isBehind && (await judgeReservations(context, hello.storeEpoch, ackedSeq));
  return { found, ackedSeqOf, gap, hasEnded: hasEnded || areLost };
}

async function rememberLink(trx: Trx, siteId: string, hello: Hello, nowMs: number): Promise<void> {
  const lifeId = hello.life?.lifeId ?? null;
  const link = {
    connection_epoch: hello.connectionEpoch,
    store_epoch: hello.storeEpoch,
    software: storable(hello.software, 64),
    online: true,
    hello_at_ms: nowMs,
    heard_at_ms: nowMs,
    life_id: lifeId,
    knows_documents: hello.documents !== undefined,
    knows_reservations: hello.reservations !== undefined,
    document_key_ids: hello.documentKeyIds === undefined ? null : JSON.stringify(hello.documentKeyIds),
  };
  const isSame = sql<boolean>`coalesce(site_links.is_life_confirmed and site_links.life_id = ${lifeId}::uuid, false)`;
  await trx
    .insertInto('site_links')
    .values({ site_id: siteId, ...link })
    .onConflict((conflict) => conflict.column('site_id').doUpdateSet({ ...link, is_life_confirmed: isSame }))
    .execute();
}
