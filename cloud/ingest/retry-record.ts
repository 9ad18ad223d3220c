import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { type RecordEnvelope, recordEnvelopeSchema } from '#shared/wire/messages.ts';
import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { attemptRecord, type WhyRefused } from './attempt-record.ts';
import type { RecordContext } from './records.ts';
import { siteFacts } from './site-facts.ts';

/** A record that was refused, and what became of it now. */
export interface RetriedRecord {
  readonly deadLetterId: number;
  readonly seq: number;
  /** Null: it is applied. */
  readonly refused: WhyRefused | null;
}

interface Letter {
  readonly deadLetterId: number;
  readonly siteId: string;
  readonly storeEpoch: string;
  readonly code: string;
  readonly reason: string;
  readonly record: RecordEnvelope;
}

/**
 * Applies a record that was refused again, after the cloud or its data were repaired. Refused records of the same session that the
 * site told before it come first, in their order; behind one that is refused again nothing is tried.
 *
 * What was applied meanwhile stays as it is: whatever the handlers make of a record that comes late, they make of this one.
 *
 * @param by who of the staff asks for it
 * @throws PilegateError `request.not_found` when there is no such record, or when it is settled
 */
export async function retryRecord(context: CloudContext, deadLetterId: number, by: string): Promise<RetriedRecord[]> {
  const retried = await transaction(context.db, async (trx) => {
    const letter = await findLetter(trx, deadLetterId);
    await lockStream(trx, letter);
    // Asked again behind the lock: somebody else may have been faster.
    const letters = await sameSession(trx, await findLetter(trx, deadLetterId));
    const site = await siteOf(trx, letter.siteId);
    const inHand = { ...context, trx, site, facts: siteFacts(trx, site.siteId), nowMs: context.clock.wallMs() };
    const outcomes: RetriedRecord[] = [];
    for (const one of letters) {
      const refused = await again(inHand, one, by);
      outcomes.push({ deadLetterId: one.deadLetterId, seq: one.record.seq, refused });
      if (refused !== null) break;
    }
    return outcomes;
  });
  context.logger.warn({ deadLetterId, by, retried }, 'staff tries refused records again');
  context.wake.commands();
  context.wake.deliveries();
  return retried;
}

const letters = (trx: Trx) =>
  trx
    .selectFrom('dead_letters')
    .select(['dead_letter_id', 'site_id', 'store_epoch', 'code', 'reason', 'payload'])
    .where('source', '=', 'record')
    .where('stream', '=', 'events')
    .where('settled_at_ms', 'is', null);

type LetterRow = Awaited<ReturnType<ReturnType<typeof letters>['executeTakeFirstOrThrow']>>;

const letterOf = ({
  dead_letter_id: deadLetterId,
  site_id,
  store_epoch,
  code,
  reason,
  payload,
}: LetterRow): Letter => ({
  deadLetterId,
  siteId: site_id ?? '',
  storeEpoch: store_epoch ?? '',
  code,
  reason,
  record: recordEnvelopeSchema.parse(JSON.parse(payload)),
});

async function findLetter(trx: Trx, deadLetterId: number): Promise<Letter> {
  const row = await letters(trx).where('dead_letter_id', '=', deadLetterId).executeTakeFirst();
  if (row === undefined)
    throw new PilegateError('request.not_found', `no refused record ${deadLetterId} waits for a person`);
  return letterOf(row);
}

/** As for a batch: the two never apply records of one stream at a time. */
async function lockStream(trx: Trx, { siteId, storeEpoch }: Letter): Promise<void> {
  await trx
    .selectFrom('cursors')
    .select('acked_seq')
    .where((where) => where.and({ site_id: siteId, store_epoch: storeEpoch, stream: 'events' }))
    .forUpdate()
    .execute();
}

/** The record itself, and before it those of its session that wait as well. */
async function sameSession(trx: Trx, letter: Letter): Promise<Letter[]> {
  const sessionId = sessionIdOf(letter.record);
  if (sessionId === null) return [letter];
  const rows = await letters(trx)
    .where((where) => where.and({ site_id: letter.siteId, store_epoch: letter.storeEpoch }))
    .where('seq', '<', letter.record.seq)
    .where('code', '<>', 'wire.conflict')
    .orderBy('seq')
    .execute();
  return [...rows.map(letterOf).filter(({ record }) => sessionIdOf(record) === sessionId), letter];
}

const session = z.object({ sessionId: z.string() });
const sessionBodySchema = z.union([
  session,
  z.object({ cdr: session }).transform(({ cdr }) => cdr),
  z.object({ occupancy: session }).transform(({ occupancy }) => occupancy),
]);

/** Also of a record that fits no schema: just that may be why it was refused. */
const sessionIdOf = ({ body }: RecordEnvelope): string | null =>
  sessionBodySchema.safeParse(body).data?.sessionId ?? null;

/** The sessions of a site that a refused record tells the end of: what comes of them waits for a person. */
export async function sessionsOfLetters(trx: Trx, siteId: string): Promise<string[]> {
  const rows = await letters(trx).where('site_id', '=', siteId).where('code', '<>', 'wire.conflict').execute();
  const ends = rows.map((row) => letterOf(row).record).filter(({ body }) => body.kind === 'session.ended');
  return ends.flatMap((record) => sessionIdOf(record)?.toLowerCase() ?? []);
}

async function siteOf(trx: Trx, siteId: string): Promise<RecordContext['site']> {
  const { shard, environment } = await trx
    .selectFrom('sites')
    .select(['shard', 'environment'])
    .where('site_id', '=', siteId)
    .executeTakeFirstOrThrow();
  return { siteId, shard, environment };
}

async function again(context: RecordContext, letter: Letter, by: string): Promise<WhyRefused | null> {
  const { trx, nowMs } = context;
  // Another record is stored in its place, and stays.
  if (letter.code === 'wire.conflict') return { code: letter.code, detail: letter.reason };
  const refused = await attemptRecord(context, letter.record);
  await trx
    .updateTable('site_records')
    .set({ refused_code: refused?.code ?? null, refused_detail: refused?.detail ?? null })
    .where((where) => where.and({ site_id: letter.siteId, store_epoch: letter.storeEpoch, stream: 'events' }))
    .where('seq', '=', letter.record.seq)
    .execute();
  await trx
    .updateTable('dead_letters')
    .set(refused === null ? { settled_at_ms: nowMs, settled_by: by } : { code: refused.code, reason: refused.detail })
    .where('dead_letter_id', '=', letter.deadLetterId)
    .execute();
  return refused;
}
