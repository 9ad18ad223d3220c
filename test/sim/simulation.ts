import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { accessListSchema } from '#shared/access/access-list.ts';
import { tariffScheduleSchema } from '#shared/tariff/schedule.ts';
import { commandSchema } from '#shared/wire/messages.ts';
import { readMigrations } from '../../cloud/db/migrate.ts';
import { migrationsFolder, openMigrated } from '../../cloud/testing/database-template.ts';
import { entryOf } from '../../edge/access/testing.ts';
import { Bookings } from './bookings.ts';
import { Box } from './box.ts';
import { SimBroker } from './broker.ts';
import { Clouds } from './clouds.ts';
import { Dice } from './dice.ts';
import { Effects } from './effects.ts';
import { goodWeather } from './fragile-database.ts';
import { Partner } from './partner.ts';
import { PreparedDatabase } from './prepared-database.ts';
import { Scheduler } from './scheduler.ts';
import { checkDrained, checkSettled } from './settled.ts';
import { setAllStages, simTariff } from './stage.ts';
import { Trace } from './trace.ts';
import { Troubles } from './troubles.ts';
import { type Violation, Violations } from './violations.ts';
import { Visits } from './visits.ts';
import { goodWire } from './wire.ts';
import { Witness } from './witness.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly days: number;
  readonly sites: number;
  readonly connectors: number;
  /** Hears every line of the trace. */
  readonly onLine?: (line: string) => void;
}

