import { dirname, join } from 'node:path';
import type { Database as Sqlite } from 'better-sqlite3';
import type { Stamp } from '#shared/stamp.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import type { LedgerTransaction, Order } from '../../edge/control/connector.ts';
import { charging, plugged, Rig, START_WALL_MS, startCommand, stopCommand, uuid } from '../../edge/control/testing.ts';
import { Ballast } from '../../edge/ledger/ballast.ts';
import { Ledger } from '../../edge/ledger/ledger.ts';
import { LedgerFile } from '../../edge/ledger/ledger-file.ts';
import { giveBackPages, openDatabase } from '../../edge/ledger/open-database.ts';
import { boundDeadLetters, removeOld } from '../../edge/ledger/retention.ts';
import type { Store } from '../../edge/ledger/store.ts';
import { type Random, seededRandom } from '../../hardware-sim/faults/random.ts';

/** What a ledger is made worse by, to see whether anybody notices. */
export type Flaw = 'none' | 'unsynced-commits' | 'no-transactions';

export interface OpenLedger {
  readonly database: Sqlite;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly ballast: Ballast;
  /** What the ledger's file has judged to be damaged. */
  readonly damages: readonly string[];
}

/** One call that changes the store; it counts as acknowledged when it has returned. */
type Step = (open: OpenLedger) => void;
const CONNECTORS = ['A-1', 'B-1', 'C-1'] as const;
/** Small, so that a short workload has many checkpoints. */
const CHECKPOINT_EVERY_PAGES = 24;
const MAX_BYTES = 64_000_000;
const BALLAST_BYTES = 32_768;
/** Longer than anything is kept. */
const LONG_MS = 366 * 86_400_000;

export const at: Stamp = { wallMs: START_WALL_MS, monoMs: 1000, bootId: uuid(900), clock: 'trusted' };

/**
 * Opens a ledger as the edge does, checks and rescue included.
 *
 * @param epoch of a store that is new
 */
export function openWorkload(path: string, flaw: Flaw, epoch = uuid(999_999)): OpenLedger {
  const ballast = new Ballast(join(dirname(path), 'ballast'), BALLAST_BYTES);
  const damages: string[] = [];
  const file = new LedgerFile({
    path,
    maxBytes: MAX_BYTES,
    stamp: () => at,
    wallMs: () => at.wallMs,
    newId: () => epoch,
    relieve: () => ballast.release(),
    onDamage: ({ reason }) => void damages.push(reason),
    open: (file, maxBytes) => flawed(openDatabase(file, maxBytes), flaw),
  });
  const store = file.open();
  return { database: store.database, store, ledger: new Ledger(store, () => epoch), ballast, damages };
}

