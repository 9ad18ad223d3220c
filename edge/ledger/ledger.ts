import type { z } from 'zod';
import { faultCatalogue } from '#shared/faults.ts';
import { CORRECTION_TOLERANCE_MS, type Stamp, stampSchema } from '#shared/stamp.ts';
import type { Command, Hello } from '#shared/wire/messages.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import { siteAlarm } from '../control/report.ts';
import type { Session } from '../control/session.ts';
import type { DocumentChange, StoredDocument } from '../documents/document-history.ts';
import type { StoredRules } from '../rules/rule-history.ts';
import type { LastTrusted } from '../time/clock-judge.ts';
import { changeDeadLetterIn, type DeadLetter, type DeadLetterChange, deadLettersIn } from './dead-letters.ts';
import { documentsIn, documentsInForceIn, putDocumentsIn } from './documents.ts';
import { type Admission, admitIn, type CommandStatus, cancelIn, outcomeOf, statusIn } from './inbox.ts';
import { renumberFor } from './new-epoch.ts';
import { type OpenWork, openWorkIn, reservationsIn } from './open-work.ts';
import {
  type Acknowledged,
  acknowledgeIn,
  append,
  type Batch,
  type BatchLimits,
  headSeqOf,
  nextBatchOf,
  outboxLookOf,
} from './outbox.ts';
import { putRulesIn, rulesIn } from './site-rules.ts';
import type { Store } from './store.ts';
import { parseStored } from './store-trouble.ts';
import { type Gap, tellAgainIn, toldAgainIn } from './tell-again.ts';

/** Tables with one row per connector. */
type PerConnector = 'latches' | 'service' | 'devices' | 'occupancies' | 'reservations';

/**
 * The trusted time is written down with a commit that writes anyway, at most so often: each time costs a page. A new boot, and a clock
 * that was found to be wrong, are written down at once.
 */
const TIME_KEPT_EVERY_MS = 600_000;

/** When the clock of a boot was trusted. */
const momentSchema = stampSchema.omit({ clock: true });
type Moment = z.infer<typeof momentSchema>;

const momentOf = ({ wallMs, monoMs, bootId }: Stamp): Moment => ({ wallMs, monoMs, bootId });

const isSameClock = (before: Moment | null, now: Moment): boolean =>
  before?.bootId === now.bootId &&
  Math.abs(before.wallMs - before.monoMs - (now.wallMs - now.monoMs)) <= CORRECTION_TOLERANCE_MS;

/**
 * The site's memory: sessions, charge detail records, and what must still reach the cloud. A state change and the
 * records that tell of it are one SQLite transaction, so a power cut leaves both or neither.
 */
export class Ledger {
  readonly #store: Store;
  readonly #newId: () => string;
  #storeEpoch = '';
  #trustedWallMs: number | null = null;
  #trusted: Moment | null = null;
  #kept: { readonly wallMs: number; readonly at: Moment | null } = { wallMs: 0, at: null };

  /** @param newId makes the epoch of a store that is new: its sequence numbers can then collide with nobody's */
  constructor(store: Store, newId: () => string) {
    this.#store = store;
    this.#newId = newId;
    store.onReplaced = () => this.#begin();
    this.#begin();
  }

  /** Changes when the store was damaged and another has taken its place. */
  get storeEpoch(): string {
    return this.#storeEpoch;
  }

