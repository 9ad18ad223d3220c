import { registerWebhook } from '../../../scripts/start/walk.ts';
import { counts } from '../counts.ts';
import { type Booked, type Books, readBooks, stillUnderWay } from '../sync/books.ts';
import { judgeBooks } from '../sync/judge.ts';
import { pass } from '../sync/supervised.ts';
import { kebaStation } from '../sync/town.ts';
import type { Visit } from '../sync/visits.ts';
import { APIS, type Block, openBlock, SITE } from './block.ts';
import { Drivers } from './driver.ts';
import { Hands } from './hands.ts';
import { type ApiBooks, judgeApi } from './judge-api.ts';
import { Moments, overhear } from './moments.ts';
import { MoodyReceiver } from './moody-receiver.ts';
import { type PlannedKill, planKills, type Target } from './plan.ts';
import { readApiBooks } from './read-books.ts';
import { Sight } from './sight.ts';
import { placeWitness } from './witness.ts';

export interface ApiOptions {
  readonly seed: number;
  /** For how long there are kills, in minutes. */
  readonly minutes: number;
  /** Default: twelve. */
  readonly piles?: number;
  readonly onEvent?: (line: string) => void;
}

export interface ApiReport {
  readonly seed: number;
  readonly kills: number;
  readonly killsByTarget: Readonly<Record<string, number>>;
  readonly killsByMoment: Readonly<Record<string, number>>;
  readonly visits: number;
  readonly requests: number;
  readonly unanswered: number;
  readonly answers: Readonly<Record<string, number>>;
  /** By kind, each request once. */
  readonly accepted: Readonly<Record<string, number>>;
  readonly repeatedAnswers: number;
  readonly operations: Readonly<Record<string, number>>;
  readonly orderStates: Readonly<Record<string, number>>;
  readonly reservationStates: Readonly<Record<string, number>>;
  readonly cdrs: number;
  readonly events: number;
  readonly attempts: number;
  readonly repeatedDeliveries: number;
  /** From the end of the last kill until nothing was under way any more. */
  readonly drainedMs: number;
  readonly complaints: readonly string[];
  /** Where logs and stores are; null: they were not kept, because nothing was wrong. */
  readonly folder: string | null;
}

/** As long as a lease of a killed worker, and the deadlines of starts that nobody answers. */
const DRAINED_WITHIN_MS = 90_000;
const LOOK_EVERY_MS = 300;
/** What does not come of itself is not waited for. */
const MOMENT_WITHIN_MS = 3000;
const MOODINESS = 0.35;
/** Short, so that its end comes while the site cannot be asked. */
const START_TIMEOUT_S = 10;
/** Long, so that no site is given up that can be asked again: whoever gives one up has not asked. */
const START_SILENCE_S = 60;
/** So long a delivery that has failed stays between two attempts, and keeps what is behind it waiting. */
const WEBHOOK_RETRY_S = 3;
const PILES = 12;

/**
 * Partners start and stop charges through two processes of the API, and are told by webhooks that they do not always take, while every
 * part of the system is killed again and again, in the middle of that. Then all is quiet, and all books are compared.
 */
export async function tortureApi({ seed, minutes, piles = PILES, onEvent = () => {} }: ApiOptions): Promise<ApiReport> {
  const pileIds = Array.from({ length: piles }, (_, i) => `A${i + 1}`);
  const moments = new Moments();
  const receivers = [
    await MoodyReceiver.listen(seed, MOODINESS, moments),
    await MoodyReceiver.listen(seed + 1, MOODINESS, moments),
  ] as const;
  const block = await openBlock({
    startTimeoutS: START_TIMEOUT_S,
    startSilenceS: START_SILENCE_S,
    webhookRetryS: WEBHOOK_RETRY_S,
    receivers: receivers.map(({ hostPort }) => hostPort),
    document: kebaStation('block', pileIds),
  });
  const endOverhearing = overhear(block.broker.url, moments);
  let report: ApiReport | null = null;
  try {
    onEvent(`folder ${block.folder}`);
    await placeWitness(block.db);
    const hands = await openHands(block, receivers, seed, moments);
    const booked: Booked = {
      sites: [SITE],
      parts: { 'site-1': block.programs.edge, 'site-2': block.programs.edge },
      ledgerFile: () => block.ledgerFile,
      station: block.station,
      db: block.db,
      receiver: {
        get events() {
          return receivers.flatMap(({ events }) => events.filter(({ type }) => type.startsWith('charge.')));
        },
      },
    };
    const forMs = minutes * 60_000;
    const trial = { hands, pileIds, moments, plan: planKills(seed, forMs), seed, forMs, onEvent };
    const { visits, killed } = await chargeThrough(block, trial);
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
    const figures = { ...reportOf(seed, killed, books, apiBooks), visits: visits.length, drainedMs, complaints };
    report = { ...figures, folder: complaints.length === 0 ? null : block.folder };
    return report;
  } finally {
    await endOverhearing();
    await block.close(report === null || report.complaints.length > 0);
    await Promise.all(receivers.map((receiver) => receiver.close()));
  }
}

