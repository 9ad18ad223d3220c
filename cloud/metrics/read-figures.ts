import { sql } from 'kysely';
import { type AlertStanding, alertStanding } from '../alerts/standing.ts';
import type { Db } from '../db/connect.ts';

/** What the database knows of the whole cloud: the same whichever process asks. */
export interface CloudFigures {
  readonly operations: readonly { readonly kind: string; readonly age: OperationAge; readonly count: number }[];
  readonly deliveries: {
    /** Not tried yet, tried and to be tried again, and under way. */
    readonly waiting: number;
    readonly retrying: number;
    readonly underWay: number;
    /** Of what only we keep waiting: an endpoint that is paused or fails waits for its partner. Null: none is pending. */
    readonly oldestAgeMs: number | null;
  };
  readonly endpoints: { readonly active: number; readonly failing: number; readonly disabled: number };
  readonly deadLetters: readonly { readonly source: string; readonly count: number }[];
  readonly alarms: readonly { readonly severity: string; readonly count: number }[];
  readonly alerts: AlertStanding;
  readonly sites: { readonly online: number; readonly offline: number };
  readonly commandsToSend: number;
  readonly shardsLeased: number;
}

export const operationAges = ['under_10s', 'under_60s', 'under_10m', 'over_10m'] as const;
export type OperationAge = (typeof operationAges)[number];

/** Reads them all. Each statement looks only at what is open, by an index of its own. */
export async function readFigures(db: Db, nowMs: number): Promise<CloudFigures> {
  const operations = await sql<{ kind: string; age: OperationAge; count: number }>`
    select kind, case when age_ms < 10000 then 'under_10s' when age_ms < 60000 then 'under_60s'
        when age_ms < 600000 then 'under_10m' else 'over_10m' end as age, count(*)::int as count
    from (select kind, ${nowMs}::bigint - created_at_ms as age_ms from operations where status = 'accepted') as one
    group by 1, 2`.execute(db);
  const deliveries = await sql<{ waiting: number; retrying: number; under_way: number; oldest_ms: number | null }>`
    select count(*) filter (where attempts = 0 and not leased)::int as waiting,
      count(*) filter (where attempts > 0 and not leased)::int as retrying,
      count(*) filter (where leased)::int as under_way,
      min(created_at_ms) filter (where wanted) as oldest_ms
    from (select attempts, delivery.created_at_ms, coalesce(leased_until_ms > ${nowMs}::bigint, false) as leased,
        paused_at_ms is null and failing_since_ms is null as wanted
      from webhook_deliveries delivery join webhook_endpoints using (endpoint_id) where status = 'pending') as one`.execute(
    db,
  );
  const endpoints = await sql<{ active: number; failing: number; disabled: number }>`
    select count(*) filter (where disabled_at_ms is null and failing_since_ms is null)::int as active,
      count(*) filter (where disabled_at_ms is null and failing_since_ms is not null)::int as failing,
      count(*) filter (where disabled_at_ms is not null)::int as disabled
    from webhook_endpoints where deleted_at_ms is null`.execute(db);
  const deadLetters = await sql<{ source: string; count: number }>`
    select source, count(*)::int as count from dead_letters where settled_at_ms is null group by source`.execute(db);
  const alarms = await sql<{ severity: string; count: number }>`
    select case when alerts.level = 'info' then 'info' else severity end as severity, count(*)::int as count
    from alarms left join alerts using (alert_id) where alarms.closed_at_ms is null group by 1`.execute(db);
  const others = await sql<{ online: number; offline: number; to_send: number; leased: number }>`
    select (select count(*) from site_links where online)::int as online,
      (select count(*) from site_links where not online)::int as offline,
      (select count(*) from commands where next_send_at_ms is not null)::int as to_send,
      (select count(*) from ingest_shards where owner is not null and leased_until > clock_timestamp())::int as leased
    `.execute(db);
  const [delivery, endpoint, other] = [deliveries.rows[0], endpoints.rows[0], others.rows[0]];
  return {
    operations: operations.rows,
    deliveries: {
      waiting: delivery?.waiting ?? 0,
      retrying: delivery?.retrying ?? 0,
      underWay: delivery?.under_way ?? 0,
      oldestAgeMs: delivery?.oldest_ms == null ? null : nowMs - delivery.oldest_ms,
    },
    endpoints: endpoint ?? { active: 0, failing: 0, disabled: 0 },
    deadLetters: deadLetters.rows,
    alarms: alarms.rows,
    alerts: await alertStanding(db, nowMs),
    sites: { online: other?.online ?? 0, offline: other?.offline ?? 0 },
    commandsToSend: other?.to_send ?? 0,
    shardsLeased: other?.leased ?? 0,
  };
}
