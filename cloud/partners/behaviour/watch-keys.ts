import { raisePlatformAlarm } from '../../alarms/raise-alarm.ts';
import { recordAudit } from '../../audit/record.ts';
import type { CloudContext } from '../../context.ts';
import type { Db } from '../../db/connect.ts';
import { transaction } from '../../db/transaction.ts';
import { takeFromBucket } from '../../limits/rate-buckets.ts';
import { takeEach } from '../../runtime/take-each.ts';
import { disableFamily } from '../key-lifecycle.ts';
import { isGoodKey, keyStateOf } from '../key-state.ts';
import type { EndpointClass } from '../rate-policy.ts';
import { judgeUse, type PastUse, type PresentUse, type Unusual } from './judge-use.ts';
import { WINDOW_MS } from './key-usage.ts';

type WatchContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'secrets'>;

/** One alarm an hour about a key and what is unusual about it; whoever enables the key again has so long to see to it. */
const ONE_AN_HOUR = { perMinute: 1 / 60, burst: 1 };

/** For so long after its end a window is looked at once more: what came last in it was written down after the last look. */
const LOOK_BACK_MS = 90_000;

/**
 * Holds the use of every key in the present window against its past, tells staff, and disables it where the partner's policy says so. A
 * key's past is that of those which it was rotated from, and what is unusual is so of all of them that are good: whoever has
 * rotated a stolen key holds its successor as well.
 */
export async function watchKeys(context: WatchContext): Promise<void> {
  const nowMs = context.clock.wallMs();
  const presentMs = Math.floor(nowMs / WINDOW_MS) * WINDOW_MS;
  const windows = nowMs - presentMs < LOOK_BACK_MS ? [presentMs - WINDOW_MS, presentMs] : [presentMs];
  await takeEach(windows, (windowAtMs) => watchWindow(context, windowAtMs));
}

async function watchWindow(context: WatchContext, windowAtMs: number): Promise<void> {
  await takeEach(await familiesIn(context, windowAtMs), async (family) => {
    const past = await pastUse(context.db, family.familyId, windowAtMs);
    const present = await presentUse(context.db, family.familyId, windowAtMs);
    for (const unusual of judgeUse(past, present)) await tell(context, family, unusual);
  });
}

interface WatchedFamily {
  readonly familyId: string;
  readonly partnerId: string;
  readonly suspends: boolean;
  /** Those that may be used now, first the one whose place no other has taken. */
  readonly keyIds: readonly string[];
}

/** The families that were used in a window, and have a key that still may be. */
async function familiesIn({ db, clock }: WatchContext, windowAtMs: number): Promise<WatchedFamily[]> {
  const keys = await db
    .selectFrom('partner_keys')
    .innerJoin('partners', 'partners.partner_id', 'partner_keys.partner_id')
    .select(['key_id', 'family_id', 'partners.partner_id', 'partners.suspends_unusual'])
    .select(['disabled_at_ms', 'revoked_at_ms', 'expires_at_ms'])
    .where('family_id', 'in', db.selectFrom('key_usage').select('family_id').where('window_at_ms', '=', windowAtMs))
    .orderBy('family_id')
    // First the one whose place no other has taken.
    .orderBy('expires_at_ms', (order) => order.desc().nullsFirst())
    .orderBy('key_id')
    .execute();
  const good = keys.filter((key) => isGoodKey(keyStateOf(key, clock.wallMs())));
  return [...Map.groupBy(good, (key) => key.family_id).values()].flatMap((members) => {
    const [newest] = members;
    if (newest === undefined) return [];
    const { family_id: familyId, partner_id: partnerId, suspends_unusual: suspends } = newest;
    return [{ familyId, partnerId, suspends, keyIds: members.map((key) => key.key_id) }];
  });
}

type Calls = Partial<Record<EndpointClass, number>>;

const callsOf = (rows: readonly { class: EndpointClass; calls: number }[]): Calls => {
  const calls: Calls = {};
  for (const row of rows) calls[row.class] = (calls[row.class] ?? 0) + row.calls;
  return calls;
};

/** Summed up by the database: it may be a hundred thousand rows. */
async function pastUse(db: Db, familyId: string, beforeMs: number): Promise<PastUse> {
  const past = db.selectFrom('key_usage').where('family_id', '=', familyId).where('window_at_ms', '<', beforeMs);
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

async function presentUse(db: Db, familyId: string, windowAtMs: number): Promise<PresentUse> {
  const rows = await db
    .selectFrom('key_usage')
    .selectAll()
    .where('family_id', '=', familyId)
    .where('window_at_ms', '=', windowAtMs)
    .execute();
  return { calls: callsOf(rows), sources: [...new Set(rows.map(({ source }) => source))] };
}

/** All of it or nothing: what fails in the middle is told and done in the next round. */
const tell = (context: WatchContext, family: WatchedFamily, { kind, detail }: Unusual): Promise<void> =>
  transaction(context.db, async (trx) => {
    const { familyId, partnerId, suspends } = family;
    const nowMs = context.clock.wallMs();
    const told = await takeFromBucket(trx, `key:${familyId}`, `unusual-${kind}`, ONE_AN_HOUR, nowMs);
    if (!told.isAllowed) return;
    const reason = `unusual ${kind}: ${detail}`;
    const disabledIds = suspends ? await disableFamily(trx, familyId, reason, nowMs) : [];
    const keyIds = [...new Set([...disabledIds.filter((keyId) => !family.keyIds.includes(keyId)), ...family.keyIds])];
    const [newestId] = keyIds;
    const others = keyIds.length === 1 ? '' : `, or one of ${keyIds.length - 1} that it takes the place of,`;
    const what = `key ${newestId}${others} behaves unusually (${kind}): ${detail}`;
    const ended = keyIds.length === 1 ? 'It is disabled.' : 'All of them are disabled.';
    await raisePlatformAlarm(context, trx, {
      partnerId,
      about: `partner-key/${newestId}`,
      code: 'key.unusual',
      severity: suspends ? 'critical' : 'warning',
      detail: suspends ? `${what}. ${ended}` : what,
      nowMs,
    });
    for (const keyId of disabledIds)
      await recordAudit(trx, {
        atMs: nowMs,
        actor: { kind: 'system', id: 'key-watch', address: null },
        action: 'partner_key.disable',
        subject: { kind: 'partner-key', id: keyId },
        detail: { partner_id: partnerId, reason },
        correlationId: null,
      });
  });