export interface SimulationResult {
  readonly violations: readonly Violation[];
  readonly traceSha256: string;
  /** The last that happened. */
  readonly last: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

/** What a commit syncs there costs no time: power cuts are simulated, and nothing has to survive the run. */
const MEMORY_DISK = '/dev/shm';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.parse('2026-03-02T00:00:00Z');
const CHECK_EVERY_MS = 5 * MINUTE_MS;
/** After so long without new trouble nothing may wait any more, whatever has gone wrong before. */
const DRAINED_AFTER_MS = 12 * MINUTE_MS;
const QUIET_MS = 20 * MINUTE_MS;
const ROUND_MS = 3 * HOUR_MS;
const CARDS = ['D4CD7650', '04A1B2C3D4E5F6', '11223344'];

/** Edges, broker, cloud and world in one process, on simulated time. The same options give the same run, to the last byte. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { seed, days, sites, connectors } = options;
  const folder = mkdtempSync(join(existsSync(MEMORY_DISK) ? MEMORY_DISK : tmpdir(), 'pilegate-sim-'));
  const scheduler = new Scheduler(START_MS);
  const nowMs = () => scheduler.nowMs;
  const trace = new Trace(nowMs, options.onLine ?? null);
  const violations = new Violations(nowMs);
  const log = pino({ level: 'silent' });
  const pglite = await openMigrated(await readMigrations(migrationsFolder));
  const { stages, keys } = await setAllStages(pglite, { seed, sites, connectors, startMs: START_MS, log });
  const database = new PreparedDatabase(pglite);
  const broker = new SimBroker(scheduler, new Dice(seed, 'broker'), trace);
  const effects = new Effects(scheduler, violations);
  const cloudWire = goodWire();
  const weather = goodWeather();
  const boxOf = (topic: string) => boxes.find(({ siteId }) => topic.includes(`/${siteId}/`));
  const clouds = new Clouds({
    seed,
    scheduler,
    trace,
    broker,
    database,
    wire: cloudWire,
    weather,
    keys,
    log,
    onHeard: (topic) => {
      const box = boxOf(topic);
      if (box !== undefined && topic.endsWith('/up/batch')) troubles.provokeBatch(box);
    },
    onSaid: (topic, payload) => {
      effects.hear(topic, payload);
      const box = boxOf(topic);
      if (box === undefined || topic.endsWith('/beat')) return;
      box.stir();
      const command = topic.endsWith('/command') ? commandSchema.parse(JSON.parse(payload)) : null;
      if (command !== null) box.holds.hear(command);
      if (command?.kind === 'start') troubles.provokeStart(box, command.expiresAtMs, 0.3);
      if (command?.kind === 'reserve') troubles.provokeStart(box, command.expiresAtMs, 0.05);
      if (command?.kind === 'cancel-reservation') troubles.provokeCancel(box);
      if (/\/(command|cancel|ack)$/.test(topic)) troubles.provoke(box);
    },
  });
  const until = {
    from: new Date(START_MS - DAY_MS).toISOString(),
    until: new Date(START_MS + 900 * DAY_MS).toISOString(),
  };
  const schedule = tariffScheduleSchema.parse({
    version: 1,
    currency: simTariff.currency,
    bounds: { leastPriceE4: 0, mostPriceE4: 100_000 },
    tariffs: [{ ...until, tariff: simTariff }],
  });
  const cards = accessListSchema.parse({
    version: 1,
    validUntil: until.until,
    cards: CARDS.map((card) => entryOf(card)),
  });
  const boxes = stages.map(({ siteId, shard, connectorIds }) => {
    const own = join(folder, siteId);
    mkdirSync(own);
    return new Box({
      seed,
      siteId,
      shard,
      connectorIds,
      folder: own,
      schedule,
      cards,
      scheduler,
      broker,
      trace,
      violations,
      log,
      onTaken: (box, topic, payload) => effects.taken(box, topic, payload),
      onStart: (box, connectorId, sessionId, commandId) => {
        trace.note(box.siteId, `${connectorId} is told to deliver for ${sessionId}`);
        effects.starts(box, sessionId, commandId);
        box.holds.delivers(connectorId, sessionId, commandId);
        troubles.provoke(box);
      },
      // Not within the commit itself.
      onHold: (box) => void scheduler.after(0, () => troubles.provokeHold(box)),
    });
  });
  const troubles: Troubles = new Troubles({
    scheduler,
    dice: new Dice(seed, 'troubles'),
    trace,
    broker,
    boxes,
    cloudWire,
    weather,
    cloudNames: clouds.names,
    killCloud: (awayMs) => clouds.kill(awayMs),
  });
  const witness = new Witness(database, boxes, violations, nowMs);
  const endMs = START_MS + days * DAY_MS;
  for (const [i, box] of boxes.entries()) {
    const stage = stages[i];
    if (stage === undefined) throw new Error('a site without a stage');
    const dice = new Dice(seed, `visits ${box.siteId}`);
    const partnerOf = (partnerId: string, keyId: string) => {
      const caller = { partnerId, keyId, familyId: keyId, environment: 'sandbox', scopes: ['control'] } as const;
      return new Partner({ caller, scheduler, dice, trace, cloud: () => clouds.one() });
    };
    const partner = partnerOf(stage.partnerId, stage.key.key_id);
    const rival = partnerOf(stage.rivalId, stage.rivalKeyId);
    for (const pile of box.piles.values()) {
      const own = new Dice(seed, `bookings ${pile.connectorId}`);
      const bookings = new Bookings({ scheduler, dice: own, box, pile, partner, rival, lastMs: endMs });
      new Visits({ scheduler, dice, trace, box, pile, bookings, cards: CARDS, lastMs: endMs });
    }
    box.start();
  }
  clouds.start();

  let checkedMs = START_MS;
  let isFinal = false;
  const afterStep = (): Promise<void> | null => {
    if (violations.found.length > 0) throw new Stopped();
    if (isFinal || clouds.isBusy || nowMs() - checkedMs < CHECK_EVERY_MS) return null;
    checkedMs = nowMs();
    return witness.check();
  };
  const quietly = async (fromMs: number) => {
    await scheduler.run(fromMs, afterStep);
    trace.note('trouble', 'rests');
    troubles.rest();
    for (const box of boxes) box.stir();
    await scheduler.run(fromMs + DRAINED_AFTER_MS, afterStep);
  };
  try {
    for (let roundMs = START_MS + ROUND_MS; roundMs < endMs; roundMs += ROUND_MS) {
      await quietly(roundMs - QUIET_MS);
      const heads = boxes.map((box) => box.head());
      await scheduler.run(roundMs - QUIET_MS + DRAINED_AFTER_MS + 2 * MINUTE_MS, afterStep);
      for (const [i, box] of boxes.entries()) checkDrained(box, violations, heads[i]);
      await scheduler.run(roundMs, afterStep);
      troubles.goOn();
    }
    await quietly(endMs);
    for (let i = 0; i < 100 && clouds.isBusy; i += 1) await scheduler.run(nowMs() + 1000, afterStep);
    isFinal = true;
    await witness.check();
    await checkSettled(witness, boxes, violations);
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  } finally {
    for (const box of boxes) box.close();
    clouds.end();
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const counts = { steps: scheduler.steps, ...witness.counts, ...effects.said, ...witness.reservations.counts };
  return { violations: violations.found, traceSha256: trace.sha256(), last: trace.last, counts };
}

/** Something does not hold: what comes after it proves nothing. */
class Stopped extends Error {}
