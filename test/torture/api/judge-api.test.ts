import { expect, test } from 'vitest';
import type { Cdr } from '#shared/wire/cdr.ts';
import { type ApiBooks, judgeApi } from './judge-api.ts';
import type { BookedReservation } from './judge-reservations.ts';
import { Moments } from './moments.ts';
import { planKills } from './plan.ts';

/** What the judge of `npm run torture -- api` finds: books that agree, and each way in which they do not. */

const accepted = JSON.stringify({ operation_id: 'op-1' });
const request = {
  partnerId: 'p',
  requestId: 'r-1',
  operationId: 'op-1',
  kind: 'start',
  orderId: 'o-1',
  reservationId: null,
  presents: null,
  outcome: 'succeeded',
};
const answer = {
  partnerId: 'p',
  requestId: 'r-1',
  kind: 'start',
  status: 202,
  code: null,
  retryAfter: null,
  body: accepted,
};
const first = { ...answer, sentAs: 1, answeredAs: 3 };
const repeated = { ...answer, sentAs: 4, answeredAs: 5 };
const refusal = { ...answer, requestId: 'r-2', status: 409, code: 'connector.occupied', body: 'no' };
const refused = { ...refusal, sentAs: 2, answeredAs: 6 };
const begun = { eventId: 'm-1', lane: 'o-1', status: 'delivered', payloadSha256: 'a' };
const ended = { ...begun, eventId: 'm-2', payloadSha256: 'b' };
const attempt = { orderId: 'o-1', isSigned: true };
const lost = { ...attempt, webhookId: 'm-1', bodySha256: 'a', cameAs: 1, acceptedAs: null };
const told = { ...attempt, webhookId: 'm-1', bodySha256: 'a', cameAs: 2, acceptedAs: 3 };
const last = { ...attempt, webhookId: 'm-2', bodySha256: 'b', cameAs: 4, acceptedAs: 5 };
const attempts = [lost, told, last];
const charge = (sessionId: string, fromMs: number, toMs: number, orderId = 'o-1') =>
  ({
    sessionId,
    orderId,
    connectorId: 'c',
    startedAt: { wallMs: fromMs },
    endedAt: { wallMs: toMs },
    energyWh: 40,
    rating: { totalMinor: 7 },
    voidReason: null,
  }) as Cdr;
const end = { sessionId: 's-1', energyWh: 40, amountMinor: 7 };
const reserve = {
  ...request,
  kind: 'reserve',
  requestId: 'v-1',
  operationId: 'op-v',
  orderId: null,
  reservationId: 'v',
};
const cancel = { ...reserve, kind: 'cancel-reservation', requestId: 'v-2', operationId: 'op-c' };
const reservation: BookedReservation = {
  reservationId: 'v',
  connectorId: 'c',
  state: 'cancelled',
  activeAtMs: 30,
  endedAtMs: 40,
  orderId: null,
  told: ['reservation.active', 'reservation.ended'],
};
/** Somebody begins meanwhile, and nothing comes of it: the holder himself, who may try again. */
const around = { ...reservation, activeAtMs: 9, endedAtMs: 15 };
const used = { ...reservation, state: 'used', activeAtMs: -5, endedAtMs: 5, orderId: 'o-1' };
/** A charge that was begun with it. */
const reserved = { ...charge('s-1', 0, 10), reservation: { heldMs: 5 } };
const reserving = [reserve, cancel].map((one) => ({
  ...answer,
  ...{ requestId: one.requestId, kind: one.kind, body: JSON.stringify({ operation_id: one.operationId }) },
  ...{ sentAs: 1, answeredAs: 3 },
}));
const start = { orderId: 'o-1', outcome: 'succeeded', told: ['charge.started', 'charge.ended'] };

const good: ApiBooks = {
  sent: [first, repeated, refused, ...reserving],
  unanswered: new Set(),
  requests: [request, reserve, cancel],
  deliveries: [begun, ended],
  attempts,
  cdrs: [charge('s-1', 0, 10), charge('s-2', 10, 20, 'o-2')],
  ends: [end],
  reservations: [reservation],
  changed: [],
  starts: [start],
};

