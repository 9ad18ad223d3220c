import type { Command } from '#shared/wire/messages.ts';
import type { RecordBody, RecordOf } from '#shared/wire/records.ts';
import type { Reservation } from '../../edge/control/reservation.ts';
import type { Violations } from './violations.ts';

/** A connector that the edge has committed to hold, and how that has ended. */
export interface Hold {
  readonly reservationId: string;
  readonly connectorId: string;
  readonly untilMs: number;
  readonly beganMs: number;
  /** So long its box was without power meanwhile, with what a power cut may forget. */
  powerlessMs: number;
  ended: RecordOf<'reservation.ended'> | null;
}

/** How wrong a clock may be that the edge trusts. */
const CLOCK_TOLERANCE_MS = 12_000;
/** A count that is on disk may be so old: it is stored once a minute, when the connector is looked at next, and a commit takes its time. */
const FORGETS_MS = 65_000;

/**
 * What a site holds, by what it has committed, and who is let in: somebody else than the edge and the cloud keeps this. Each
 * connector has one holder, each hold ends once and not before its time, and nobody but its holder is delivered to.
 */
export class Holds {
  readonly #siteId: string;
  readonly #nowMs: () => number;
  readonly #violations: Violations;
  readonly #all = new Map<string, Hold>();
  readonly #open = new Map<string, Hold>();
  /** By the id of the command. */
  readonly #starts = new Map<string, { readonly connectorId: string; readonly reservationId: string | null }>();
  readonly #confirmByMs = new Map<string, number>();
  readonly #presented = new Map<string, string | null>();

  constructor(siteId: string, nowMs: () => number, violations: Violations) {
    this.#siteId = siteId;
    this.#nowMs = nowMs;
    this.#violations = violations;
  }

  get all(): ReadonlyMap<string, Hold> {
    return this.#all;
  }

  /** By connector. */
  get open(): ReadonlyMap<string, Hold> {
    return this.#open;
  }

