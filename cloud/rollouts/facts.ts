import { sql } from 'kysely';
import type { SiteDocumentRow } from '../db/schema.ts';
import type { Trx } from '../db/transaction.ts';
import { linkIsFresh } from '../stations/freshness.ts';
import type { Answer, RolloutFacts, SiteFacts } from './machine.ts';
import type { RolloutRow, RolloutSiteRow } from './tables.ts';

export const rolloutFacts = (row: RolloutRow): RolloutFacts => ({
  state: row.state,
  isReverting: row.is_reverting,
  wave: row.wave,
  waves: row.waves,
  waveBegunAtMs: row.wave_begun_at_ms,
  soakMs: row.soak_ms,
  answerWithinMs: row.answer_within_ms,
  awayAfterMs: row.away_after_ms,
  haltAtFailures: row.halt_at_failures,
});

interface Looked extends RolloutSiteRow {
  readonly online: boolean | null;
  readonly heard_at_ms: number | null;
  readonly knows_documents: boolean | null;
  readonly answer: SiteDocumentRow['status'] | null;
  readonly revert_answer: SiteDocumentRow['status'] | null;
  readonly highest_version: number | null;
  readonly critical_alarms: number;
}

/** A site that hears the cloud has its time, but for less than this. */
const CLOCKS_DIFFER_MS = 60_000;

/** How every site of a roll-out stands, in the order in which they were named. */
export async function siteFacts(
  trx: Trx,
  { rollout_id: rolloutId, kind }: RolloutRow,
  nowMs: number,
): Promise<SiteFacts[]> {
  const looked = await sql<Looked>`
    select one.*, link.online, link.heard_at_ms, link.knows_documents,
      put.status as answer, back.status as revert_answer,
      greatest(
        (select max(version) from site_documents where site_id = one.site_id and kind = ${kind}),
        in_force.version) as highest_version,
      -- It matters while a site is watched. What it had to tell from before comes afterwards, and what the platform says of it is not its word.
      case when one.state in ('soaking', 'silent') then (select count(*) from alarms
        where alarms.site_id = one.site_id and alarms.severity = 'critical' and alarms.source = 'site'
          and alarms.received_at_ms >= one.sent_at_ms and alarms.raised_at_ms >= one.sent_at_ms - ${CLOCKS_DIFFER_MS}::bigint)
        else 0 end as critical_alarms
    from rollout_sites one
    left join site_links link on link.site_id = one.site_id
    left join site_documents_in_force in_force on in_force.site_id = one.site_id and in_force.kind = ${kind}
    left join site_documents put on put.site_id = one.site_id and put.kind = ${kind}
      and put.version = one.version and put.digest = one.digest
    left join site_documents back on back.site_id = one.site_id and back.kind = ${kind}
      and back.version = one.revert_version and back.digest = one.revert_digest
    where one.rollout_id = ${rolloutId}
    order by one.place`.execute(trx);
  return looked.rows.map((row) => factsOf(row, nowMs));
}

const factsOf = (row: Looked, nowMs: number): SiteFacts => ({
  siteId: row.site_id,
  wave: row.wave,
  state: row.state,
  sinceMs: row.changed_at_ms,
  sentAtMs: row.sent_at_ms,
  isLinked: row.online !== null && linkIsFresh({ online: row.online, heardAtMs: row.heard_at_ms }, nowMs),
  knowsDocuments: row.knows_documents !== false,
  answer: answerOf(row.answer),
  revertAnswer: answerOf(row.revert_answer),
  isTakenOver: row.version !== null && (row.highest_version ?? 0) > (row.revert_version ?? row.version),
  criticalAlarms: row.critical_alarms,
});

/** What was in force and is no more, though nothing newer is known, was left by the site. */
export function answerOf(status: SiteDocumentRow['status'] | null): Answer {
  switch (status) {
    case null:
    case 'open':
      return 'none';
    case 'replaced':
      return 'rolled-back';
    default:
      return status;
  }
}
