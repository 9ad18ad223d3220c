import type { Box } from './box.ts';
import type { Violations } from './violations.ts';
import type { Witness } from './witness.ts';

/** Some time after everything that went wrong has ended: nothing waits any more of what was committed until `headSeq`. */
export function checkDrained(box: Box, violations: Violations, headSeq = box.head()): void {
  const sync = box.process?.sync ?? null;
  violations.check(
    sync !== null && sync.link === 'open',
    'the link is back when nothing stands in its way',
    () => `${box.siteId}: ${JSON.stringify(sync)}`,
  );
  const [oldest] = box.ask(`SELECT seq, kind, at FROM outbox ORDER BY seq LIMIT 1`);
  violations.check(
    oldest === undefined || Number(oldest.seq) > headSeq,
    'the backlog drains',
    () => `${box.siteId}: record ${oldest?.seq} ${oldest?.kind} of ${oldest?.at} still waits`,
  );
}

/** When all cars have left and all is told: the books of both sides and of the world are the same. */
export async function checkSettled(witness: Witness, boxes: readonly Box[], violations: Violations): Promise<void> {
  for (const box of boxes) {
    checkDrained(box, violations);
    await checkCounts(witness, box, violations);
    checkCharges(witness, box, violations);
    const open = box.ask(`SELECT session_id FROM sessions WHERE is_open = 1`);
    violations.check(open.length === 0, 'every session ends', () => `${box.siteId}: ${JSON.stringify(open)}`);
    const unanswered = box.ask(`SELECT command_id FROM inbox WHERE status = 'received'`);
    violations.check(
      unanswered.length === 0,
      'every command is answered',
      () => `${box.siteId}: ${JSON.stringify(unanswered)}`,
    );
  }
  await checkOrders(witness, violations);
  await witness.reservations.checkSettled();
}

/** What exists once for each record: a second effect of one would be a second row. */
const effects = [
  { kind: 'alarm.raised', sql: `select count(*)::int as n from alarms where source = 'site' and site_id = $1` },
  { kind: 'clock.corrected', sql: `select count(*)::int as n from clock_corrections where site_id = $1` },
  { kind: 'session.ended', sql: `select count(*)::int as n from cdrs where site_id = $1` },
];

async function checkCounts(witness: Witness, box: Box, violations: Violations): Promise<void> {
  const { siteId } = box;
  const committed = [...box.disk.committed.values()].flatMap((records) => [...records.values()]);
  const [stored] = await witness.rows<{ n: number }>(`select count(*)::int as n from site_records where site_id = $1`, [
    siteId,
  ]);
  violations.check(
    stored?.n === committed.length,
    'every committed record reaches the cloud exactly once',
    () => `${siteId}: ${committed.length} committed, ${stored?.n} stored`,
  );
  for (const { kind, sql } of effects) {
    const [row] = await witness.rows<{ n: number }>(sql, [siteId]);
    const n = committed.filter((record) => record.kind === kind).length;
    violations.check(row?.n === n, 'no record has an effect twice', () => `${siteId}: ${n} ${kind}, ${row?.n} rows`);
  }
}

/** Whatever has flowed is on a bill, or on a record that bills nobody. */
function checkCharges(witness: Witness, box: Box, violations: Violations): void {
  for (const pile of box.piles.values()) {
    for (const { sessionId } of pile.charges.values()) {
      const wh = pile.energyWhOf(sessionId);
      violations.check(
        wh < 1 || witness.billed.has(sessionId),
        'the bill equals the physics',
        () => `${box.siteId}: ${wh} Wh of session ${sessionId} are on no record`,
      );
    }
  }
}

async function checkOrders(witness: Witness, violations: Violations): Promise<void> {
  const waiting = await witness.rows(`select operation_id, kind, order_id from operations where status = 'accepted'`);
  violations.check(waiting.length === 0, 'every operation has an outcome', () => JSON.stringify(waiting));
  const running = await witness.rows(
    `select order_id, state, session_id from orders where state in ('starting', 'charging')`,
  );
  violations.check(running.length === 0, 'every order ends', () => JSON.stringify(running));
  const events = await witness.rows<{ order_id: string; state: string; types: string }>(
    `select o.order_id, o.state, coalesce(string_agg(e.type, ' ' order by e.type), '') as types
     from orders o left join webhook_events e on e.order_id = o.order_id and e.type like 'charge.%' and e.type <> 'charge.stop_failed'
     where o.origin = 'remote' group by o.order_id, o.state order by o.order_id`,
  );
  for (const { order_id: orderId, state, types } of events)
    violations.check(
      storiesOf(state).includes(types),
      'a partner is told each outcome once',
      () => `${orderId} is ${state}, and was told as "${types}"`,
    );
  await checkFailedStops(witness, violations);
}

/** Whoever has asked for a stop that came to nothing was told that, once. */
async function checkFailedStops(witness: Witness, violations: Violations): Promise<void> {
  const wrong = await witness.rows(
    `select o.operation_id, o.status, count(e.event_id)::int as told
     from operations o left join webhook_events e on e.order_id = o.order_id and e.type = 'charge.stop_failed'
       and e.payload::jsonb #>> '{data,operation,operation_id}' = o.operation_id::text
     where o.kind = 'stop' group by o.operation_id, o.status
     having count(e.event_id) <> case o.status when 'failed' then 1 else 0 end`,
  );
  violations.check(wrong.length === 0, 'a partner is told each outcome once', () => JSON.stringify(wrong));
}

/** How an order in this state may have been told, by name. An end that came without its begin has none. */
function storiesOf(state: string): readonly string[] {
  if (state === 'start_failed') return ['charge.start_failed'];
  const stories = ['charge.ended', 'charge.ended charge.started'];
  return state === 'void' ? stories : [...stories, 'charge.ended charge.start_failed'];
}