test('books that agree give no complaint', () => {
  expect(judgeApi(good)).toEqual([]);
  const away = { ...refusal, status: 503, code: 'platform.unavailable', retryAfter: '2', sentAs: 7, answeredAs: 8 };
  expect(judgeApi({ ...good, sent: [...good.sent, away, { ...away, requestId: 'r-1' }] })).toEqual([]);
  const failed = { ...start, outcome: 'failed operation.timed_out', told: ['charge.start_failed'] };
  expect(judgeApi({ ...good, starts: [failed] })).toEqual([]);
  expect(judgeApi({ ...good, reservations: [around] })).toEqual([]);
  const nothing = { ...charge('s-1', 0, 10), voidReason: 'not-confirmed' } as Cdr;
  expect(judgeApi({ ...good, cdrs: [nothing], ends: [{ ...end, amountMinor: null }] })).toEqual([]);
  const late = { ...cancel, outcome: 'failed reservation.not_active' };
  const isUsed = { reservations: [used], cdrs: [reserved] };
  expect(judgeApi({ ...good, ...isUsed, requests: [request, reserve, late] })).toEqual([]);
  const begins = { ...request, requestId: 'r-9', orderId: 'o-2', presents: 'v' };
  const goesOn = judgeApi({ ...good, reservations: [around], requests: [...good.requests, begins] }).join('\n');
  expect(goesOn, 'given back while the start of the holder was under way').not.toMatch(/while reservation/);
  const takenBack = { ...request, outcome: 'failed command.cancelled' };
  const unheardStart = { ...start, outcome: takenBack.outcome, told: ['charge.start_failed'] };
  for (const voidReason of ['not-confirmed', 'cancelled'] as const) {
    const unheard = {
      reservations: [used],
      cdrs: [{ ...reserved, voidReason }],
      ends: [{ ...end, amountMinor: null }],
    };
    expect(judgeApi({ ...good, ...unheard, requests: [takenBack, reserve, late], starts: [unheardStart] })).toEqual([]);
  }
  const rejected = { ...reservation, state: 'rejected', activeAtMs: null, told: ['reservation.ended'] };
  const timedOut = { ...reserve, outcome: 'failed operation.timed_out' };
  expect(judgeApi({ ...good, reservations: [rejected], requests: [request, timedOut, cancel] })).toEqual([]);
});

