import { expect, test } from 'vitest';
import type { ReservationEndReason } from '#shared/wire/records.ts';
import { Holds } from './holds.ts';
import { ReservationBooks, type Row } from './reservation-books.ts';
import { simTariff } from './stage.ts';
import { Violations } from './violations.ts';

const MINUTE = 60_000;
const ID = '7b6a1c1e-2f77-4d2a-9a55-0f6c8c2f3a10';
const { flatMinor, noShowMinor } = simTariff.reservation;

/** Held from 0 for half an hour; its partner gives it back after ten minutes. */
const row: Row = {
  reservation_id: ID,
  site_id: 's1',
  state: 'cancelled',
  end_reason: 'cancelled',
  cancelled_by: 'partner',
  until_ms: 30 * MINUTE,
  active_at_ms: 0,
  ended_at_ms: 10 * MINUTE,
  held_ms: 10 * MINUTE,
  fee: JSON.stringify({ totalMinor: flatMinor + 20 }),
  given_back_at_ms: 10 * MINUTE,
  session_id: null,
  kept_out_code: null,
  starts: '',
  told: 'reservation.active reservation.ended',
};

interface Site {
  readonly reason: ReservationEndReason;
  readonly heldMs: number;
  /** When the cloud has heard of it. */
  readonly toldMs: number;
}

/** Its site was away all the time, and has let it run out. */
const unheard: Site = { reason: 'expired', heldMs: 30 * MINUTE, toldMs: 31 * MINUTE };

/** What the books say does not hold. */
async function judged(
  change: Partial<Row>,
  { reason, heldMs, toldMs }: Site = unheard,
  billed: object[] = [],
): Promise<string[]> {
  let nowMs = 0;
  const violations = new Violations(() => nowMs);
  const holds = new Holds('s1', () => nowMs, violations);
  const told = { reservationId: ID, connectorId: 'c1' };
  holds.note({ kind: 'reservation.active', ...told, commandId: ID, pileId: 'p1', untilMs: 30 * MINUTE });
  nowMs = Math.max(heldMs, 10 * MINUTE);
  holds.note({ kind: 'reservation.ended', ...told, reason, heldMs, sessionId: null, detail: null });
  const answers: readonly (readonly [string, object[]])[] = [
    ['from reservations r left join', [{ ...row, ...change }]],
    ['from site_records', [{ body: JSON.stringify(told), received_at_ms: toldMs }]],
    ['from cdrs where document::jsonb', billed],
  ];
  const ask = <Asked>(sql: string): Promise<Asked[]> =>
    Promise.resolve((answers.find(([part]) => sql.includes(part))?.[1] ?? []) as Asked[]);
  const books = new ReservationBooks(ask, [{ siteId: 's1', process: null, holds }], violations, () => nowMs);
  await books.check();
  await books.checkSettled();
  return violations.found.map(({ invariant }) => invariant);
}

const asExpired = {
  state: 'expired',
  end_reason: 'expired',
  ended_at_ms: 30 * MINUTE,
  held_ms: 30 * MINUTE,
  fee: JSON.stringify({ totalMinor: flatMinor + 60 + noShowMinor }),
} as const;
const late: Site = { ...unheard, toldMs: 40 * MINUTE };
const heard: Site = { reason: 'cancelled', heldMs: 22 * MINUTE, toldMs: 22 * MINUTE };

const asRunOut = { ...asExpired, cancelled_by: null, given_back_at_ms: null };
const asCame = JSON.stringify({ totalMinor: flatMinor + 60 });
const asReleased = { ...asRunOut, state: 'released', end_reason: 'kept-out', fee: null } as const;

test.each<[string, Partial<Row>, Site]>([
  ['of which its site has not heard', {}, unheard],
  ['whose end the site has told long after', {}, late],
  ['of which its site has heard late', {}, heard],
  ['that nobody has given back', asRunOut, unheard],
  ['to which somebody came whose start failed', { ...asRunOut, starts: 'connector.not_plugged', fee: asCame }, unheard],
  ['to which somebody came who was kept out', { ...asReleased, kept_out_code: 'site.offline' }, unheard],
  ['to which somebody came whom the pile refused', { ...asReleased, starts: '- connector.faulted' }, late],
  ['to which somebody came whose start was lost', { ...asReleased, starts: 'unheard' }, unheard],
  ['whose start was under way as it was given back', { starts: 'unheard' }, unheard],
])('OP-24 the books take a reservation as it is %s', async (_, change, site) => {
  expect(await judged(change, site)).toEqual([]);
});

const disagree = 'the cloud and the site agree on how a reservation has ended';
const tooLong = 'a reservation is billed until it is given back';
test.each<[string, Partial<Row>, Site, string]>([
  ['has run out for the site', asExpired, unheard, disagree],
  ['has run out because nobody told its end', asExpired, late, disagree],
  ['is billed until the site has heard', { held_ms: 22 * MINUTE }, heard, tooLong],
  ['is billed until its end', { held_ms: 30 * MINUTE }, late, tooLong],
  ['is billed for less', { held_ms: 9 * MINUTE }, unheard, tooLong],
  ['is billed for longer than it was held', {}, { ...heard, heldMs: 8 * MINUTE }, tooLong],
  ['ends when the site has heard', { ended_at_ms: 22 * MINUTE }, heard, 'a reservation ends when it is given back'],
  ['costs as if nobody had come', { fee: asExpired.fee }, unheard, 'a fee is what the tariff says'],
  ['has cost who was kept out', { kept_out_code: 'site.offline' }, unheard, 'a fee is what the tariff says'],
  ['has cost whose start was lost', { ...asRunOut, starts: 'unheard', fee: asCame }, unheard, disagree],
  ['was never asked to be cancelled', { given_back_at_ms: null }, unheard, disagree],
])('OP-24 and not one that was given back in time and %s', async (_, change, site, invariant) => {
  expect(await judged(change, site)).toContain(invariant);
});

test('OP-24 and not one whose price is on the bill of a charge as well', async () => {
  const billed = [{ site_id: 's1', session_id: 's' }];
  expect(await judged({}, heard, billed)).toContain('a reservation is paid once');
});