function flawed(database: Sqlite, flaw: Flaw): Sqlite {
  if (flaw === 'unsynced-commits') database.pragma('synchronous = NORMAL');
  if (flaw === 'no-transactions') withoutTransactions(database);
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_EVERY_PAGES}`);
  return database;
}

function withoutTransactions(database: Sqlite): void {
  const bare = (work: () => unknown) =>
    Object.assign(() => work(), { immediate: work, deferred: work, exclusive: work });
  Object.assign(database, { transaction: bare });
}

/**
 * A long working day of a ledger, the same for the same seed: charges on three connectors interleave with commands that
 * are repeated and cancelled, latches, acknowledgements, refusals, upkeep, ballast, checkpoints and restarts. After each step
 * `onAcknowledged` hears its number, from 0 for the opening.
 */
export function work(
  path: string,
  options: { readonly seed: number; readonly steps: number; readonly flaw: Flaw },
  onAcknowledged: (step: number, open: OpenLedger) => void,
): void {
  const random = seededRandom(options.seed);
  let open = openWorkload(path, options.flaw);
  onAcknowledged(0, open);
  const running = CONNECTORS.map((connectorId, i) => endlessCharges(connectorId, i, random));
  for (let step = 1; step <= options.steps; step += 1) {
    const drawn = random();
    if (drawn < 0.02) {
      open.database.close();
      open = openWorkload(path, options.flaw);
    } else if (drawn < 0.05) {
      open.database.pragma(`wal_checkpoint(${random() < 0.5 ? 'TRUNCATE' : 'PASSIVE'})`);
    } else {
      const next =
        drawn < 0.1
          ? upkeepStep(random)
          : drawn < 0.25
            ? cloudStep(random, step)
            : running[Math.floor(random() * running.length)]?.next().value;
      next?.(open);
    }
    onAcknowledged(step, open);
  }
  open.database.close();
}

/** What the site does for itself: old rows go, pages are given back, rules and inputs change. */
function upkeepStep(random: Random): Step {
  const drawn = random();
  if (drawn < 0.3) return ({ store }) => void removeOld(store, at.wallMs + LONG_MS, LONG_MS / 2);
  if (drawn < 0.5) return ({ store }) => void boundDeadLetters(store);
  if (drawn < 0.7) return ({ database }) => giveBackPages(database, 4);
  const version = 1 + Math.floor(random() * 1000);
  if (drawn < 0.85) return ({ ledger }) => ledger.putRules(version, { rules: [], version });
  const inputs = { inputId: `I${version % 3}`, latched: version % 2 === 0 };
  return ({ ledger }) => ledger.commit({ session: null, records: [], inputs }, at);
}

/** What the cloud does: it acknowledges some of the backlog, now and then refusing a record, or cancels and asks again. */
function cloudStep(random: Random, step: number): Step {
  const drawn = random();
  const records = 1 + Math.floor(random() * 20);
  if (drawn < 0.05) return ({ ballast }) => void (ballast.state === 'held' ? ballast.release() : ballast.take());
  if (drawn < 0.2) return ({ ledger }) => void ledger.cancel(uuid(5_000_000 + step), at);
  return ({ ledger }) => {
    const batch = ledger.nextBatch({ records, bytes: 262_144 });
    if (batch === null) return;
    const refused = drawn < 0.35 ? [{ seq: batch.throughSeq, code: 'record.refused', detail: 'for the test' }] : [];
    ledger.acknowledge({ storeEpoch: ledger.storeEpoch, ackedSeq: batch.throughSeq, refused });
  };
}

/** Charges at one connector, one after the other, each step as the machine orders it. */
function* endlessCharges(connectorId: string, index: number, random: Random): Generator<Step, never> {
  for (let n = 1; ; n += 1) yield* charge(connectorId, n * CONNECTORS.length + index, random);
}

function* charge(connectorId: string, n: number, random: Random): Generator<Step, void> {
  const rig = new Rig({ facts: { connectorId } });
  const own = <Thing>(thing: Thing): Thing => renumbered(thing, n);
  const commits = function* (orders: readonly Order[]): Generator<Step, void> {
    for (const order of orders) {
      if (order.kind !== 'commit') continue;
      const transaction: LedgerTransaction = own(order.transaction);
      yield ({ ledger }) => ledger.commit(transaction, at);
    }
  };
  const start = startCommand({ connectorId });
  yield ({ ledger }) => void ledger.admit(own(start), at);
  yield* commits(rig.command(start));
  yield* commits(rig.pass(100).see(plugged));
  yield* commits(rig.send({ kind: 'durable', sessionId: rig.session.sessionId }));
  yield* commits(rig.pass(200).send({ kind: 'written', write: 'start', limitMa: 16_000 }));
  yield* commits(rig.pass(800).see(charging));
  for (let looks = Math.floor(random() * 4); looks > 0; looks -= 1)
    yield* commits(rig.pass(61_000).see({ ...charging, registerWh: (rig.session.lastReading.registerWh ?? 0) + 100 }));
  if (random() < 0.3) {
    const latched = { connectorId, faults: random() < 0.5 ? (['stop-not-proven'] as const) : [] };
    yield ({ ledger }) => ledger.commit({ session: null, records: [], latched }, at);
  }
  if (random() < 0.2) {
    yield ({ ledger }) => void ledger.cancel(own(start).commandId, at);
    yield* commits(rig.send({ kind: 'cancel', commandId: start.commandId }));
  } else {
    const stop = stopCommand(rig.session.sessionId, { connectorId });
    yield ({ ledger }) => void ledger.admit(own(stop), at);
    if (random() < 0.5) yield ({ ledger }) => void ledger.admit(own(stop), at);
    yield* commits(rig.command(stop));
  }
  const before = rig.orders.length;
  rig.proveOff();
  yield* commits(rig.orders.slice(before));
  if (random() < 0.5) yield ({ ledger }) => ledger.reportAgain(own(start).commandId, at);
}

/** Every charge of the rig has the same ids: here each gets its own. */
function renumbered<Thing>(thing: Thing, n: number): Thing {
  const id = /00000000-0000-4000-8000-(\d{12})/g;
  return JSON.parse(JSON.stringify(thing).replaceAll(id, (_, digits) => uuid(n * 1000 + Number(digits))));
}

/** A record that is as good as any other, to see which number it gets. */
export const oneMoreRecord: RecordBody = {
  kind: 'alarm.raised',
  alarmId: uuid(777_777),
  code: 'pile-fault',
  severity: 'warning',
  pileId: 'A',
  connectorId: 'A-1',
  sessionId: null,
  detail: 'one more',
};
