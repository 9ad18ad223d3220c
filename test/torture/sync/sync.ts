import { counts } from '../counts.ts';
import { type Books, readBooks, stillUnderWay } from './books.ts';
import { judgeBooks } from './judge.ts';
import { nameOf, type PlannedTrouble, planTroubles, SITES, type Trouble, targetOf } from './plan.ts';
import { pass } from './supervised.ts';
import { openTown, pilesOf, type Town } from './town.ts';
import { type Visit, Visitors } from './visits.ts';

export interface SyncOptions {
  readonly seed: number;
  /** For how long troubles are made, in minutes. */
  readonly minutes: number;
  readonly onEvent?: (line: string) => void;
}

export interface SyncReport {
  readonly seed: number;
  readonly troubles: number;
  readonly troublesByName: Readonly<Record<string, number>>;
  readonly visits: number;
  readonly operations: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly sessions: number;
  readonly localOrders: number;
  readonly orderStates: Readonly<Record<string, number>>;
  readonly cdrs: number;
  readonly flowedWh: number;
  readonly billedWh: number;
  readonly records: number;
  readonly webhooks: number;
  /** From the end of the last trouble until nothing was under way any more, the charges included that ran then. */
  readonly drainedMs: number;
  readonly complaints: readonly string[];
  /** Where logs and stores are; null: they were not kept, because nothing was wrong. */
  readonly folder: string | null;
}

/** All that was begun has come to its end so long after the last trouble: starts give up, lost connections are noticed. */
export const DRAINED_WITHIN_MS = 120_000;
const READY_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 500;

/**
 * Lets cars charge at two sites while processes, broker and database are killed and the ways between them fail, heals everything, and
 * compares all books. Plans are drawn from the seed; what the machine makes of them is not.
 */
export async function tortureSync({ seed, minutes, onEvent = () => {} }: SyncOptions): Promise<SyncReport> {
  const town = await openTown();
  let report: SyncReport | null = null;
  try {
    await Promise.all(SITES.map((site) => within(READY_WITHIN_MS, () => town.parts[site].isReady)));
    onEvent(`folder ${town.folder}`);
    const plan = planTroubles(seed, minutes * 60_000);
    const { visits, healedAtMs } = await chargeThrough(town, plan, seed, onEvent);
    const isDrained = await within(DRAINED_WITHIN_MS, async () => (await stillUnderWay(town)).length === 0);
    const drainedMs = Math.round(performance.now() - healedAtMs);
    const left = isDrained ? [] : await stillUnderWay(town);
    const books = await readBooks(town);
    const complaints = [
      ...left.map((what) => `not over after ${DRAINED_WITHIN_MS} ms: ${what}`),
      ...Object.values(town.parts).flatMap(({ name, endedByItself }) =>
        endedByItself.map((how) => `${name} has ended by itself: ${how}`),
      ),
      ...judgeBooks(books, visits),
    ];
    const webhooks = town.receiver.events.length;
    report = { ...reportOf(seed, plan, visits, books), webhooks, drainedMs, complaints, folder: null };
    return complaints.length === 0 ? report : { ...report, folder: town.folder };
  } finally {
    await town.close(report === null || report.complaints.length > 0);
  }
}

async function chargeThrough(
  town: Town,
  plan: readonly PlannedTrouble[],
  seed: number,
  onEvent: (line: string) => void,
): Promise<{ readonly visits: Visit[]; readonly healedAtMs: number }> {
  let isOver = false;
  const visitors = SITES.flatMap((site) =>
    pilesOf(site).map((pileId, i) => new Visitors(town, site, pileId, seed * 100 + i, () => isOver)),
  );
  const charging = Promise.all(visitors.map((one) => one.run()));
  const busy = new Map<string, Promise<void>>();
  const all: Promise<void>[] = [];
  for (const { afterMs, trouble, lastsMs } of plan) {
    await Promise.race([pass(afterMs), charging]);
    const target = targetOf(trouble);
    const turn = (busy.get(target) ?? Promise.resolve()).then(async () => {
      onEvent(`${nameOf(trouble)} for ${lastsMs} ms`);
      await make(town, trouble, lastsMs);
    });
    busy.set(target, turn);
    all.push(turn);
  }
  await Promise.all(all);
  onEvent('all is healed');
  isOver = true;
  const healedAtMs = performance.now();
  await charging;
  return { visits: visitors.flatMap(({ visits }) => visits), healedAtMs };
}

/** Makes a trouble, and resolves when it is undone. */
async function make(town: Town, trouble: Trouble, lastsMs: number): Promise<void> {
  switch (trouble.kind) {
    case 'process':
      return await town.parts[trouble.part].trouble(trouble.signal, lastsMs);
    case 'broker':
      await town.broker.kill(trouble.signal);
      await pass(lastsMs);
      return await town.broker.restart(trouble.persistence);
    case 'database':
      await town.database.kill(trouble.signal);
      await pass(lastsMs);
      return await town.database.restart();
    case 'forgotten':
      return town.ways[trouble.way].forgetConnections();
    case 'way': {
      const way = town.ways[trouble.way];
      await way.set(trouble.toxics);
      await pass(lastsMs);
      await way.set({});
    }
  }
}

function reportOf(seed: number, plan: readonly PlannedTrouble[], visits: readonly Visit[], books: Books) {
  const sum = (values: readonly number[]) => Math.round(values.reduce((total, value) => total + value, 0));
  return {
    seed,
    troubles: plan.length,
    troublesByName: counts(plan.map(({ trouble }) => nameOf(trouble))),
    visits: visits.length,
    operations: books.operations.length,
    refused: counts(visits.flatMap(({ refused }) => refused)),
    sessions: sum(SITES.map((site) => books.edges[site].sessions.size)),
    localOrders: books.orders.filter(({ origin }) => origin === 'local').length,
    orderStates: counts(books.orders.map(({ state }) => state)),
    cdrs: books.cdrs.length,
    flowedWh: sum(visits.map(({ flowedWh }) => flowedWh)),
    billedWh: sum(books.cdrs.map(({ energyWh }) => energyWh)),
    records: books.records.length,
  };
}

/** @returns whether it held in time */
async function within(withinMs: number, holds: () => boolean | Promise<boolean>): Promise<boolean> {
  const untilMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > untilMs) return false;
    await pass(LOOK_EVERY_MS);
  }
  return true;
}