  #begin(): void {
    const store = this.#store;
    store.together(() => {
      store.run(`INSERT INTO meta (key, value) VALUES ('store_epoch', ?) ON CONFLICT DO NOTHING`, this.#newId());
      store.run(`INSERT INTO meta (key, value) VALUES ('acked_seq', '0') ON CONFLICT DO NOTHING`);
    });
    this.#storeEpoch = String(this.#meta('store_epoch'));
    const stored = this.#meta('trusted_at');
    const at = stored === undefined ? null : momentSchema.parse(parseStored(stored));
    this.#kept = { wallMs: Number(this.#meta('trusted_wall_ms') ?? 0), at };
    this.#trusted ??= at;
    if (this.#kept.wallMs > (this.#trustedWallMs ?? 0)) this.#trustedWallMs = this.#kept.wallMs;
  }

  /**
   * The latest wall time that this store has seen with a trusted clock, and of which boot it was, where no later one has been
   * believed since; null when it never has.
   */
  lastTrusted(): LastTrusted | null {
    const wallMs = this.#trustedWallMs;
    if (wallMs === null) return null;
    return { wallMs, boot: this.#trusted?.wallMs === wallMs ? this.#trusted : null };
  }

  /**
   * The cloud has just told the time: a later one that was believed before was wrong. It is written down with what is stored
   * next.
   */
  timeIsConfirmed(at: Stamp): void {
    this.#trustedWallMs = at.wallMs;
    this.#trusted = momentOf(at);
  }

  /**
   * Notes which box works with this store: one that was moved to another box is taken up there, with identity and history,
   * and that is said.
   */
  takenUpBy(controllerId: string, at: Stamp): void {
    const former = this.#meta('controller_id');
    if (former === controllerId) return;
    this.#together(at, (storedWallMs) => {
      this.#setMeta('controller_id', controllerId);
      if (former !== undefined)
        append(
          this.#store,
          siteAlarm('controller-replaced', this.#newId(), faultCatalogue['controller-replaced'].en),
          at,
          storedWallMs,
        );
    });
  }

  /**
   * The cloud knows other records under this store's numbers, or later ones than the store itself: it is a copy. From here on
   * it has an epoch of its own, tells what the cloud has not acknowledged under new numbers, and says why.
   */
  beginEpoch(detail: string, at: Stamp): void {
    this.#together(at, (storedWallMs) => {
      renumberFor(this.#store, this.#newId());
      append(this.#store, siteAlarm('store-copied', this.#newId(), detail), at, storedWallMs);
    });
    this.#storeEpoch = this.#store.read(() => String(this.#meta('store_epoch')));
  }

  /** The last gap of the cloud's of which this store has told again what it still had; null when there was none. */
  toldAgain(): string | null {
    return this.#store.read(() => toldAgainIn(this.#store));
  }

  /** The cloud has lost what it had acknowledged: what is still here of it is told again, once for each gap. */
  tellAgain(gap: Gap, at: Stamp): void {
    this.#together(at, (storedWallMs) => tellAgainIn(this.#store, gap, at, storedWallMs));
  }

  /** The last life of this store that the cloud has welcomed; null before the first, and in a store that was made anew. */
  welcomedLifeId(): string | null {
    const lifeId = this.#store.read(() => this.#meta('welcomed_life'));
    return lifeId === undefined ? null : String(lifeId);
  }

  /** Remembers it, once in the life of a process. */
  welcomedAs(lifeId: string): void {
    if (this.welcomedLifeId() === lifeId) return;
    this.#store.together(() => this.#setMeta('welcomed_life', lifeId));
  }

  /** Stores a decision. @throws SqliteError when nothing of it was stored; StoreInDoubt when nobody knows */
  commit(transaction: LedgerTransaction, at: Stamp): void {
    const { session, latched, service, device, occupancy, reservation, inputs, records } = transaction;
    this.#together(at, (storedWallMs) => {
      if (session !== null) this.#putSession(session.session, session.open, storedWallMs);
      if (latched !== undefined) this.#put('latches', 'faults', latched.connectorId, latched.faults);
      if (service !== undefined) this.#put('service', 'body', service.connectorId, service.service);
      if (device !== undefined) this.#put('devices', 'body', device.connectorId, device.device);
      if (occupancy !== undefined) this.#putOrForget('occupancies', occupancy.connectorId, occupancy.occupancy);
      if (reservation !== undefined)
        this.#putOrForget('reservations', reservation.connectorId, reservation.reservation);
      if (inputs?.latched === true)
        this.#store.run(`INSERT INTO inputs VALUES (?) ON CONFLICT DO NOTHING`, inputs.inputId);
      if (inputs?.latched === false) this.#store.run(`DELETE FROM inputs WHERE input_id = ?`, inputs.inputId);
      for (const body of records) append(this.#store, body, at, storedWallMs);
    });
  }

  /** Takes a command in, once, and reports that it was received in the same transaction. */
  admit(command: Command, at: Stamp): Admission {
    return this.#together(at, (storedWallMs) => admitIn(this.#store, command, at, storedWallMs));
  }

  /** How a command stands; null when it has not been taken in. */
  statusOf(commandId: string): CommandStatus | null {
    return this.#store.read(() => statusIn(this.#store, commandId));
  }

  /**
   * Takes a cancel in. A command that has not come yet, or that nobody has acted on, is failed here and now, so that it is
   * refused if it comes late.
   *
   * @returns whether the command may be running and has to be undone
   */
  cancel(commandId: string, at: Stamp, hasBeenActedOn = true): boolean {
    return this.#together(at, (storedWallMs) => cancelIn(this.#store, commandId, at, storedWallMs, hasBeenActedOn));
  }

  /** Tells a command's final outcome again: the cloud asked again, so it may not have it. */
  reportAgain(commandId: string, at: Stamp): void {
    const outcome = this.#store.read(() => outcomeOf(this.#store, commandId));
    if (outcome !== null) this.#together(at, (storedWallMs) => append(this.#store, outcome, at, storedWallMs));
  }

  /** @param now what is left of a start's time to live is told by how long ago it came in */
  openWork(now: Stamp): OpenWork {
    return this.#store.read(() => openWorkIn(this.#store, now));
  }

  /** @param afterSeq the records behind it; left out, from the oldest that the cloud has not acknowledged */
  nextBatch(limits: BatchLimits, afterSeq = 0): Batch | null {
    return this.#store.read(() => nextBatchOf(this.#store, limits, afterSeq));
  }

  headSeq(): number {
    return this.#store.read(() => headSeqOf(this.#store));
  }

  ackedSeq(): number {
    return this.#store.read(() => Number(this.#meta('acked_seq')));
  }

  backlog(): number {
    return this.#store.read(() => Number(this.#store.row(`SELECT count(*) AS n FROM outbox`)?.n ?? 0));
  }

