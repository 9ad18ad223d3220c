import { afterAll, beforeAll, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Caller } from '../partners/caller.ts';
import { systemTimers } from '../system-timers.ts';
import { openStream, type StatusLog, type Stream, type StreamOptions } from './stream.ts';

/** A log that never ends, of pages of half a megabyte. */
const PAGE = 2_000;
const endless: StatusLog = {
  pageAfter: (position) =>
    Promise.resolve({
      floor: 0,
      regranted: new Set(),
      changes: Array.from({ length: PAGE }, (_, n) => ({
        position: position + n + 1,
        connector_id: `c${n}`,
        site_id: 'site',
        pile_id: 'pile',
        environment: 'sandbox' as const,
        status: 'available',
        previous_status: 'plugged',
        plugged: null,
        observed_at_ms: 0,
        observation_age_ms: 0,
        received_at_ms: 0,
        changed_at_ms: 0,
      })),
    }),
  snapshot: () => Promise.resolve({ position: 0, statuses: [], usableSites: new Set(['site']) }),
  nowMs: () => 0,
};

/** One in which nothing changes. */
const quiet: StatusLog = {
  ...endless,
  pageAfter: () => Promise.resolve({ changes: [], floor: 0, regranted: new Set() }),
};

let server: WebSocketServer;
beforeAll(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
});
afterAll(() => server?.close());

async function pair(): Promise<{ here: WebSocket; there: WebSocket }> {
  const { WebSocket: Client } = await import('ws');
  const address = server.address();
  if (typeof address === 'string' || address === null) throw new Error('no port');
  const came = new Promise<WebSocket>((resolve) => {
    server.once('connection', resolve);
  });
  const there = new Client(`ws://127.0.0.1:${address.port}`);
  await new Promise((resolve) => there.once('open', resolve));
  return { here: await came, there };
}

const caller: Caller = { partnerId: 'p', keyId: 'k', familyId: 'k', environment: 'sandbox', scopes: ['read'] };
const mayReadOrders: Caller = { ...caller, scopes: ['read', 'orders'] };

/** A stream of one station, which must take each message within 300 ms. */
const openHere = (
  socket: WebSocket,
  log: StatusLog,
  change: Pick<StreamOptions, 'begin'> & Partial<StreamOptions>,
): Stream =>
  openStream({
    streamId: 's',
    socket,
    caller,
    address: '127.0.0.1',
    siteId: null,
    usableSites: new Set(['site']),
    takenWithinMs: 300,
    log,
    timers: systemTimers,
    onFailed: (error) => {
      throw error;
    },
    ...change,
  });

test('OP-11 one that takes nothing is cut with a code that says so, and has never had more than a page waiting for it', async () => {
  const { here, there } = await pair();
  there.pause();
  let most = 0;
  const stream = openHere(here, endless, { begin: { position: 0 } });
  const closed = new Promise<number>((resolve) => {
    there.once('close', (code) => resolve(code));
  });
  const watch = setInterval(() => {
    most = Math.max(most, here.bufferedAmount);
    stream.wake();
  }, 5);
  await expect.poll(() => here.readyState).toBe(here.CLOSING);
  clearInterval(watch);
  there.resume();
  expect(await closed).toBe(4002);
  expect(most).toBeGreaterThan(0);
  const pageBytes = JSON.stringify((await endless.pageAfter(0)).changes).length * 2;
  expect(most).toBeLessThan(pageBytes);
});

test('OP-11 one that does not answer that it lives is given up', async () => {
  const { here, there } = await pair();
  const stream = openHere(here, quiet, { begin: { reason: 'begin' }, onFailed: () => undefined });
  const answered = new Promise((resolve) => here.once('pong', resolve));
  stream.beat();
  await answered;
  stream.beat();
  expect(here.readyState).toBe(here.OPEN);
  there.pause();
  await new Promise((resolve) => setTimeout(resolve, 50));
  stream.beat();
  stream.beat();
  await expect.poll(() => here.readyState).toBe(here.CLOSED);
  there.terminate();
});

const chargesAt = (observedAtMs: number) =>
  Array.from({ length: PAGE }, (_, n) => ({
    orderId: crypto.randomUUID(),
    partnerId: 'p',
    environment: 'sandbox' as const,
    siteId: 'site',
    connectorId: `c${n}`,
    charge: { startedAtMs: 0, meterStartWh: 0, tariff: null, heldMs: null },
    live: { energyWh: 1, powerW: 1, socPercent: 1, observedAtMs, observationAgeMs: 0, receivedAtMs: 0 },
  }));

test('OP-18 one that takes nothing has no more than a message of progress waiting for it, however often it changes', async () => {
  const { here, there } = await pair();
  const stream = openHere(here, quiet, { begin: { reason: 'begin' }, caller: mayReadOrders });
  there.pause();
  const closed = new Promise<number>((resolve) => {
    there.once('close', (code) => resolve(code));
  });
  let rounds = 0;
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, here.bufferedAmount);
    rounds += 1;
    stream.takeProgress(chargesAt(rounds));
  }, 5);
  await expect.poll(() => here.readyState, { timeout: 20_000 }).toBe(here.CLOSING);
  clearInterval(watch);
  there.resume();
  expect(await closed).toBe(4002);
  expect(rounds).toBeGreaterThan(10);
  expect(most).toBeLessThan(100_000);
});

test('OP-18 a change does not wait until all progress is told', async () => {
  const { here, there } = await pair();
  const [change] = (await endless.pageAfter(0)).changes;
  let looks = 0;
  const oneChange: StatusLog = {
    ...endless,
    pageAfter: () => {
      looks += 1;
      return Promise.resolve({
        changes: looks === 2 && change !== undefined ? [change] : [],
        floor: 0,
        regranted: new Set(),
      });
    },
  };
  const told: string[] = [];
  there.on('message', (data) => told.push(JSON.parse(String(data)).type));
  const stream = openHere(here, oneChange, { begin: { position: 0 }, takenWithinMs: 10_000, caller: mayReadOrders });
  stream.takeProgress(chargesAt(1).slice(0, 450));
  await expect.poll(() => told).toEqual(['heartbeat', 'progress', 'changes', 'progress', 'progress']);
  there.terminate();
});
