import { sql } from 'kysely';
import type { Db } from '../db/connect.ts';

/** Longer than an attempt can take; a worker that dies gives its work back after this. */
export const LEASE_MS = 30_000;

/** A delivery that this process may send, with everything that it takes. */
export interface ClaimedDelivery {
  readonly delivery_id: number;
  readonly event_id: string;
  readonly endpoint_id: string;
  readonly lane: string;
  /** Before this one. */
  readonly attempts: number;
  readonly tries: string | null;
  readonly leased_until_ms: number;
  readonly payload: string;
  readonly url: string;
  readonly secret_sealed: string;
  readonly former_secret_sealed: string | null;
  readonly former_secret_until_ms: number | null;
}

export interface Wanted {
  /** Endpoints of which nothing came through last, or the others. */
  readonly failing: boolean;
  /** Places at one endpoint, those in `taken` included. */
  readonly perEndpoint: number;
  readonly inAll: number;
  /** Requests of this process that are under way, by endpoint. */
  readonly taken: ReadonlyMap<string, number>;
}

/**
 * Leases due deliveries in one statement: of every lane only the earliest that is still pending, so that a later event never
 * overtakes; and of every endpoint one before a second of any, those that are under way included, so that none that has much to get,
 * or answers late, keeps others waiting. Rows that another process is just taking are passed over.
 */
export async function claimDue(db: Db, wanted: Wanted, nowMs: number): Promise<ClaimedDelivery[]> {
  const taken = JSON.stringify([...wanted.taken].map(([endpoint_id, places]) => ({ endpoint_id, places })));
  const claimed = await sql<ClaimedDelivery>`
    with due as (
      select delivery.delivery_id, delivery.next_attempt_at_ms,
        coalesce(taken.places, 0) + row_number() over (
          partition by delivery.endpoint_id order by delivery.next_attempt_at_ms, delivery.delivery_id) as turn
      from webhook_endpoints endpoint
      left join json_to_recordset(${taken}::json) as taken (endpoint_id text, places integer)
        on taken.endpoint_id = endpoint.endpoint_id
      cross join lateral (
        select candidate.delivery_id, candidate.endpoint_id, candidate.next_attempt_at_ms
        from webhook_deliveries candidate
        where candidate.endpoint_id = endpoint.endpoint_id
          and candidate.status = 'pending'
          and candidate.next_attempt_at_ms <= ${nowMs}
          and (candidate.leased_until_ms is null or candidate.leased_until_ms <= ${nowMs})
          and not exists (
            select 1 from webhook_deliveries earlier
            where earlier.endpoint_id = candidate.endpoint_id
              and earlier.lane = candidate.lane
              and earlier.status = 'pending'
              and earlier.delivery_id < candidate.delivery_id)
        order by candidate.next_attempt_at_ms, candidate.delivery_id
        limit greatest(${wanted.perEndpoint}::integer - coalesce(taken.places, 0), 0)
        for update skip locked) delivery
      where endpoint.disabled_at_ms is null
        and endpoint.paused_at_ms is null
        and (endpoint.failing_since_ms is not null) = ${wanted.failing}::boolean)
    update webhook_deliveries delivery set leased_until_ms = ${nowMs + LEASE_MS}::bigint
    from webhook_events event, webhook_endpoints endpoint
    where delivery.delivery_id = any (array(
        select due.delivery_id from due order by due.turn, due.next_attempt_at_ms limit ${wanted.inAll}))
      and event.event_id = delivery.event_id
      and endpoint.endpoint_id = delivery.endpoint_id
    returning delivery.delivery_id, delivery.event_id, delivery.endpoint_id, delivery.lane, delivery.attempts,
      delivery.tries, delivery.leased_until_ms, event.payload, endpoint.url, endpoint.secret_sealed,
      endpoint.former_secret_sealed, endpoint.former_secret_until_ms`.execute(db);
  return claimed.rows;
}

/**
 * Lets go what waits for nobody any more. A delivery that is behind another is put off together with it, to be looked at when that one
 * is due; should that one be gone before, it is due now.
 */
export async function freeForgotten(db: Db, nowMs: number): Promise<void> {
  await sql`
    update webhook_deliveries set next_attempt_at_ms = ${nowMs}::bigint
    where delivery_id in (
      select waiting.delivery_id from webhook_deliveries waiting
      where waiting.status = 'pending' and waiting.attempts = 0 and waiting.next_attempt_at_ms > ${nowMs}
        and not exists (
          select 1 from webhook_deliveries earlier
          where earlier.endpoint_id = waiting.endpoint_id
            and earlier.lane = waiting.lane
            and earlier.status = 'pending'
            and earlier.delivery_id < waiting.delivery_id))`.execute(db);
}