  /** What waits for the cloud, for whoever watches over it. */
  outboxLook(): ReturnType<typeof outboxLookOf> {
    return this.#store.read(() => outboxLookOf(this.#store));
  }

  /**
   * The cloud has committed everything of the store `storeEpoch` up to `ackedSeq`. Refused records are kept aside for a
   * person. The epoch is compared within the transaction: where that meets damage it is repeated in another store.
   *
   * @returns sessions and reservations of whose begin the cloud now knows
   */
  acknowledge(ack: Acknowledged): string[] {
    return this.#store.together(() => {
      const begun = acknowledgeIn(this.#store, ack);
      // The page of the cursor is written in any case.
      this.#keepTime();
      return begun;
    });
  }

  /** What the cloud has refused, in the order in which it was written. */
  deadLetters(): DeadLetter[] {
    return this.#store.read(() => deadLettersIn(this.#store));
  }

  /** Sends a refused record again, or drops it. @returns why it is not done; null when it is */
  changeDeadLetter(change: DeadLetterChange, at: Stamp): string | null {
    return this.#together(at, (storedWallMs) => changeDeadLetterIn(this.#store, change, at, storedWallMs));
  }

  /** Stores a version of the site's rules as the active one. */
  putRules(version: number, document: unknown): void {
    this.#store.together(() => putRulesIn(this.#store, version, document));
  }

  /** The last ten versions of the site's rules, newest first, and which is active. */
  rules(): StoredRules[] {
    return this.#store.read(() => rulesIn(this.#store));
  }

  /** Stores what has changed of the site's documents, and the records that tell of it. */
  putDocuments(change: DocumentChange, records: readonly RecordBody[], at: Stamp): void {
    this.#together(at, (storedWallMs) => {
      putDocumentsIn(this.#store, change);
      for (const body of records) append(this.#store, body, at, storedWallMs);
    });
  }

  /** What connectors are held for. */
  reservations(): NonNullable<Hello['reservations']> {
    return this.#store.read(() => reservationsIn(this.#store));
  }

  /** The versions that are in force, without their text. */
  documentsInForce(): NonNullable<Hello['documents']> {
    return this.#store.read(() => documentsInForceIn(this.#store));
  }

  /** All versions of the site's documents that are kept, by kind, newest first. */
  documents(): StoredDocument[] {
    return this.#store.read(() => documentsIn(this.#store));
  }

  /** How many refused records are kept aside, by code. */
  deadLetterCodes(): Record<string, number> {
    const rows = this.#store.read(() => this.#store.rows(`SELECT code, count(*) AS n FROM dead_letters GROUP BY code`));
    return Object.fromEntries(rows.map(({ code, n }) => [String(code), Number(n)]));
  }

  close(): void {
    this.#store.close();
  }

  #together<Value>(at: Stamp, work: (storedWallMs: number | null) => Value): Value {
    if (at.clock === 'trusted') {
      this.#trustedWallMs = Math.max(this.#trustedWallMs ?? at.wallMs, at.wallMs);
      this.#trusted = momentOf(at);
    }
    return this.#store.together(() => {
      const { wallMs, at: before } = this.#kept;
      const isOld = Math.abs((this.#trustedWallMs ?? 0) - wallMs) >= TIME_KEPT_EVERY_MS;
      if (isOld || (this.#trusted !== null && !isSameClock(before, this.#trusted))) this.#keepTime();
      return work(at.clock === 'trusted' ? at.wallMs : this.#trustedWallMs);
    });
  }

  #keepTime(): void {
    if (this.#trustedWallMs === null) return;
    this.#setMeta('trusted_wall_ms', String(this.#trustedWallMs));
    if (this.#trusted !== null) this.#setMeta('trusted_at', JSON.stringify(this.#trusted));
    this.#kept = { wallMs: this.#trustedWallMs, at: this.#trusted };
  }

  #putSession(session: Session, isOpen: boolean, storedWallMs: number | null): void {
    this.#store.run(
      `INSERT INTO sessions (session_id, connector_id, is_open, body, stored_wall_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (session_id) DO UPDATE SET is_open = excluded.is_open, body = excluded.body, stored_wall_ms = excluded.stored_wall_ms`,
      session.sessionId,
      session.connectorId,
      isOpen ? 1 : 0,
      JSON.stringify(session),
      storedWallMs,
    );
  }

  #putOrForget(table: 'occupancies' | 'reservations', connectorId: string, value: object | null): void {
    if (value === null) this.#store.run(`DELETE FROM ${table} WHERE connector_id = ?`, connectorId);
    else this.#put(table, 'body', connectorId, value);
  }

  #put(table: PerConnector, column: 'faults' | 'body', connectorId: string, value: object): void {
    this.#store.run(
      `INSERT INTO ${table} (connector_id, ${column}) VALUES (?, ?) ON CONFLICT (connector_id) DO UPDATE SET ${column} = excluded.${column}`,
      connectorId,
      JSON.stringify(value),
    );
  }

  #setMeta(key: string, value: string): void {
    this.#store.run(
      `INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      key,
      value,
    );
  }

  #meta(key: string): unknown {
    return this.#store.row(`SELECT value FROM meta WHERE key = ?`, key)?.value;
  }
}
