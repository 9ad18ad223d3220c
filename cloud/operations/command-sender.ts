import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { Clock } from '#shared/clock.ts';
import { LONGEST_RATED_MS } from '#shared/tariff/rate.ts';
import { commandSchema } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import type { Db } from '../db/connect.ts';
import type { CommandRow } from '../db/schema.ts';
import type { Down } from '../ingest/down.ts';
import { shardsOf } from '../ingest/shards/leases.ts';

const RESEND_MS = 5_000;
/** After this many tries a site is away; its hello makes everything due at once. */
const SWIFT_TRIES = 12;
const SLOW_RESEND_MS = 60_000;
/**
 * The start itself has expired long before; a site that comes back later refuses it by its own deadline. One that has begun a charge is
 * taken back for as long as that may run.
 */
export const CANCEL_LIFE_MS = 86_400_000;
const AT_ONCE = 100;

/** How often something is sent to a site that says nothing to it for so long. Every try has had a broker and a database behind it. */
export const triesWithin = (ms: number): number =>
  ms <= SWIFT_TRIES * RESEND_MS
    ? Math.ceil(ms / RESEND_MS)
    : SWIFT_TRIES + Math.ceil((ms - SWIFT_TRIES * RESEND_MS) / SLOW_RESEND_MS);

export interface SenderContext {
  readonly processId: string;
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly down: Down;
}

/**
 * Publishes what is due: commands without a `received` report, and the cancels of starts that must not happen.
 * The next try is written down before the message goes out, so nothing is
 * left to the memory of a broker or a client library. Each process sends for the shards that it has by the database's time.
 * What has expired is not sent at all. Under the name of a site that is revoked anybody may listen: it is told to stop what it does, and no more.
 */
export async function sendDueCommands(context: SenderContext): Promise<void> {
  for (;;) {
    const rows = await claimDue(context, context.clock.wallMs());
    const outcomes = await Promise.allSettled(rows.map((row) => send(context, row)));
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure !== undefined) {
      context.logger.warn({ err: failure.reason }, 'command cannot be sent now and will be tried again');
    }
    if (rows.length < AT_ONCE) return;
  }
}

async function claimDue({ db, processId }: SenderContext, nowMs: number): Promise<CommandRow[]> {
  const claimed = await sql<CommandRow>`
    update commands set
      sent_count = sent_count + 1,
      first_sent_at_ms = coalesce(first_sent_at_ms, ${nowMs}::bigint),
      last_sent_at_ms = ${nowMs}::bigint,
      next_send_at_ms = case
        when status = 'received' and cancelled_at_ms is null then null
        when sent_count < ${SWIFT_TRIES} then ${nowMs + RESEND_MS}::bigint
        else ${nowMs + SLOW_RESEND_MS}::bigint end
    where command_id in (
      select command_id from commands
      where next_send_at_ms <= ${nowMs}
        and shard = any (array(${shardsOf(processId)}))
        and cancel_closed_at_ms is null
        and (kind = 'stop' or cancelled_at_ms is not null or not exists (select 1 from sites
          where sites.site_id = commands.site_id and revoked_at_ms is not null))
        and ((cancelled_at_ms is null and status in ('open', 'received')
              and (expires_at_ms is null or expires_at_ms > ${nowMs}))
          or cancelled_at_ms > ${nowMs - CANCEL_LIFE_MS}
          or (cancelled_at_ms > ${nowMs - LONGEST_RATED_MS} and kind = 'start' and status = 'done'))
      order by next_send_at_ms
      limit ${AT_ONCE}
      for update skip locked)
    returning *`.execute(db);
  return claimed.rows;
}

async function send(context: SenderContext, row: CommandRow): Promise<void> {
  const site = { siteId: row.site_id, shard: row.shard };
  const fields = { siteId: row.site_id, commandId: row.command_id, orderId: row.order_id, tries: row.sent_count };
  if (row.cancelled_at_ms !== null) {
    await context.down.cancel(site, { v: WIRE_VERSION, commandId: row.command_id });
    context.logger.info(fields, 'cancel sent');
    return;
  }
  const command = commandSchema.parse(JSON.parse(row.document));
  await context.down.command(site, command);
  context.logger.info({ ...fields, kind: command.kind, requestId: command.requestId }, 'command sent');
}
