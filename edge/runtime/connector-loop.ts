import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import type { FrameRecord } from '#shared/frame-log.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import type { Shown } from '../access/card-sightings.ts';
import type { Priority } from '../bus/exchange.ts';
import { LineError, type LineFailure } from '../bus/line-error.ts';
import type { Refusal } from '../control/answer.ts';
import { watchBand } from '../control/band-change.ts';
import type { ChargeWish } from '../control/charge-wish.ts';
import {
  type Commit,
  type ConnectorEvent,
  type ConnectorFacts,
  type ConnectorState,
  type Context,
  type LedgerTransaction,
  type Maintenance,
  type Order,
  sessionOf,
  type Told,
  type WriteName,
} from '../control/connector.ts';
import { decide } from '../control/decide.ts';
import { maintenanceRefusal } from '../control/maintain.ts';
import type { SetUpResult } from '../control/set-up.ts';
import { isLeftAlone } from '../control/stop.ts';
import { describeWrites } from '../devices/describe-writes.ts';
import { type FirmwareVerdict, firmwareInOrder } from '../devices/firmware-verdict.ts';
import type { MeterDriver } from '../devices/meter-driver.ts';
import type { PileDriver } from '../devices/pile-driver.ts';
import type { ProvenStop } from '../metrics/field-figures.ts';
import { ConnectorNotes } from './connector-notes.ts';
import { Pace } from './pace.ts';
import { Permit } from './permit.ts';
import { PileContact, type RegisterNeed } from './pile-contact.ts';
import type { RequestNote } from './request-notes.ts';

export interface ConnectorLoopParts {
  readonly facts: ConnectorFacts;
  readonly driver: PileDriver;
  /** The meter that bills in place of the pile's own; null when there is none. */
  readonly meter: MeterDriver | null;
  readonly initial: ConnectorState;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly stamp: () => Stamp;
  readonly newId: () => string;
  readonly bandChangeMs: Context['bandChangeMs'];
  readonly log: Logger;
  /** Resolves when the transaction is on disk. */
  readonly commit: (transaction: LedgerTransaction) => Promise<void>;
  /** Something that others see has changed. */
  readonly onChange: () => void;
  /** What the profile says about the pile's firmware is another. */
  readonly onFirmware: (verdict: FirmwareVerdict) => void;
  /** The last frames on the pile's line, told with every alarm. */
  readonly lastFrames: () => readonly FrameRecord[];
  /** Cuts the pile off by an output of the site's. Rejects with LineError when that is not proven. Null: there is none. */
  readonly trip: (() => Promise<void>) | null;
  /** What the pile's own card reader shows at each look; null where the site does not take its cards. */
  readonly onCard: ((shown: Shown) => void) | null;
  /** The loop has turned: it has looked, decided, and fed where that was due. */
  readonly onTurn: () => void;
  /** Keeps by which steps each request was carried out; absent where nobody does. */
  readonly onNote?: (note: RequestNote) => void;
  /** A stop is proven; absent where nobody counts. */
  readonly onStop?: (stop: ProvenStop) => void;
}

/** The permit outlives one poll and its retry, not more. */
const PERMIT_POLLS = 3;
const STORE_AGAIN_AFTER_MS = 1000;
/** What is written also when the loop has been told to end. Nobody would be there to watch over anything else. */
const STOP_WRITES: ReadonlySet<WriteName> = new Set(['softStop', 'hardStop', 'trip']);
const WATCH_EVERY_MS = 1000;
/** Failures by which a device shows that it is there. */
const HEARD: ReadonlySet<LineFailure> = new Set(['exception', 'crc', 'mismatch']);
/** A look that takes longer is waiting for a line that others keep. */
const OVERDUE_AFTER_MS = 3000;

/**
 * Runs one connector at its own pace: poll, decide, act, read back. Decisions are made by the pure machine; this shell
 * only carries readings in and orders out.
 */
export class ConnectorLoop {
  readonly #parts: ConnectorLoopParts;
  readonly #permit: Permit;
  readonly #contact: PileContact;
  readonly #pace: Pace;
  readonly #notes: ConnectorNotes;
  #state: ConnectorState;
  #done: Promise<void> = Promise.resolve();
  #commits: Promise<void> = Promise.resolve();
  #writes: Promise<void> = Promise.resolve();
  /** When the look that is under way was asked for. */
  #askedMonoMs: number | null = null;
  #cancelWatch: () => void = () => {};
  #firmware: FirmwareVerdict = firmwareInOrder;
  #onMaintained: (failure: string | null) => void = () => {};
  /** Who waits on site to hear what becomes of a charge, by request. */
  readonly #asking = new Map<string, (refusal: Required<Refusal> | null) => void>();

