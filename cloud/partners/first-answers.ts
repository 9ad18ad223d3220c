import type { z } from 'zod';
import { isPilegateError, PilegateError } from '#shared/errors.ts';
import { digestOf } from '../canonical-json.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { isUniqueViolation, type Trx } from '../db/transaction.ts';
import type { Caller } from './caller.ts';
import type { FirstAnswerRow } from './tables.ts';

/** For so long the same request gets its first answer again. */
export const ANSWERS_KEPT_MS = 86_400_000;

/** A write that makes no operation: the same (partner, environment, action, request id) is the same request. */
export interface RepeatableWrite {
  readonly caller: Caller;
  readonly action: string;
  /** Undefined: the caller has given none, and a repetition is a new request. */
  readonly requestId: string | undefined;
  /** What was asked for, in the path as well as in the body. */
  readonly asked: object;
}

/** Stores an answer in the transaction of what it tells of, and gives it back. */
export type KeepAnswer<Answer> = (trx: Db | Trx, subjectId: string, answer: Answer) => Promise<Answer>;

type AnswerContext = Pick<CloudContext, 'db' | 'clock' | 'secrets'>;

const sealedFor = ({ caller, action, requestId }: RepeatableWrite): string =>
  ['first-answer', caller.partnerId, caller.environment, action, requestId].join(':');

/** @throws PilegateError `request_id.reused` when the first request with this id asked for something else */
async function findFirst(db: Db, write: RepeatableWrite): Promise<FirstAnswerRow | null> {
  const { caller, action, requestId, asked } = write;
  if (requestId === undefined) return null;
  const first = await db
    .selectFrom('first_answers')
    .selectAll()
    .where('partner_id', '=', caller.partnerId)
    .where('environment', '=', caller.environment)
    .where('action', '=', action)
    .where('request_id', '=', requestId)
    .executeTakeFirst();
  if (first === undefined) return null;
  if (first.body_sha256 === digestOf(asked)) return first;
  throw new PilegateError('request_id.reused', `request_id ${requestId} belongs to another request`);
}

const rowOf = (
  { clock }: Pick<AnswerContext, 'clock'>,
  { caller, action, asked }: RepeatableWrite,
  requestId: string,
  made: Pick<FirstAnswerRow, 'subject_id' | 'answer_sealed'>,
): FirstAnswerRow => ({
  partner_id: caller.partnerId,
  environment: caller.environment,
  action,
  request_id: requestId,
  body_sha256: digestOf(asked),
  ...made,
  created_at_ms: clock.wallMs(),
});

/**
 * Does a write once. What `execute` refuses may have been done before, when things were otherwise; and of two at once the one that
 * comes second to `keep` is undone, and answered as the first.
 *
 * @throws PilegateError `request_id.reused`; `webhook.unknown` when what the first request made has been taken away since
 */
export async function doOnce<Answer>(
  context: AnswerContext,
  write: RepeatableWrite,
  schema: z.ZodType<Answer>,
  execute: (keep: KeepAnswer<Answer>) => Promise<Answer>,
): Promise<Answer> {
  const again = async (): Promise<Answer | null> => {
    const first = await findFirst(context.db, write);
    if (first === null) return null;
    if (first.answer_sealed === null) throw new PilegateError('webhook.unknown', `${first.subject_id} was deleted`);
    return schema.parse(JSON.parse(context.secrets.open(first.answer_sealed, sealedFor(write))));
  };
  const before = await again();
  if (before !== null) return before;
  try {
    return await execute(async (trx, subjectId, answer) => {
      if (write.requestId === undefined) return answer;
      const sealed = context.secrets.seal(JSON.stringify(answer), sealedFor(write));
      const row = rowOf(context, write, write.requestId, { subject_id: subjectId, answer_sealed: sealed });
      await trx.insertInto('first_answers').values(row).execute();
      return answer;
    });
  } catch (error) {
    if (!isUniqueViolation(error) && !isPilegateError(error)) throw error;
    const first = await again();
    if (first !== null) return first;
    throw error;
  }
}

/**
 * Does a write that may be repeated by itself, and of which the answer is never said twice: only that the id stays with what was asked.
 *
 * @throws PilegateError `request_id.reused`
 */
export async function nameOnce<Answer>(
  context: Pick<AnswerContext, 'db' | 'clock'>,
  write: RepeatableWrite,
  subjectId: string,
  execute: () => Promise<Answer>,
): Promise<Answer> {
  await findFirst(context.db, write);
  const answer = await execute();
  if (write.requestId === undefined) return answer;
  const row = rowOf(context, write, write.requestId, { subject_id: subjectId, answer_sealed: null });
  await context.db
    .insertInto('first_answers')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return answer;
}

/** What was taken away is not told of again: whoever repeats the request that made it hears that it is gone. */
export const takeBackAnswers = (trx: Trx, subjectId: string) =>
  trx.updateTable('first_answers').set({ answer_sealed: null }).where('subject_id', '=', subjectId).execute();

/** Forgets answers that need not be given again. */
export const forgetAnswers = (db: Db, nowMs: number) =>
  db
    .deleteFrom('first_answers')
    .where('created_at_ms', '<', nowMs - ANSWERS_KEPT_MS)
    .execute();
