import { expect, test } from 'vitest';
import type { Cdr } from '#shared/wire/cdr.ts';
import { type ApiBooks, judgeApi } from './judge-api.ts';
import { planKills } from './plan.ts';

/** What the judge of `npm run torture -- api` finds: books that agree, and each way in which they do not. */

const accepted = JSON.stringify({ operation_id: 'op-1' });
const request = { partnerId: 'p', requestId: 'r-1', operationId: 'op-1', kind: 'start', orderId: 'o-1' };
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
const begun = { eventId: 'm-1', orderId: 'o-1', status: 'delivered', payloadSha256: 'a' };
const ended = { ...begun, eventId: 'm-2', payloadSha256: 'b' };
const attempt = { orderId: 'o-1', isSigned: true };
const lost = { ...attempt, webhookId: 'm-1', bodySha256: 'a', cameAs: 1, acceptedAs: null };
const told = { ...attempt, webhookId: 'm-1', bodySha256: 'a', cameAs: 2, acceptedAs: 3 };
const last = { ...attempt, webhookId: 'm-2', bodySha256: 'b', cameAs: 4, acceptedAs: 5 };
const attempts = [lost, told, last];
const charge = (sessionId: string, fromMs: number, toMs: number) =>
  ({ sessionId, connectorId: 'c', startedAt: { wallMs: fromMs }, endedAt: { wallMs: toMs } }) as Cdr;
const start = { orderId: 'o-1', outcome: 'succeeded', told: ['charge.started', 'charge.ended'] };

const good: ApiBooks = {
  sent: [first, repeated, refused],
  unanswered: new Set(),
  requests: [request],
  deliveries: [begun, ended],
  attempts,
  cdrs: [charge('s-1', 0, 10), charge('s-2', 10, 20)],
  starts: [start],
};

test('books that agree give no complaint', () => {
  expect(judgeApi(good)).toEqual([]);
  const away = { ...refusal, status: 503, code: 'platform.unavailable', retryAfter: '2', sentAs: 7, answeredAs: 8 };
  expect(judgeApi({ ...good, sent: [...good.sent, away, { ...away, requestId: 'r-1' }] })).toEqual([]);
  const failed = { ...start, outcome: 'failed operation.timed_out', told: ['charge.start_failed'] };
  expect(judgeApi({ ...good, starts: [failed] })).toEqual([]);
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
  ['two executions', { requests: [request, { ...request, operationId: 'op-2' }] }, /is 2 operations/],
  ['accepted and lost', { requests: [] }, /was accepted, and is not there/],
  ['refused, with an order', { requests: [request, { ...request, requestId: 'r-2' }] }, /was refused, and has order/],
  ['an order of nobody', { requests: [request, { ...request, requestId: 'r-3' }] }, /nobody has asked for p r-3/],
  ['an event is waiting', { deliveries: [begun, { ...ended, status: 'pending' }] }, /m-2 is pending/],
  ['an event never came', { attempts: attempts.slice(0, 2) }, /m-2 was never accepted/],
  ['an event was never accepted', { attempts: attempts.map((one) => ({ ...one, acceptedAs: null })) }, /m-2 was never/],
  ['repeated with other bytes', { attempts: [{ ...lost, bodySha256: 'x' }, told, last] }, /with other bytes/],
  ['repeated under another name', { attempts: [...attempts, { ...told, webhookId: 'm-9' }] }, /m-9 is no event/],
  ['not signed', { attempts: [...attempts.slice(0, 2), { ...last, isSigned: false }] }, /was not signed/],
  ['the end first', { attempts: [{ ...last, cameAs: 0, acceptedAs: 1 }, lost, told] }, /out of its order/],
  ['the begin once more after the end', { attempts: [...attempts, { ...told, cameAs: 6 }] }, /out of its order/],
  ['two charges at once', { cdrs: [charge('s-1', 0, 10), charge('s-2', 9, 20)] }, /at the same time/],
  ['told other than it is', { starts: [{ ...start, outcome: 'failed x' }] }, /is failed x, and was told as/],
  [
    'told both',
    { starts: [{ ...start, told: ['charge.start_failed', 'charge.ended'] }] },
    /is succeeded, and was told/,
  ],
])('%s', (_, change, complaint) => {
  expect(judgeApi({ ...good, ...change }).join('\n')).toMatch(complaint);
});

test('a seed names its plan, and everything is killed', () => {
  expect(planKills(7, 600_000)).toEqual(planKills(7, 600_000));
  const targets = new Set(
    Array.from({ length: 10 }, (_, seed) => planKills(seed, 120_000))
      .flat()
      .map(({ target }) => target),
  );
  expect([...targets].sort()).toEqual(['api-1', 'api-2', 'broker', 'database', 'edge', 'ingest', 'worker']);
});
