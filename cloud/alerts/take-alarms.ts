import { type Selectable, sql } from 'kysely';
import type { CloudContext } from '../context.ts';
import type { Database } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { madeOnPurpose } from '../sandbox/made-on-purpose.ts';
import { followAlarm } from './handle-alert.ts';
import { type AlertLevel, higherOf, levelOf, rankOf } from './levels.ts';
import { readAlertSettings } from './settings.ts';
import { type AlarmSubject, alertKeyOf, subjectOf } from './subject.ts';

/** In one transaction, so that staff who acknowledge one of them do not wait for long. */
const AT_ONCE = 500;
/** Who was told of an alert is not told of its like for so long after somebody has closed it, unless it is an emergency. */
export const QUIET_AFTER_CLOSE_MS = 600_000;

type AlarmRow = Selectable<Database['alarms']>;
type TakeContext = Pick<CloudContext, 'db' | 'clock' | 'random'>;

/** An alert, new or not, to which alarms have just come. */
export interface GrownAlert {
  readonly alertId: string;
  /** Code and subject. */
  readonly key: string;
  readonly code: string;
  /** Of these alarms. */
  readonly level: AlertLevel;
  readonly alarms: readonly AlarmRow[];
}

/** What else alarms lead to, in the transaction that takes them. */
export type OnAlarms = (trx: Trx, alert: GrownAlert) => Promise<void>;

/**
 * Takes alarms that nobody has looked at, whoever has stored them, into alerts: one for each code and subject while it is open. Any number of
 * processes may do it at once; each row is taken once, with its alert or not at all.
 */
export async function takeAlarms(context: TakeContext, onAlarms: OnAlarms): Promise<void> {
  for (;;) if ((await transaction(context.db, (trx) => takeSome(context, trx, onAlarms))) < AT_ONCE) return;
}

async function takeSome(context: TakeContext, trx: Trx, onAlarms: OnAlarms): Promise<number> {
  const nowMs = context.clock.wallMs();
  const alarms = await trx
    .selectFrom('alarms')
    .selectAll()
    .where('taken_at_ms', 'is', null)
    .orderBy('received_at_ms')
    .limit(AT_ONCE)
    .forUpdate()
    .skipLocked()
    .execute();
  if (alarms.length === 0) return 0;
  const { levels } = await readAlertSettings(trx);
  const open = alarms.filter((alarm) => alarm.closed_at_ms === null);
  const staged = await madeOnPurpose(
    trx,
    open.map((alarm) => alarm.alarm_id),
  );
  const foreign = await ofForeignConnectors(trx, alarms);
  const about = (alarm: AlarmRow): AlarmSubject => subjectOf(alarm, !foreign.has(alarm.alarm_id));
  const keyOf = (alarm: AlarmRow): string => alertKeyOf(alarm.code, about(alarm));
  const groups = [...Map.groupBy(open, keyOf)]
    // Whoever adds to several alerts does so in one order, so that none waits for the other in a circle.
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, some]) => ({ key, some, level: levelOfAll(some, levels, staged), alertId: context.random.uuid() }));
  const quiet = await quietUntil(
    trx,
    groups.map(({ key }) => key),
    nowMs,
  );
  const rows = groups.map(({ key, some, level, alertId }) => {
    const fromMs = level === 'emergency' ? nowMs : (quiet.get(key) ?? nowMs);
    return newRow(some, { key, about, level, alertId, nowMs, fromMs });
  });
  const stored = rows.length === 0 ? new Map<string, string>() : await addToAlerts(trx, rows, nowMs);
  await markTaken(
    trx,
    alarms.map((alarm) => ({ alarm_id: alarm.alarm_id, alert_id: stored.get(keyOf(alarm)) ?? null })),
    nowMs,
  );
  await followSeen(trx, groups, stored, nowMs);
  for (const { key, some, level, alertId } of groups) {
    const code = some[0]?.code ?? '';
    await onAlarms(trx, { alertId: stored.get(key) ?? alertId, key, code, level, alarms: some });
  }
  return alarms.length;
}