async function openHands(
  block: Block,
  receivers: readonly MoodyReceiver[],
  seed: number,
  moments: Moments,
): Promise<Hands> {
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
  return new Hands(own, rival, seed, moments);
}

interface Killed {
  readonly victim: Target;
  readonly at: string;
}

interface Trial {
  readonly hands: Hands;
  readonly pileIds: readonly string[];
  readonly moments: Moments;
  readonly plan: readonly PlannedKill[];
  readonly seed: number;
  readonly forMs: number;
  readonly onEvent: (line: string) => void;
}

async function chargeThrough(
  block: Block,
  trial: Trial,
): Promise<{ readonly visits: readonly Visit[]; readonly killed: readonly Killed[] }> {
  const killed: Killed[] = [];
  let isOver = false;
  const place = { block, hands: trial.hands, sight: new Sight(block), untilMs: performance.now() + trial.forMs };
  const drivers = trial.pileIds.map((pileId, i) => new Drivers(place, pileId, trial.seed * 100 + i, () => isOver));
  const charging = Promise.all(drivers.map((one) => one.run()));
  const busy = new Map<string, Promise<void>>();
  for (const kill of trial.plan) {
    await Promise.race([pass(kill.afterMs), charging]);
    const victim = await victimOf(kill, trial);
    if (kill.lateMs > 0) await pass(kill.lateMs);
    const turn = (busy.get(victim) ?? Promise.resolve()).then(async () => {
      killed.push({ victim, at: kill.at ?? 'any time' });
      trial.onEvent(`${victim} killed at ${kill.at ?? 'any time'}, for ${kill.downMs} ms`);
      await killAndRestart(block, victim, kill.downMs);
    });
    busy.set(victim, turn);
  }
  await Promise.all(busy.values());
  trial.onEvent('all is healed');
  isOver = true;
  await charging;
  await trial.hands.settled();
  return { visits: drivers.flatMap(({ visits }) => visits), killed };
}

/** The kill's moment, or a while in which none has come. @returns whom it hits */
async function victimOf({ at, target }: PlannedKill, { moments }: Trial): Promise<Target> {
  const [process] = await Promise.race([
    at === null ? [null] : moments.next(at).then((which) => [which]),
    pass(MOMENT_WITHIN_MS).then(() => [null]),
  ]);
  return target === 'asked' ? (APIS[process ?? 0] ?? 'api-1') : target;
}

async function killAndRestart({ programs, broker, database }: Block, target: Target, downMs: number): Promise<void> {
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

function reportOf(seed: number, killed: readonly Killed[], books: Books, apiBooks: ApiBooks) {
  const { sent, unanswered, deliveries, attempts, requests, reservations } = apiBooks;
  const accepted = sent.filter(({ status }) => status === 202);
  return {
    seed,
    kills: killed.length,
    killsByTarget: counts(killed.map(({ victim }) => victim)),
    killsByMoment: counts(killed.map(({ at }) => at)),
    requests: sent.length,
    unanswered: unanswered.size,
    answers: counts(sent.map(({ status, code }) => `${status} ${code ?? ''}`.trim())),
    accepted: counts(requests.map(({ kind }) => kind)),
    /** Answers that repeat one which had been given before. */
    repeatedAnswers:
      accepted.length - new Set(accepted.map(({ partnerId, requestId }) => `${partnerId} ${requestId}`)).size,
    operations: counts(requests.map(({ kind, outcome }) => `${kind} ${outcome}`)),
    orderStates: counts(books.orders.map(({ state }) => state)),
    reservationStates: counts(reservations.map(({ state }) => state)),
    cdrs: books.cdrs.length,
    events: deliveries.length,
    attempts: attempts.length,
    repeatedDeliveries: attempts.length - new Set(attempts.map(({ webhookId }) => webhookId)).size,
  };
}
