import { raisePlatformAlarm } from '../../alarms/raise-alarm.ts';
import { recordAudit } from '../../audit/record.ts';
import type { CloudContext } from '../../context.ts';
import type { Db } from '../../db/connect.ts';
import { endingWith } from '../../db/transaction.ts';
import { takeFromBucket } from '../../limits/rate-buckets.ts';
import { changeKey } from '../key-lifecycle.ts';
import type { EndpointClass } from '../rate-policy.ts';
import { judgeUse, type PastUse, type PresentUse, type Unusual } from './judge-use.ts';
import { WINDOW_MS } from './key-usage.ts';

type WatchContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'secrets'>;

/** One alarm an hour about a key and what is unusual about it; whoever enables the key again has so long to see to it. */
const ONE_AN_HOUR = { perMinute: 1 / 60, burst: 1 };

/** For so long after its end a window is looked at once more: what came last in it was written down after the last look. */
const LOOK_BACK_MS = 90_000;

/** Holds the use of every key in the present window against its past, tells staff, and disables it where the partner's policy says so. */
export async function watchKeys(context: WatchContext): Promise<void> {
  const nowMs = context.clock.wallMs();
  const presentMs = Math.floor(nowMs / WINDOW_MS) * WINDOW_MS;
  if (nowMs - presentMs < LOOK_BACK_MS) await watchWindow(context, presentMs - WINDOW_MS);
  await watchWindow(context, presentMs);
}

async function watchWindow(context: WatchContext, windowAtMs: number): Promise<void> {
  const keys = await context.db
    .selectFrom('key_usage')
    .innerJoin('partner_keys', 'partner_keys.key_id', 'key_usage.key_id')
    .innerJoin('partners', 'partners.partner_id', 'partner_keys.partner_id')
    .select(['key_usage.key_id', 'partners.partner_id', 'partners.suspends_unusual'])
    .distinct()
    .where('window_at_ms', '=', windowAtMs)
    .where('disabled_at_ms', 'is', null)
    .where('revoked_at_ms', 'is', null)
    .orderBy('key_usage.key_id')
    .execute();
  for (const { key_id: keyId, partner_id: partnerId, suspends_unusual: suspends } of keys) {
    const past = await pastUse(context.db, keyId, windowAtMs);
    const present = await presentUse(context.db, keyId, windowAtMs);
    for (const unusual of judgeUse(past, present)) await tell(context, { keyId, partnerId, suspends }, unusual);
  }
}

type Calls = Partial<Record<EndpointClass, number>>;

const callsOf = (rows: readonly { class: EndpointClass; calls: number }[]): Calls => {
  const calls: Calls = {};
  for (const row of rows) calls[row.class] = (calls[row.class] ?? 0) + row.calls;
  return calls;
};

/** Summed up by the database: it may be a hundred thousand rows. */
async function pastUse(db: Db, keyId: string, beforeMs: number): Promise<PastUse> {
  const past = db.selectFrom('key_usage').where('key_id', '=', keyId).where('window_at_ms', '<', beforeMs);
  const calls = await past
    .select(['class', (select) => select.fn.sum<number>('calls').as('calls')])
    .groupBy('class')
    .execute();
  const sources = await past.select('source').distinct().execute();
  const busiest = await db
    .selectFrom(
      past
        .select(['window_at_ms', (select) => select.fn.sum<number>('calls').as('calls')])
        .groupBy('window_at_ms')
        .as('windows'),
    )
    .select((select) => [select.fn.countAll<number>().as('windows'), select.fn.max('windows.calls').as('most_calls')])
    .executeTakeFirstOrThrow();
  return {
    windows: Number(busiest.windows),
    mostCalls: Number(busiest.most_calls ?? 0),
    calls: callsOf(calls.map((row) => ({ class: row.class, calls: Number(row.calls) }))),
    sources: sources.map(({ source }) => source),
  };
}

async function presentUse(db: Db, keyId: string, windowAtMs: number): Promise<PresentUse> {
  const rows = await db
    .selectFrom('key_usage')
    .selectAll()
    .where('key_id', '=', keyId)
    .where('window_at_ms', '=', windowAtMs)
    .execute();
  return { calls: callsOf(rows), sources: [...new Set(rows.map(({ source }) => source))] };
}

interface WatchedKey {
  readonly keyId: string;
  readonly partnerId: string;
  readonly suspends: boolean;
}

async function tell(context: WatchContext, key: WatchedKey, { kind, detail }: Unusual): Promise<void> {
  const { keyId, partnerId, suspends } = key;
  const nowMs = context.clock.wallMs();
  const told = await takeFromBucket(context.db, `key:${keyId}`, `unusual-${kind}`, ONE_AN_HOUR, nowMs);
  if (!told.isAllowed) return;
  const what = `key ${keyId} behaves unusually (${kind}): ${detail}`;
  if (suspends) await disable(context, { partnerId, keyId }, `unusual ${kind}: ${detail}`);
  await raisePlatformAlarm(context, context.db, {
    partnerId,
    about: `partner-key/${keyId}`,
    code: 'key.unusual',
    severity: suspends ? 'critical' : 'warning',
    detail: suspends ? `${what}. It is disabled.` : what,
    nowMs,
  });
}

const disable = (context: WatchContext, name: { partnerId: string; keyId: string }, reason: string): Promise<void> => {
  const recorded = endingWith(context.db, (trx) =>
    recordAudit(trx, {
      atMs: context.clock.wallMs(),
      actor: { kind: 'system', id: 'key-watch', address: null },
      action: 'partner_key.disable',
      subject: { kind: 'partner-key', id: name.keyId },
      detail: { partner_id: name.partnerId, reason },
      correlationId: null,
    }),
  );
  return changeKey({ ...context, db: recorded }, name, 'disable', reason);
};