interface Group {
  readonly key: string;
  readonly some: readonly AlarmRow[];
  readonly alertId: string;
}

/** Who has acknowledged an alarm before it came to an alert that there was is at that alert, as if it had been there already. */
async function followSeen(
  trx: Trx,
  groups: readonly Group[],
  stored: ReadonlyMap<string, string>,
  nowMs: number,
): Promise<void> {
  for (const { key, some, alertId } of groups) {
    const by = some.find((alarm) => alarm.acknowledged_by !== null)?.acknowledged_by ?? null;
    const there = stored.get(key);
    if (by !== null && there !== undefined && there !== alertId) await followAlarm(trx, there, by, nowMs);
  }
}

/** Those that name a connector which is not of the site that names it. */
async function ofForeignConnectors(trx: Trx, alarms: readonly AlarmRow[]): Promise<ReadonlySet<string>> {
  const ids = alarms.flatMap(({ connector_id: id }) => (id === null ? [] : [id]));
  if (ids.length === 0) return new Set();
  const rows = await trx
    .selectFrom('connectors')
    .select(['connector_id', 'site_id'])
    .where('connector_id', 'in', [...new Set(ids)])
    .execute();
  const homes = new Map(rows.map((row) => [row.connector_id, row.site_id]));
  const isForeign = ({ site_id: siteId, connector_id: id }: AlarmRow): boolean =>
    siteId !== null && id !== null && homes.get(id) !== siteId;
  return new Set(alarms.filter(isForeign).map((alarm) => alarm.alarm_id));
}

/** @param staged alarms that a partner has brought about on purpose, which tell nobody */
const levelOfAll = (
  alarms: readonly AlarmRow[],
  levels: ReadonlyMap<string, AlertLevel>,
  staged: ReadonlySet<string>,
): AlertLevel => alarms.map((alarm) => (staged.has(alarm.alarm_id) ? 'info' : levelOf(alarm, levels))).reduce(higherOf);

/** Until when nobody is told again of what was closed a short time ago. */
async function quietUntil(trx: Trx, keys: readonly string[], nowMs: number): Promise<Map<string, number>> {
  if (keys.length === 0) return new Map();
  const rows = await trx
    .selectFrom('alerts')
    .select(['alert_key', (select) => select.fn.max('closed_at_ms').as('closed_at_ms')])
    .where('alert_key', 'in', [...keys])
    .where('closed_at_ms', '>', nowMs - QUIET_AFTER_CLOSE_MS)
    .groupBy('alert_key')
    .execute();
  return new Map(rows.map((row) => [row.alert_key, Number(row.closed_at_ms) + QUIET_AFTER_CLOSE_MS]));
}

interface Added {
  readonly key: string;
  readonly about: (alarm: AlarmRow) => AlarmSubject;
  readonly level: AlertLevel;
  readonly alertId: string;
  readonly nowMs: number;
  readonly fromMs: number;
}

function newRow(alarms: readonly AlarmRow[], { key, about, level, alertId, nowMs, fromMs }: Added) {
  const last = alarms.reduce((one, other) => (other.raised_at_ms >= one.raised_at_ms ? other : one));
  const seen = alarms.every((alarm) => alarm.acknowledged_at_ms !== null) ? last : null;
  const subject = about(last);
  return {
    alert_id: alertId,
    alert_key: key,
    code: last.code,
    level,
    level_rank: rankOf(level),
    subject_kind: subject.kind,
    subject_id: subject.id,
    site_id: last.site_id,
    pile_id: last.pile_id,
    connector_id: last.connector_id,
    partner_id: last.partner_id,
    detail: last.detail,
    alarm_count: alarms.length,
    first_raised_at_ms: Math.min(...alarms.map((alarm) => alarm.raised_at_ms)),
    last_raised_at_ms: last.raised_at_ms,
    opened_at_ms: nowMs,
    counted_at_ms: nowMs,
    acknowledged_at_ms: seen?.acknowledged_at_ms ?? null,
    acknowledged_by: seen?.acknowledged_by ?? null,
    escalate_from_ms: fromMs,
    next_tick_at_ms: seen === null ? fromMs : null,
  };
}