test.each<[string, Partial<ApiBooks>, RegExp]>([
  ['a fault of the platform', { sent: [first, { ...refused, status: 500 }] }, /answered with 500/],
  ['away, and for how long is not told', { sent: [first, { ...refused, status: 503 }] }, /Retry-After null/],
  ['a code that nobody knows', { sent: [first, { ...refused, code: 'undefined' }] }, /answered with 409/],
  ['another answer', { sent: [first, { ...repeated, body: '{"operation_id":"op-1","x":1}' }] }, /more than one way/],
  [
    'refused after it was accepted',
    { sent: [first, { ...repeated, status: 409, code: 'site.offline', body: '' }] },
    /more than one/,
  ],
  ['two executions', { requests: [...good.requests, { ...request, operationId: 'op-2' }] }, /is 2 operations/],
  ['accepted and lost', { requests: [] }, /was accepted, and is not there/],
  [
    'refused, with an order',
    { requests: [...good.requests, { ...request, requestId: 'r-2' }] },
    /was refused, and is operation/,
  ],
  [
    'an order of nobody',
    { requests: [...good.requests, { ...request, requestId: 'r-3' }] },
    /nobody has asked for p r-3/,
  ],
  ['an event is waiting', { deliveries: [begun, { ...ended, status: 'pending' }] }, /m-2 is pending/],
  ['an event never came', { attempts: attempts.slice(0, 2) }, /m-2 was never accepted/],
  ['an event was never accepted', { attempts: attempts.map((one) => ({ ...one, acceptedAs: null })) }, /m-2 was never/],
  ['repeated with other bytes', { attempts: [{ ...lost, bodySha256: 'x' }, told, last] }, /with other bytes/],
  ['repeated under another name', { attempts: [...attempts, { ...told, webhookId: 'm-9' }] }, /m-9 is no event/],
  ['not signed', { attempts: [...attempts.slice(0, 2), { ...last, isSigned: false }] }, /was not signed/],
  ['the end first', { attempts: [{ ...last, cameAs: 0, acceptedAs: 1 }, lost, told] }, /out of its order/],
  ['the begin once more after the end', { attempts: [...attempts, { ...told, cameAs: 6 }] }, /out of its order/],
  ['an end told other than recorded', { ends: [{ ...end, energyWh: 41 }] }, /41 Wh for 7, and its record says/],
  ['another bill told than recorded', { ends: [{ ...end, amountMinor: null }] }, /40 Wh for null, and its record says/],
  [
    'two outcomes',
    { changed: ['operations op-1 was failed, and became succeeded'] },
    /final, and changed: operations op-1/,
  ],
  ['a hold without an end', { reservations: [{ ...reservation, state: 'active' }] }, /v is still active/],
  [
    'its end never told',
    { reservations: [{ ...reservation, told: reservation.told.slice(0, 1) }] },
    /v is cancelled, and was/,
  ],
  [
    'its end told twice',
    { reservations: [{ ...reservation, told: [...reservation.told, 'reservation.ended'] }] },
    /v is cancelled, and was told/,
  ],
  [
    'held, and the reserve failed',
    { requests: [request, { ...reserve, outcome: 'failed x' }, cancel] },
    /reserve op-v is failed x/,
  ],
  [
    'given back in vain',
    { requests: [request, reserve, { ...cancel, outcome: 'failed x' }] },
    /cancel-reservation op-c is failed/,
  ],
  [
    'charged beside the one who holds',
    { reservations: [around], requests: [...good.requests, { ...request, requestId: 'r-9', orderId: 'o-2' }] },
    /s-2 began at c while/,
  ],
  [
    'billed, and given back as well',
    { cdrs: [reserved, charge('s-2', 10, 20, 'o-2')] },
    /s-1 has used none, and its record says otherwise/,
  ],
  ['used, and not billed', { reservations: [used] }, /s-1 has used a reservation, and its record says otherwise/],
  [
    'used by nobody',
    { reservations: [{ ...used, orderId: 'o-9' }] },
    /v is used by order o-9, which has charged 0 times/,
  ],
  [
    'used by a charge that is billed, and its start has failed',
    { reservations: [used], requests: [{ ...request, outcome: 'failed x' }, reserve, cancel] },
    /v is used by order o-1, which has charged 1 times/,
  ],
  [
    'held for two at a time',
    { reservations: [reservation, { ...reservation, reservationId: 'w', activeAtMs: 35, endedAtMs: 45 }] },
    /v and w held c at a time/,
  ],
  ['two charges at once', { cdrs: [charge('s-1', 0, 10), charge('s-2', 9, 20)] }, /at the same time/],
  ['told other than it is', { starts: [{ ...start, outcome: 'failed x' }] }, /is failed x, and was told as/],
  [
    'told both',
    { starts: [{ ...start, told: ['charge.start_failed', 'charge.ended'] }] },
    /was given up, and it has charged/,
  ],
  ['told of no end', { starts: [{ ...start, told: [] }] }, /is succeeded, and was told as \[\]/],
])('%s', (_, change, complaint) => {
  expect(judgeApi({ ...good, ...change }).join('\n')).toMatch(complaint);
});

test('a seed names its plan, and everything is killed', () => {
  expect(planKills(7, 600_000)).toEqual(planKills(7, 600_000));
  const targets = new Set(
    Array.from({ length: 40 }, (_, seed) => planKills(seed, 120_000))
      .flat()
      .map(({ target }) => target),
  );
  expect([...targets].sort()).toEqual(['api-1', 'api-2', 'asked', 'broker', 'database', 'edge', 'ingest', 'worker']);
});

test('whoever waits for a moment is woken by the next of its kind, once', async () => {
  const moments = new Moments();
  const woken: (number | null)[] = [];
  const waiting = moments.next('sent').then((which) => woken.push(which));
  moments.is('told');
  moments.is('sent', 1);
  moments.is('sent', 0);
  await waiting;
  expect(woken).toEqual([1]);
});
