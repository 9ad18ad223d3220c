import { createHash } from 'node:crypto';
import { registerWebhook } from '../../../scripts/start/walk.ts';
import { counts } from '../counts.ts';
import { type Booked, type Books, readBooks, stillUnderWay } from '../sync/books.ts';
import { judgeBooks } from '../sync/judge.ts';
import { pass } from '../sync/supervised.ts';
import { pilesOf } from '../sync/town.ts';
import { outcomeText, type Visit, Visitors } from '../sync/visits.ts';
import { type Block, openBlock, SITE } from './block.ts';
import { Hands } from './hands.ts';
import { type ApiBooks, judgeApi } from './judge-api.ts';
import { MoodyReceiver } from './moody-receiver.ts';
import { type PlannedKill, planKills } from './plan.ts';

export interface ApiOptions {
  readonly seed: number;
  /** For how long there are kills, in minutes. */
  readonly minutes: number;
  readonly onEvent?: (line: string) => void;
}

export interface ApiReport {
  readonly seed: number;
  readonly kills: number;
  readonly killsByTarget: Readonly<Record<string, number>>;
  readonly visits: number;
  readonly requests: number;
  readonly unanswered: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly operations: Readonly<Record<string, number>>;
  readonly orderStates: Readonly<Record<string, number>>;
  readonly cdrs: number;
  readonly events: number;
  readonly attempts: number;
  /** From the end of the last kill until nothing was under way any more. */
  readonly drainedMs: number;
  readonly complaints: readonly string[];
  /** Where logs and stores are; null: they were not kept, because nothing was wrong. */
  readonly folder: string | null;
}

/** As long as a lease of a killed worker, and the deadlines of starts that nobody answers. */
const DRAINED_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 300;
/** What does not come of itself is not waited for. */
const MOMENT_WITHIN_MS = 3000;
const MOODINESS = 0.35;
const START_TIMEOUT_S = 12;
const START_SILENCE_S = 20;

/**
 * Partners start and stop charges through two processes of the API, and are told by webhooks that they do not always take, while every
 * part of the system is killed again and again, in the middle of that. Then all is quiet, and all books are compared.
 */
export async function tortureApi({ seed, minutes, onEvent = () => {} }: ApiOptions): Promise<ApiReport> {
  const receivers = [
    await MoodyReceiver.listen(seed, MOODINESS),
    await MoodyReceiver.listen(seed + 1, MOODINESS),
  ] as const;
  const block = await openBlock({
    startTimeoutS: START_TIMEOUT_S,
    startSilenceS: START_SILENCE_S,
    receivers: receivers.map(({ hostPort }) => hostPort),
  });
  let report: ApiReport | null = null;
  try {
    onEvent(`folder ${block.folder}`);
    const hands = await openHands(block, receivers, seed);
    const booked: Booked = {
      sites: [SITE],
      parts: { 'site-1': block.programs.edge, 'site-2': block.programs.edge },
      ledgerFile: () => block.ledgerFile,
      station: block.station,
      db: block.db,
      receiver: {
        get events() {
          return receivers.flatMap(({ events }) => events);
        },
      },
    };
    const plan = planKills(seed, minutes * 60_000);
    const visits = await chargeThrough(block, booked, { hands, receivers, plan, seed, onEvent });
    for (const receiver of receivers) receiver.moodiness = 0;
    const quietAtMs = performance.now();
    const left = await drained(booked);
    const drainedMs = Math.round(performance.now() - quietAtMs);
    const books = await readBooks(booked);
    const apiBooks = await readApiBooks(block, books, hands, receivers);
    const complaints = [
      ...left.map((what) => `not over after ${DRAINED_WITHIN_MS} ms: ${what}`),
      ...Object.values(block.programs).flatMap(({ name, endedByItself }) =>
        endedByItself.map((how) => `${name} has ended by itself: ${how}`),
      ),
      ...judgeBooks(books, visits),
      ...judgeApi(apiBooks),
    ];
    const figures = { ...reportOf(seed, plan, books, apiBooks), visits: visits.length, drainedMs, complaints };
    report = { ...figures, folder: complaints.length === 0 ? null : block.folder };
    return report;
  } finally {
    await block.close(report === null || report.complaints.length > 0);
    await Promise.all(receivers.map((receiver) => receiver.close()));
  }
}

async function openHands(block: Block, receivers: readonly MoodyReceiver[], seed: number): Promise<Hands> {
  const [own, rival] = await Promise.all(
    ['busy', 'rival'].map(async (partnerId, i) => {
      const clients = block.clientsOf(await block.createPartner(partnerId));
      const [client, receiver] = [clients[0], receivers[i]];
      if (client === undefined || receiver === undefined) throw new TypeError('no partner without both');
      await registerWebhook(client, receiver);
      return { partnerId, clients };
    }),
  );
  if (own === undefined || rival === undefined) throw new TypeError('two partners were made');
  return new Hands(own, rival, seed);
}