  constructor(parts: ConnectorLoopParts) {
    this.#parts = parts;
    this.#state = parts.initial;
    this.#contact = new PileContact(parts);
    this.#pace = new Pace(parts.timers);
    const { facts, onNote = null, onStop = null } = parts;
    this.#notes = new ConnectorNotes({ ...parts, connectorId: facts.connectorId, keep: onNote, onStop });
    this.#permit = new Permit(PERMIT_POLLS * parts.driver.profile.timing.pollMs);
  }

  get state(): ConnectorState {
    return this.#state;
  }

  /** How often the watchdog was due and was not fed for want of a permit. */
  get permitsDenied(): number {
    return this.#contact.permitsDenied;
  }

  start(): void {
    this.#done = this.#run();
    this.#watchAge();
  }

  /**
   * Ends the loop after what is under way: what has been decided is written to the pile and stored. The pile is left as it
   * is: its own watchdog takes over.
   */
  async stop(): Promise<void> {
    this.#pace.end();
    this.#cancelWatch();
    await this.#done;
    await this.#writes;
    await this.#commits;
  }

  /** Hands an event to the machine and carries out what it orders. What happens is said after it is done. */
  dispatch(event: ConnectorEvent): void {
    const { facts, stamp, newId, bandChangeMs } = this.#parts;
    const before = this.#state;
    const { state, orders } = decide(before, event, { facts, now: stamp(), newId, bandChangeMs });
    this.#state = state;
    // A pile that has stopped delivering by itself may have restarted: whether it still has its set-up is looked at now.
    if (isSuspendedByVehicle(state) && !isSuspendedByVehicle(before)) this.#contact.suspect();
    for (const order of orders) this.#carryOut(order);
    this.#tellChange(before, state, event);
    this.#notes.decided(before, state, event);
    for (const order of orders)
      if (order.kind === 'commit') for (const body of order.transaction.records) this.#tell(body);
  }