  #check(holds: boolean, invariant: string, detail: () => string): void {
    this.#violations.check(holds, invariant, () => `${this.#siteId}: ${detail()}`);
  }

  /** The cloud says this to the site. */
  hear(command: Command): void {
    const { connectorId, commandId } = command;
    if (command.kind === 'start')
      this.#starts.set(commandId, { connectorId, reservationId: command.reservationId ?? null });
    if (command.kind === 'reserve') this.#confirmByMs.set(command.reservationId, command.expiresAtMs);
  }

  losesPower(forMs: number): void {
    for (const hold of this.#open.values()) hold.powerlessMs += forMs + FORGETS_MS;
  }

  /** Committed. */
  note(body: RecordBody): void {
    if (body.kind === 'reservation.active') this.#begin(body);
    if (body.kind === 'reservation.ended') this.#end(body);
    if (body.kind === 'session.ended') this.#checkBill(body);
    if (body.kind !== 'command.reported' || body.code !== 'connector.reserved') return;
    const start = this.#starts.get(body.commandId);
    const isHolder = start !== undefined && start.reservationId !== null;
    const held = start === undefined ? undefined : this.#open.get(start.connectorId);
    this.#check(
      !isHolder || held?.reservationId !== start?.reservationId,
      'a holder is let in',
      () => `start ${body.commandId} presents ${start?.reservationId}, and is refused`,
    );
  }

  #begin({ reservationId, connectorId, untilMs }: RecordOf<'reservation.active'>): void {
    const before = this.#open.get(connectorId);
    this.#check(
      before === undefined,
      'a connector has one holder',
      () => `${connectorId} is held for ${before?.reservationId} and for ${reservationId}`,
    );
    this.#check(!this.#all.has(reservationId), 'a reservation begins once', () => reservationId);
    const hold = { reservationId, connectorId, untilMs, beganMs: this.#nowMs(), powerlessMs: 0, ended: null };
    this.#all.set(reservationId, hold);
    this.#open.set(connectorId, hold);
  }

  #end(ended: RecordOf<'reservation.ended'>): void {
    const { reservationId, connectorId } = ended;
    const hold = this.#all.get(reservationId);
    const isOpen = hold !== undefined && this.#open.get(connectorId) === hold;
    this.#check(isOpen, 'a reservation ends once', () => `${JSON.stringify(ended)} after ${JSON.stringify(hold)}`);
    if (!isOpen) return;
    hold.ended = ended;
    this.#open.delete(connectorId);
    this.#checkEnd(hold, ended);
  }

  /** A charge is billed for what it has used, and for nothing that has ended otherwise. */
  #checkBill({ cdr: { sessionId, reservation } }: RecordOf<'session.ended'>): void {
    const used = [...this.#all.values()].find(({ ended }) => ended?.sessionId === sessionId);
    this.#check(
      reservation?.heldMs === used?.ended?.heldMs,
      'a reservation is on the bill of the charge that has used it, and on no other',
      () => `session ${sessionId} is billed for ${JSON.stringify(reservation)}, and has used ${JSON.stringify(used)}`,
    );
  }

  /** As it is seen now. While the time is known, so is what was held: nothing is forgotten, and nothing counted twice. */
  sees({ reservationId, heldMs, seen }: Reservation): void {
    const hold = this.#all.get(reservationId);
    if (hold === undefined) return;
    const { untilMs, beganMs } = hold;
    const nowMs = this.#nowMs();
    const tell = () => `${JSON.stringify(hold)} is held for ${heldMs} ms at ${nowMs}, by ${JSON.stringify(seen)}`;
    const wasMs = Math.min(nowMs, untilMs) - beganMs;
    const isTooLittle = seen.clock === 'trusted' && heldMs < wasMs - 2 * CLOCK_TOLERANCE_MS;
    this.#check(!isTooLittle, 'what was held is known while the time is', tell);
    this.#check(heldMs <= this.#mostMs(hold), 'a reservation is billed for as long as it was held', tell);
  }

  /** Decided on a little before it is on disk, and longer before where the disk fails; over a power cut two clocks may have told it. */
  #mostMs({ untilMs, beganMs }: Hold): number {
    return Math.min(this.#nowMs(), untilMs) - beganMs + FORGETS_MS + 2 * CLOCK_TOLERANCE_MS;
  }

  #checkEnd(hold: Hold, { reason, sessionId, heldMs }: RecordOf<'reservation.ended'>): void {
    const { reservationId, untilMs, beganMs, powerlessMs } = hold;
    const nowMs = this.#nowMs();
    const tell = () =>
      `${reservationId}, held from ${beganMs} until ${untilMs}, is ${reason} at ${nowMs}, ${heldMs} ms`;
    const dueMs =
      reason === 'expired' ? untilMs : reason === 'not-confirmed' ? (this.#confirmByMs.get(reservationId) ?? 0) : 0;
    this.#check(nowMs >= dueMs - CLOCK_TOLERANCE_MS, 'no hold ends early', tell);
    this.#check(
      (reason === 'used') === (sessionId !== null) &&
        (sessionId === null || this.#presented.get(sessionId) === reservationId),
      'a reservation is used by its holder',
      tell,
    );
    const leastMs = reason === 'expired' ? untilMs - beganMs - powerlessMs - CLOCK_TOLERANCE_MS : 0;
    this.#check(
      heldMs >= leastMs && heldMs <= this.#mostMs(hold),
      'a reservation is billed for as long as it was held',
      tell,
    );
  }

  /** A pile is told to deliver for a session, that a command has asked for. */
  delivers(connectorId: string, sessionId: string, commandId: string | null): void {
    const presented = commandId === null ? null : (this.#starts.get(commandId)?.reservationId ?? null);
    this.#presented.set(sessionId, presented);
    const held = this.#open.get(connectorId);
    this.#check(
      held === undefined || held.reservationId === presented,
      'a held connector charges nobody else',
      () => `${connectorId}, held for ${held?.reservationId}, delivers for session ${sessionId} with ${presented}`,
    );
  }
}