/**
 * Counts up what is open, and makes what is not. A level that rises begins the chain anew, also where somebody is at it: what they have
 * acknowledged was less.
 *
 * @returns the alert of each key
 */
async function addToAlerts(
  trx: Trx,
  rows: readonly ReturnType<typeof newRow>[],
  nowMs: number,
): Promise<Map<string, string>> {
  const rises = sql`excluded.level_rank > alerts.level_rank`;
  const now = sql`${nowMs}::bigint`;
  const added = await sql<{ alert_id: string; alert_key: string }>`
    insert into alerts (alert_id, alert_key, code, level, level_rank, subject_kind, subject_id, site_id, pile_id, connector_id, partner_id,
      detail, alarm_count, first_raised_at_ms, last_raised_at_ms, opened_at_ms, counted_at_ms, acknowledged_at_ms, acknowledged_by,
      escalate_from_ms, next_tick_at_ms)
    select * from json_to_recordset(${JSON.stringify(rows)}::json) as one (
      alert_id uuid, alert_key text, code text, level text, level_rank integer, subject_kind text, subject_id text, site_id text,
      pile_id text, connector_id text, partner_id text, detail text, alarm_count bigint, first_raised_at_ms bigint,
      last_raised_at_ms bigint, opened_at_ms bigint, counted_at_ms bigint, acknowledged_at_ms bigint, acknowledged_by text,
      escalate_from_ms bigint, next_tick_at_ms bigint)
    on conflict (alert_key) where closed_at_ms is null do update set
      alarm_count = alerts.alarm_count + excluded.alarm_count,
      first_raised_at_ms = least(alerts.first_raised_at_ms, excluded.first_raised_at_ms),
      detail = case when excluded.last_raised_at_ms >= alerts.last_raised_at_ms then excluded.detail else alerts.detail end,
      last_raised_at_ms = greatest(alerts.last_raised_at_ms, excluded.last_raised_at_ms),
      counted_at_ms = excluded.counted_at_ms,
      level = case when ${rises} then excluded.level else alerts.level end,
      level_rank = greatest(alerts.level_rank, excluded.level_rank),
      acknowledged_at_ms = case when ${rises} then null else alerts.acknowledged_at_ms end,
      acknowledged_by = case when ${rises} then null else alerts.acknowledged_by end,
      run = case when ${rises} then alerts.run + 1 else alerts.run end,
      ticks = case when ${rises} then 0 else alerts.ticks end,
      escalate_from_ms = case when ${rises} then ${now} else alerts.escalate_from_ms end,
      next_tick_at_ms = case when ${rises} then ${now} else alerts.next_tick_at_ms end
    returning alert_id, alert_key`.execute(trx);
  return new Map(added.rows.map((row) => [row.alert_key, row.alert_id]));
}

/** Where somebody is at the alert already, they are at the alarms that come to it. */
async function markTaken(
  trx: Trx,
  taken: readonly { readonly alarm_id: string; readonly alert_id: string | null }[],
  nowMs: number,
): Promise<void> {
  await sql`
    update alarms set taken_at_ms = ${nowMs}::bigint, alert_id = one.alert_id,
      acknowledged_at_ms = coalesce(alarms.acknowledged_at_ms, alerts.acknowledged_at_ms),
      acknowledged_by = coalesce(alarms.acknowledged_by, alerts.acknowledged_by)
    from json_to_recordset(${JSON.stringify(taken)}::json) as one (alarm_id uuid, alert_id uuid)
      left join alerts on alerts.alert_id = one.alert_id
    where alarms.alarm_id = one.alarm_id`.execute(trx);
}
