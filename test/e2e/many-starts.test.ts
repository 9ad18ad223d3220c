import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApiReply, PartnerClient } from '../../scripts/start/partner-client.ts';
import { connectorOf } from '../stand/small-site.ts';
import { type Block, openBlock } from '../torture/api/block.ts';
import { pilesOf } from '../torture/sync/town.ts';
import { eventually } from './charge.ts';
import { findMosquitto, isLeftOut } from './engines.ts';

/**
 * Goal: whoever asks at the same moment, and however often, at whichever process: a connector charges once, and a request is
 * executed once. Method: two processes of the API, one each of ingest and worker, PostgreSQL, Mosquitto, a real edge with simulated piles.
 */

const PARTNERS = 8;
const STARTS = 200;
const REPEATS = 1000;
/** Every twentieth repeat says something else under the same name. */
const OTHER_BODY_EVERY = 20;
/** When callers give up. On a machine with nothing else to do the last answer comes after 2 s. */
const ANSWER_WITHIN_MS = 10_000;
const [first = '', second = ''] = pilesOf('site-1');

const isWithout = isLeftOut(findMosquitto(), 'test/e2e/many-starts.test.ts', 'To run them: apt-get install mosquitto');

interface Timed extends ApiReply {
  readonly tookMs: number;
}

describe.skipIf(isWithout)('many starts at once through two processes of the API', { timeout: 60_000 }, () => {
  let block: Block;
  let clients: PartnerClient[][];

  const start = async (client: PartnerClient | undefined, requestId: string, pileId: string): Promise<Timed> => {
    if (client === undefined) throw new Error('no such client');
    const body = JSON.stringify({ request_id: requestId, connector_id: connectorOf(pileId) });
    const fromMs = performance.now();
    const reply = await client.send('POST', '/v1/operations/start', body);
    return { ...reply, tookMs: performance.now() - fromMs };
  };
  const rows = async <Row extends object>(text: string, ...values: string[]): Promise<Row[]> =>
    (await block.db.query(text, values)).rows;
  const ordersOf = (pileId: string) =>
    rows<{ order_id: string; request_id: string; state: string }>(
      'select order_id, request_id, state from orders where connector_id = $1',
      connectorOf(pileId),
    );
  const untilSeen = (pileId: string, status: string) =>
    eventually(`${pileId} is ${status}`, 20_000, async () => {
      const found = await clients[0]?.[0]?.get(`/v1/connectors/${connectorOf(pileId)}`);
      return found?.body.status === status;
    });

  beforeAll(async () => {
    block = await openBlock();
    const keys = await Promise.all(Array.from({ length: PARTNERS }, (_, i) => block.createPartner(`partner-${i + 1}`)));
    clients = keys.map((key) => block.clientsOf(key));
    for (const pileId of [first, second])
      await block.station.vehicle(pileId, { plugged: true, wantsCharge: true, soc: 0.2 });
    for (const pileId of [first, second]) await untilSeen(pileId, 'plugged');
  }, 60_000);
  afterAll(() => block?.close());

  test('OP-14 OP-22 of 200 simultaneous starts of eight partners one leads to a charge, and all others are refused and leave nothing behind', async () => {
    const replies = await Promise.all(
      Array.from({ length: STARTS }, (_, i) => start(clients[i % PARTNERS]?.[(i >> 3) % 2], `rush-${i}`, first)),
    );
    const [winner, ...others] = replies.filter(({ status }) => status === 202);
    expect([winner?.body.status, others]).toEqual(['accepted', []]);
    const refused = replies.filter(({ status }) => status !== 202);
    expect(new Set(refused.map(({ status, body }) => `${status} ${body.code}`))).toEqual(
      new Set(['409 connector.occupied']),
    );
    expect(Math.max(...replies.map(({ tookMs }) => tookMs))).toBeLessThan(ANSWER_WITHIN_MS);
    await eventually('the winner charges', 20_000, async () => (await ordersOf(first))[0]?.state === 'charging');
    expect(await ordersOf(first)).toEqual([
      { order_id: winner?.body.order_id, request_id: winner?.body.request_id, state: 'charging' },
    ]);
    expect(await rows(`select count(*)::int as n from operations`)).toEqual([{ n: 1 }]);
    expect(await rows(`select count(*)::int as n from commands`)).toEqual([{ n: 1 }]);
    expect((await block.station.pile(first)).contactorClosed).toBe(true);
  });

  test('OP-12 OP-15 a thousand repeats of one request through both processes are one execution with one answer, and another body is refused', async () => {
    const requestId = `again-${randomUUID()}`;
    const own = clients[1] ?? [];
    const replies = await Promise.all(
      Array.from({ length: REPEATS }, async (_, i) => {
        const isOther = i % OTHER_BODY_EVERY === 0;
        // Else one with the other body might be the first to come.
        if (isOther) await eventually('the first is in', 5000, async () => (await ordersOf(second)).length > 0);
        return { isOther, ...(await start(own[i % 2], requestId, isOther ? first : second)) };
      }),
    );
    const same = replies.filter(({ isOther }) => !isOther);
    expect(new Set(same.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1);
    expect(same[0]?.status).toBe(202);
    expect(same.filter(({ headers }) => headers.get('idempotency-hit') === null)).toHaveLength(1);
    const other = replies.filter(({ isOther }) => isOther);
    expect(new Set(other.map(({ status, body }) => `${status} ${body.code}`))).toEqual(
      new Set(['422 request_id.reused']),
    );
    expect(Math.max(...replies.map(({ tookMs }) => tookMs))).toBeLessThan(ANSWER_WITHIN_MS);
    expect(await rows(`select count(*)::int as n from operations where request_id = $1`, requestId)).toEqual([
      { n: 1 },
    ]);
    const { order_id: orderId } = same[0]?.body ?? {};
    await eventually('it charges', 20_000, async () => (await ordersOf(second))[0]?.state === 'charging');
    expect(await ordersOf(second)).toEqual([{ order_id: orderId, request_id: requestId, state: 'charging' }]);
    expect(await rows(`select count(*)::int as n from commands where order_id = $1`, orderId)).toEqual([{ n: 1 }]);
  });
});
