import { type RawBuilder, sql } from 'kysely';
import { sha256Hex } from '../canonical-json.ts';
import type { Db } from '../db/connect.ts';
import type { Trx } from '../db/transaction.ts';
import { storable } from './storable.ts';

const KEPT_MESSAGES = 1_000;
const KEPT_OF_A_SITE = 100;
const PAYLOAD_LIMIT = 65_536;

export interface DeadRecord {
  readonly siteId: string;
  readonly storeEpoch: string;
  readonly stream: string;
  readonly seq: number;
  readonly code: string;
  readonly reason: string;
  readonly payload: string;
  readonly receivedAtMs: number;
}

/** Keeps a record that could not be applied. Sent again, it stays one dead letter. */
export async function parkRecord(trx: Trx, record: DeadRecord): Promise<void> {
  await trx
    .insertInto('dead_letters')
    .values({
      source: 'record',
      site_id: record.siteId,
      store_epoch: record.storeEpoch,
      stream: record.stream,
      seq: record.seq,
      topic: null,
      code: record.code,
      reason: storable(record.reason, 2_000),
      payload: record.payload,
      payload_sha256: sha256Hex(record.payload),
      received_at_ms: record.receivedAtMs,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export interface DeadMessage {
  readonly source: 'message' | 'edge-nack';
  readonly siteId: string;
  readonly topic: string;
  readonly code: string;
  readonly reason: string;
  readonly payload: Uint8Array;
  readonly receivedAtMs: number;
}

/** Keeps a message that could not be read at all; of these only the newest 1,000 stay, and of one site 100: it puts nobody else's out. */
export async function parkMessage(db: Db, message: DeadMessage): Promise<void> {
  const text = storable(Buffer.from(message.payload.subarray(0, PAYLOAD_LIMIT)).toString('utf8'), PAYLOAD_LIMIT);
  await db
    .insertInto('dead_letters')
    .values({
      source: message.source,
      site_id: message.siteId,
      store_epoch: null,
      stream: null,
      seq: null,
      topic: storable(message.topic, 300),
      code: storable(message.code, 64),
      reason: storable(message.reason, 2_000),
      payload: text,
      payload_sha256: sha256Hex(message.payload),
      received_at_ms: message.receivedAtMs,
    })
    .execute();
  await forgetBehind(db, KEPT_OF_A_SITE, sql`source <> 'record' and site_id = ${message.siteId}`);
  await forgetBehind(db, KEPT_MESSAGES, sql`source <> 'record'`);
}

const forgetBehind = (db: Db, kept: number, which: RawBuilder<unknown>) =>
  sql`delete from dead_letters where ${which} and dead_letter_id <= (
    select dead_letter_id from dead_letters where ${which} order by dead_letter_id desc offset ${kept} limit 1)`.execute(
    db,
  );