interface Trial {
  readonly hands: Hands;
  readonly receivers: readonly MoodyReceiver[];
  readonly plan: readonly PlannedKill[];
  readonly seed: number;
  readonly onEvent: (line: string) => void;
}

async function chargeThrough(block: Block, booked: Booked, trial: Trial): Promise<Visit[]> {
  let isOver = false;
  const visited = { ...booked, partner: trial.hands };
  const visitors = pilesOf(SITE).map(
    (pileId, i) => new Visitors(visited, SITE, pileId, trial.seed * 100 + i, () => isOver),
  );
  const charging = Promise.all(visitors.map((one) => one.run()));
  const busy = new Map<string, Promise<void>>();
  for (const kill of trial.plan) {
    await Promise.race([pass(kill.afterMs), charging]);
    await Promise.race([momentOf(kill, trial), pass(MOMENT_WITHIN_MS), charging]);
    await pass(kill.lateMs);
    const turn = (busy.get(kill.target) ?? Promise.resolve()).then(async () => {
      trial.onEvent(`${kill.target} killed during ${kill.during ?? 'anything'}, for ${kill.downMs} ms`);
      await killAndRestart(block, kill);
    });
    busy.set(kill.target, turn);
  }
  await Promise.all(busy.values());
  trial.onEvent('all is healed');
  isOver = true;
  await charging;
  return visitors.flatMap(({ visits }) => visits);
}

async function momentOf({ during }: PlannedKill, { hands, receivers }: Trial): Promise<void> {
  if (during === 'order') await hands.nextOrder();
  if (during === 'delivery') await Promise.race(receivers.map((receiver) => receiver.nextComing()));
}

async function killAndRestart({ programs, broker, database }: Block, { target, downMs }: PlannedKill): Promise<void> {
  if (target !== 'broker' && target !== 'database') return await programs[target].trouble('SIGKILL', downMs);
  const engine = target === 'broker' ? broker : database;
  // A killed postmaster leaves its children behind for a moment; SIGQUIT ends them all at once, without a checkpoint.
  await engine.kill(target === 'broker' ? 'SIGKILL' : 'SIGQUIT');
  await pass(downMs);
  await engine.restart();
}

/** @returns what was not over in time */
async function drained(booked: Booked): Promise<string[]> {
  const untilMs = performance.now() + DRAINED_WITHIN_MS;
  for (;;) {
    const left = await stillUnderWay(booked);
    if (left.length === 0 || performance.now() > untilMs) return left;
    await pass(LOOK_EVERY_MS);
  }
}

async function readApiBooks(
  { db }: Block,
  books: Books,
  hands: Hands,
  receivers: readonly MoodyReceiver[],
): Promise<ApiBooks> {
  const requests = await db.query<{
    partner_id: string;
    request_id: string;
    operation_id: string;
    kind: string;
    order_id: string;
    status: string;
    code: string | null;
  }>('select partner_id, request_id, operation_id, kind, order_id, status, code from operations');
  const deliveries = await db.query<{ event_id: string; order_id: string | null; status: string; payload: string }>(
    `select event_id, order_id, status, payload from webhook_deliveries join webhook_events using (event_id)
     order by delivery_id`,
  );
  const told = new Map(books.orders.map((order) => [order.orderId, order.told]));
  return {
    sent: hands.sent,
    unanswered: hands.open,
    requests: requests.rows.map((row) => ({
      partnerId: row.partner_id,
      requestId: row.request_id,
      operationId: row.operation_id,
      kind: row.kind,
      orderId: row.order_id,
    })),
    deliveries: deliveries.rows.map((row) => ({
      eventId: row.event_id,
      orderId: row.order_id,
      status: row.status,
      payloadSha256: createHash('sha256').update(row.payload).digest('hex'),
    })),
    // Each receiver counts for itself; an order is told to one of them.
    attempts: receivers.flatMap(({ attempts }) => attempts),
    cdrs: books.cdrs,
    starts: requests.rows
      .filter(({ kind }) => kind === 'start')
      .map((row) => ({
        orderId: row.order_id,
        outcome: outcomeText(row.status, row.code),
        told: told.get(row.order_id) ?? [],
      })),
  };
}

function reportOf(seed: number, plan: readonly PlannedKill[], books: Books, apiBooks: ApiBooks) {
  const { sent, unanswered, deliveries, attempts } = apiBooks;
  return {
    seed,
    kills: plan.length,
    killsByTarget: counts(plan.map(({ target }) => target)),
    requests: sent.length,
    unanswered: unanswered.size,
    answers: counts(sent.map(({ status, code }) => `${status} ${code ?? ''}`.trim())),
    operations: counts(books.operations.map(({ outcome }) => outcome)),
    orderStates: counts(books.orders.map(({ state }) => state)),
    cdrs: books.cdrs.length,
    events: deliveries.length,
    attempts: attempts.length,
  };
}