  /** A technician on site wants maintenance. Resolves when it is done and stored, with null, or with why it is not done. */
  async maintain(wish: Maintenance): Promise<string | null> {
    const refusal = maintenanceRefusal(this.#state, wish.action, this.#parts.facts);
    if (refusal !== null) return refusal.detail;
    const isWrite = wish.action === 'reboot' || wish.action === 'unlock';
    const written = Promise.withResolvers<string | null>();
    this.#onMaintained = written.resolve;
    this.dispatch({ kind: 'maintain', wish });
    if (isWrite) return written.promise;
    await this.#commits;
    return null;
  }

  /**
   * Somebody on site, who may, wants a charge. Resolves when the pile charges, with null, or with why it does not.
   *
   * @param withinMs how long the pile has to show that it charges
   */
  begin(wish: ChargeWish, withinMs: number): Promise<Required<Refusal> | null> {
    return new Promise((resolve) => {
      this.#asking.set(wish.requestId, resolve);
      this.dispatch({ kind: 'begin', wish, withinMs });
    });
  }

  #tellChange(before: ConnectorState, after: ConnectorState, event: ConnectorEvent): void {
    const isSame = before.phase.kind === after.phase.kind && before.reading?.status === after.reading?.status;
    if (before.phase.kind !== after.phase.kind) {
      const session = sessionOf(after.phase) ?? sessionOf(before.phase);
      this.#parts.log.info(
        {
          from: before.phase.kind,
          to: after.phase.kind,
          on: event.kind,
          sessionId: session?.sessionId,
          requestId: session?.requestId,
        },
        'connector changes',
      );
    }
    const isAsAvailable =
      before.latched === after.latched &&
      before.influence === after.influence &&
      before.service === after.service &&
      before.reservation?.reservationId === after.reservation?.reservationId &&
      before.setUp.result === after.setUp.result;
    if (!isSame || !isAsAvailable) this.#parts.onChange();
  }

  async #run(): Promise<void> {
    const { clock, driver } = this.#parts;
    while (!this.#pace.isOver) {
      const startedMonoMs = clock.monoMs();
      this.#pace.begin();
      if (isLeftAlone(this.#state, startedMonoMs)) {
        this.#parts.onTurn();
        await this.#pace.pause(driver.profile.timing.pollMs);
        continue;
      }
      await this.#poll(startedMonoMs);
      if (mayFeed(this.#state)) await this.#contact.feed(this.#permit, mayDeliver(this.#state));
      await this.#lookForCard();
      this.#parts.onTurn();
      await this.#pace.pause(this.#untilNextLook(startedMonoMs + driver.profile.timing.pollMs - clock.monoMs()));
    }
  }

  async #poll(requestedMonoMs: number): Promise<void> {
    const { clock } = this.#parts;
    this.#askedMonoMs = requestedMonoMs;
    try {
      const reading = await this.#contact.look(this.#pollPriority(), this.#registerNeed());
      this.#askedMonoMs = null;
      this.dispatch({ kind: 'reading', reading, requestedMonoMs });
      this.#permit.renew(clock.monoMs());
      this.#contact.succeeded();
      this.#tellFirmware();
    } catch (error) {
      this.#askedMonoMs = null;
      if (!(error instanceof LineError)) throw error;
      this.#tellSetUp(this.#contact.failed(error));
      return this.dispatch({ kind: 'poll-failed', heard: HEARD.has(error.failure) });
    }
    this.#tellSetUp(await this.#contact.keepSetUp());
  }

  /** Not while a charge begins or ends: what that needs of the line comes first. */
  async #lookForCard(): Promise<void> {
    const { onCard, driver } = this.#parts;
    const { phase, reading } = this.#state;
    if (onCard === null || (phase.kind !== 'idle' && phase.kind !== 'charging')) return;
    if (reading === null) return onCard('unknown');
    try {
      onCard(await driver.readCard());
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      onCard('unknown');
    }
  }

  /** The pile is looked at also where the price band changes, so that the bill is split by what the meter showed there. */
  #untilNextLook(pauseMs: number): number {
    const { stamp, bandChangeMs } = this.#parts;
    const { lookInMs } = watchBand(this.#state, { now: stamp(), bandChangeMs }, pauseMs);
    return Math.min(pauseMs, lookInMs ?? pauseMs);
  }

  #registerNeed(): RegisterNeed {
    if (needsRegister(this.#state)) return 'at-once';
    const { stamp, bandChangeMs } = this.#parts;
    return watchBand(this.#state, { now: stamp(), bandChangeMs }, 0).wantsRegister ? 'soon' : 'when-due';
  }

  #tellFirmware(): void {
    const { driver, onFirmware, log } = this.#parts;
    const { refused, restricted } = driver.firmware;
    const isSame =
      refused?.detail === this.#firmware.refused?.detail && restricted?.detail === this.#firmware.restricted?.detail;
    if (isSame) return;
    this.#firmware = driver.firmware;
    log.warn({ refused, restricted }, 'firmware is judged');
    onFirmware(driver.firmware);
  }

  #tellSetUp(result: SetUpResult): void {
    if (result !== this.#state.setUp.result) this.dispatch({ kind: 'set-up', result });
  }

  /**
   * The proof of a stop is part of the stop: a silent pile is asked for it too, for as long as the ladder is climbed.
   * One that delivers unseen is asked on until it answers or counts as lost.
   */
  #pollPriority(): Priority {
    const { phase, reading } = this.#state;
    const isUnseen = phase.kind === 'charging' && reading === null;
    return isUnseen || (phase.kind === 'stopping' && !phase.ladder.exhausted) ? 'urgent-poll' : 'poll';
  }

  /** Data grows old also while a question waits for the line: that is as if it had not been answered. */
  #watchAge(): void {
    const { clock, timers } = this.#parts;
    this.#cancelWatch = timers.after(WATCH_EVERY_MS, () => {
      if (this.#askedMonoMs !== null && clock.monoMs() - this.#askedMonoMs >= OVERDUE_AFTER_MS)
        this.dispatch({ kind: 'poll-failed', heard: false });
      this.#watchAge();
    });
  }

  #carryOut(order: Order): void {
    switch (order.kind) {
      case 'poll-now':
        return this.#pace.hurry();
      case 'write':
        if (this.#pace.isOver && !STOP_WRITES.has(order.write)) return;
        this.#writes = Promise.all([this.#writes, this.#write(order)]).then(() => {});
        return;
      case 'answer':
        this.#asking.get(order.requestId)?.(order.refusal);
        this.#asking.delete(order.requestId);
        return;
      case 'commit':
        return this.#commit(order);
    }
  }

  async #write(order: Extract<Order, { kind: 'write' }>): Promise<void> {
    const { driver, log } = this.#parts;
    const { write, limitMa, requestId } = order;
    const orderedMonoMs = this.#parts.clock.monoMs();
    try {
      const registers = write === 'trip' ? null : describeWrites(driver.profile, write, limitMa);
      await (write === 'trip' ? this.#trip() : driver.command(write, limitMa));
      const requestIds = this.#notes.requestIdsOf(this.#state.phase);
      log.info({ write, registers, limitMa, requestId, requestIds }, 'pile is written');
      this.#notes.written(this.#state, order, registers, this.#parts.clock.monoMs() - orderedMonoMs);
      if (write === 'reboot') this.#contact.restarts();
      this.#endMaintenance(write, null);
      this.dispatch({ kind: 'written', ...toldBy(order) });
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      log.warn(
        { write, limitMa, requestId, failure: error.failure, detail: error.message },
        'pile could not be written',
      );
      this.#notes.notWritten(this.#state, order, error.message);
      this.#endMaintenance(write, error.message);
      const isSuperseded = error.failure === 'superseded' && (write === 'start' || write === 'limit');
      this.dispatch(isSuperseded ? { kind: 'superseded', write } : { kind: 'write-failed', ...toldBy(order) });
    }
  }

  /** Somebody on site may be waiting for it. */
  #endMaintenance(write: WriteName, failure: string | null): void {
    if (write === 'reboot' || write === 'unlock') this.#onMaintained(failure);
  }

  #trip(): Promise<void> {
    const { trip, facts } = this.#parts;
    if (trip === null) throw new TypeError(`${facts.connectorId} has no trip output`);
    return trip();
  }

  /** One after the other: an older state of a session must never be stored over a newer one. */
  #commit(order: Commit): void {
    this.#commits = this.#commits.then(() => this.#store(order));
  }

  /** An alarm is said here as loudly as in the cloud: the site may be offline when somebody reads. */
  #tell(body: RecordBody): void {
    const { log } = this.#parts;
    const fields = { record: body.kind, ...idsOf(body) };
    if (body.kind !== 'alarm.raised') return log.info(fields, 'record is written');
    log[body.severity === 'critical' ? 'error' : 'warn'](fields, 'alarm is raised');
    log.warn({ frames: this.#parts.lastFrames() }, 'frames before the alarm');
  }

  /** A commit that somebody waits for is tried once and answered; any other until it is stored, or the loop has ended. */
  async #store(order: Commit): Promise<void> {
    const { commit, log } = this.#parts;
    const { answer, transaction } = order;
    for (;;) {
      try {
        await commit(transaction);
        this.#notes.stored(transaction);
        if (answer !== null) this.dispatch({ kind: 'durable', sessionId: answer });
        return;
      } catch (error) {
        log.error(
          { code: 'store.unavailable', reason: error instanceof Error ? error.message : String(error) },
          'record could not be stored',
        );
        this.#notes.stored(transaction, error instanceof Error ? error.message : String(error));
        if (answer !== null) return this.dispatch({ kind: 'store-failed', sessionId: answer });
      }
      if (this.#pace.isOver) return;
      await this.#sleep(STORE_AGAIN_AFTER_MS);
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.timers.after(ms, resolve);
    });
  }
}

