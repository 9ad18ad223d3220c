import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { channelsOf, nextTick } from './chain.ts';
import { type AlertFacts, factsOf } from './facts.ts';
import { type AlertSettings, readAlertSettings } from './settings.ts';
import type { AlertRow } from './tables.ts';

const AT_ONCE = 100;
/** An alert that reaches nobody is tried again after this. */
const TRY_AGAIN_MS = 60_000;

type EscalateContext = Pick<CloudContext, 'db' | 'clock' | 'logger' | 'settings'>;

/**
 * Takes every open alert that nobody has acknowledged as far along the chain of its level as it is due. A step, and that it was told, are one
 * transaction: none is lost, and none told twice, however many processes do this and whenever one of them ends.
 */
export async function escalateDue(context: EscalateContext): Promise<void> {
  for (;;) if ((await transaction(context.db, (trx) => escalateSome(context, trx))) < AT_ONCE) return;
}

async function escalateSome(context: EscalateContext, trx: Trx): Promise<number> {
  const nowMs = context.clock.wallMs();
  const alerts = await trx
    .selectFrom('alerts')
    .selectAll()
    .where('next_tick_at_ms', '<=', nowMs)
    .orderBy('level_rank', 'desc')
    .orderBy('next_tick_at_ms')
    .limit(AT_ONCE)
    .forUpdate()
    .skipLocked()
    .execute();
  if (alerts.length === 0) return 0;
  const round: Round = {
    trx,
    nowMs,
    settings: await readAlertSettings(trx),
    channels: await enabledChannels(trx),
    sites: await sitesOf(trx, alerts),
    publicUrl: context.settings.publicUrl,
  };
  const unheard: AlertRow[] = [];
  for (const alert of alerts) if (!(await escalate(round, alert))) unheard.push(alert);
  for (const { alert_id: alertId, code, level } of unheard)
    context.logger.error({ alertId, code, level }, 'alert reaches nobody: no channel is enabled');
  return alerts.length;
}

interface Round {
  readonly trx: Trx;
  readonly nowMs: number;
  readonly settings: AlertSettings;
  readonly channels: EnabledChannels;
  readonly sites: ReadonlyMap<string, NonNullable<AlertFacts['site']>>;
  readonly publicUrl: string | null;
}

/** @returns false when there is nobody to be told: the step stays where it is, and is tried again */
async function escalate(round: Round, alert: AlertRow): Promise<boolean> {
  const { trx, nowMs, settings, channels } = round;
  const chain = settings.chains[alert.level];
  const next = nextTick(chain, { fromMs: alert.escalate_from_ms, ticks: alert.ticks }, nowMs);
  if (next.kind === 'done') await moveOn(trx, alert, { next_tick_at_ms: null });
  if (next.kind === 'wait') await moveOn(trx, alert, { next_tick_at_ms: next.untilMs });
  if (next.kind !== 'tell') return true;
  const told = whomToTell(channelsOf(next.targets, { rotas: settings.rotas, all: channels.all }, nowMs), channels);
  if (told.length === 0) {
    await moveOn(trx, alert, { next_tick_at_ms: nowMs + TRY_AGAIN_MS });
    return false;
  }
  const site = round.sites.get(alert.site_id ?? '') ?? null;
  const facts = factsOf(alert, site, { isRepeat: next.isRepeat, publicUrl: round.publicUrl });
  const tick = { alert_id: alert.alert_id, run: alert.run, tick: next.ticks, document: JSON.stringify(facts) };
  await trx
    .insertInto('alert_tellings')
    .values(told.map((channelId) => ({ ...tick, channel_id: channelId, created_at_ms: nowMs })))
    .execute();
  await moveOn(trx, alert, { ticks: next.ticks, next_tick_at_ms: nowMs });
  return true;
}

const moveOn = (
  trx: Trx,
  { alert_id: alertId }: AlertRow,
  change: { readonly ticks?: number; readonly next_tick_at_ms: number | null },
): Promise<unknown> => trx.updateTable('alerts').set(change).where('alert_id', '=', alertId).execute();

/** Channels that are there and not disabled, */
export interface EnabledChannels {
  readonly all: readonly string[];
  /** and those of them that do not count as failing. */
  readonly working: readonly string[];
}

/** Of the channels that are wished for those that there are; when none of them works, every other that does as well: rather somebody whom it does not concern than nobody. */
export function whomToTell(wished: readonly string[], { all, working }: EnabledChannels): readonly string[] {
  const usable = wished.filter((id) => all.includes(id));
  if (usable.some((id) => working.includes(id))) return usable;
  return [...new Set([...usable, ...working])].concat(usable.length + working.length === 0 ? all : []);
}

export async function enabledChannels(db: Pick<Trx, 'selectFrom'>): Promise<EnabledChannels> {
  const rows = await db
    .selectFrom('alert_channels')
    .select(['channel_id', 'failing_told_at_ms'])
    .where('disabled_at_ms', 'is', null)
    .where('deleted_at_ms', 'is', null)
    .orderBy('channel_id')
    .execute();
  return {
    all: rows.map((row) => row.channel_id),
    working: rows.filter((row) => row.failing_told_at_ms === null).map((row) => row.channel_id),
  };
}

async function sitesOf(trx: Trx, alerts: readonly AlertRow[]): Promise<Round['sites']> {
  const ids = [...new Set(alerts.flatMap(({ site_id: id }) => (id === null ? [] : [id])))];
  if (ids.length === 0) return new Map();
  const rows = await trx
    .selectFrom('sites')
    .select(['site_id', 'name', 'timezone'])
    .where('site_id', 'in', ids)
    .execute();
  return new Map(rows.map((row) => [row.site_id, row]));
}