function toldBy({ write, limitMa }: Extract<Order, { kind: 'write' }>): Told {
  if (write !== 'start' && write !== 'limit') return { write };
  if (limitMa === null) throw new TypeError('a limit is needed');
  return { write, limitMa };
}

const isSuspendedByVehicle = ({ phase }: ConnectorState): boolean =>
  phase.kind === 'charging' && phase.flow.kind === 'suspended' && phase.flow.by === 'vehicle';

/** A watchdog that is fed with a limit gets one only for a charge that is on disk and not being stopped. */
function mayDeliver({ phase }: ConnectorState): boolean {
  return phase.kind === 'starting' || phase.kind === 'charging' || phase.kind === 'adopting';
}

/** A pile that does not stop when it is told to is not kept alive: its own fallback is one more way to stop it. */
function mayFeed({ phase, stray }: ConnectorState): boolean {
  if (stray !== null && stray.offSinceMonoMs === null) return false;
  return phase.kind !== 'stopping' || !phase.ladder.exhausted || phase.provenMonoMs !== null;
}

/** A charge is opened and closed by the register: what a slow meter told some time ago is not enough there. */
function needsRegister({ phase }: ConnectorState): boolean {
  if (phase.kind === 'stopping') return phase.provenMonoMs !== null;
  return phase.kind === 'checking' || phase.kind === 'closing';
}

function idsOf(body: RecordBody): Record<string, unknown> {
  switch (body.kind) {
    case 'session.ended':
      return {
        sessionId: body.cdr.sessionId,
        energyWh: body.cdr.energyWh,
        stopReason: body.cdr.stopReason,
        totalMinor: body.cdr.rating?.totalMinor,
      };
    case 'command.reported':
      return { commandId: body.commandId, status: body.status, code: body.code };
    case 'session.started':
      return { sessionId: body.sessionId, orderId: body.orderId };
    case 'occupancy.ended':
      return {
        sessionId: body.occupancy.sessionId,
        occupiedMs: body.occupancy.occupiedMs,
        totalMinor: body.occupancy.rating.totalMinor,
      };
    case 'reservation.active':
      return { reservationId: body.reservationId, untilMs: body.untilMs };
    case 'reservation.ended':
      return { reservationId: body.reservationId, reason: body.reason, sessionId: body.sessionId };
    case 'alarm.raised':
      return { code: body.code, severity: body.severity };
    default:
      return {};
  }
}
