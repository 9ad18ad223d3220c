import type { Logger } from 'pino';
import { describeComplaints } from '#shared/complaints.ts';
import type { DocumentKind, DocumentSource } from '#shared/documents.ts';
import { type Complaint, type ErrorCode, isPilegateError, PilegateError } from '#shared/errors.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import { complain } from './complain.ts';
import {
  activeIn,
  changeBetween,
  type DocumentChange,
  type DocumentHistory,
  documentDigest,
  formerIn,
  knownAs,
  lastFromFile,
  pendingIn,
  type StoredDocument,
  withActive,
  withLeft,
  withWaiting,
} from './document-history.ts';
import type { DocumentReader } from './document-kind.ts';
import { judgeOffer } from './judge-offer.ts';
import type { PushRefusal } from './pushed-document.ts';
import { refusalOf, reportOf, reportsOf } from './report.ts';

/** A document that somebody wants in force. */
export interface OfferedDocument {
  readonly text: string;
  readonly source: DocumentSource;
  /** What it is called in a refusal. */
  readonly name: string;
  /** As whoever sends it numbers it; null: as the document states it, else the next one. */
  readonly version: number | null;
}

/** A document whose text nobody has looked at. */
export interface RefusedOffer extends Pick<OfferedDocument, 'version' | 'source' | 'name'> {
  readonly digest: string;
}

export type OfferResult =
  | {
      readonly kind: 'done';
      readonly version: number;
      readonly status: 'active' | 'waiting';
      readonly detail: string | null;
    }
  | { readonly kind: 'refused'; readonly reason: string };

/** Where documents of one kind come in, whatever way they come. */
export interface Door {
  readonly kind: DocumentKind;
  readonly history: DocumentHistory;
  /** Why the last document that was offered was refused; null when it was taken. */
  readonly refused: string | null;
  /** Why nothing can be taken at present; null when it can. */
  closedBecause(): string | null;
  /** Resolves when it is on disk, and in force or waiting; or refused. */
  offer(offered: OfferedDocument): Promise<OfferResult>;
  /** Whoever sent it is not believed: it is not looked at, and that is told. */
  refuse(offered: RefusedOffer, refusal: PushRefusal): Promise<OfferResult>;
  /** Goes back to the last good version before the one in force. */
  rollBack(): Promise<OfferResult>;
  /** Whether a document would be taken, in words. @throws PilegateError why not */
  check(text: string, name: string): readonly string[];
  /** What would change with a document, line by line. @throws PilegateError when it cannot be read */
  compare(text: string, name: string): readonly string[];
  /** What may be shown of a version; null when there is no such version. */
  show(version: number | null): string | null;
  /** The store was damaged and another has taken its place: what is known here is put into it. */
  storeAgain(): void;
  close(): Promise<void>;
}

export interface DoorParts {
  /** What is kept of former versions. */
  readonly history: DocumentHistory;
  /** Resolves when the change and the records are on disk, in one transaction. */
  readonly store: (change: DocumentChange, records: readonly RecordBody[]) => Promise<void>;
  readonly stamp: () => Stamp;
  readonly log: Logger;
}

/** How documents come into force that cannot do so at once. */
export interface Staging<Document> {
  /** Why nothing can be taken at present; null when it can. */
  readonly closedBecause: () => string | null;
  /** Why a document waits, for whoever offers it. */
  readonly waitsBecause: (document: Document) => string;
}

interface DoorSettings<Document> extends DoorParts {
  readonly kind: DocumentKind;
  readonly reader: DocumentReader<Document>;
  /** Left out: they come into force at once. A charge that runs keeps what it was started under. */
  readonly staging?: Staging<Document>;
  /** Another version has come into force, and is on disk. */
  readonly onActive: (document: Document) => void;
}

export class DocumentDoor<Document> implements Door {
  readonly kind: DocumentKind;
  readonly #parts: DoorSettings<Document>;
  #history: DocumentHistory;
  #active: Document | null = null;
  #refused: string | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: DoorSettings<Document>) {
    this.kind = parts.kind;
    this.#parts = parts;
    this.#history = parts.history;
  }

  get history(): DocumentHistory {
    return this.#history;
  }

  get refused(): string | null {
    return this.#refused;
  }

  /** The document in force; null while there is none. */
  get active(): Document | null {
    return this.#active;
  }

  /**
   * Begins with what was in force last. A file counts when it is not the one that was taken last: so neither a version that
   * came later nor a roll-back is undone by a restart.
   *
   * @param file null where the site's file names none; `readText` throws a PilegateError
   */
  open(file: { readonly path: string; readonly readText: () => string } | null): void {
    this.#active = this.#lastGood();
    if (file !== null) this.#last = this.#offerFile(file.path, file.readText);
  }

  closedBecause(): string | null {
    return this.#parts.staging?.closedBecause() ?? null;
  }

  offer(offered: OfferedDocument): Promise<OfferResult> {
    return this.#inTurn(() => this.#judge(offered));
  }

  refuse(offered: RefusedOffer, { code, detail }: PushRefusal): Promise<OfferResult> {
    return this.#inTurn(async () => {
      const known = offered.version === null ? null : knownAs(this.#history, offered.version);
      const reason = `${offered.name}: ${code}: ${detail}`;
      if (known?.digest !== offered.digest) return this.#tellRefusal(offered, reason, [], code);
      // What was taken before stands as it did, whoever names it now.
      await this.#tell(reportOf(known));
      return this.#refuse(reason);
    });
  }

  rollBack(): Promise<OfferResult> {
    return this.#inTurn(() => {
      const closed = this.closedBecause();
      if (closed !== null) return this.#refuse(closed);
      const waiting = pendingIn(this.#history);
      if (waiting !== null) return this.#withdraw(waiting);
      const former = formerIn(this.#history);
      if (former === null) return this.#refuse('there is no earlier version to go back to');
      const name = `version ${former.version}`;
      const read = this.#read(former.text, name);
      return 'complaints' in read ? this.#refuse(read.reason) : this.#take(former, read.document);
    });
  }

  check(text: string, name: string): readonly string[] {
    const { reader, staging } = this.#parts;
    const document = reader.read(text, name);
    const version = reader.versionOf(document);
    const judged = judgeOffer(this.#history, { digest: documentDigest(text), version, source: 'pilectl' });
    if (judged.kind === 'refused') throw complain(name, judged.complaints);
    if (judged.kind === 'known') return [`${name} is good: it is version ${judged.stored.version}`];
    const waits = staging === undefined ? [] : [`as version ${judged.version} it ${staging.waitsBecause(document)}`];
    return [`${name} is good`, ...waits];
  }

  compare(text: string, name: string): readonly string[] {
    const { read, readAgain, differences = noDifferences } = this.#parts.reader;
    const active = activeIn(this.#history);
    const document = read(text, name);
    return active === null
      ? ['nothing is in force yet']
      : differences(readAgain(active.text, `version ${active.version}`), document);
  }

  show(version: number | null): string | null {
    const stored = version === null ? activeIn(this.#history) : this.#history.find((one) => one.version === version);
    if (stored === undefined || stored === null) return null;
    const { show } = this.#parts.reader;
    if (show === undefined) return stored.text;
    const read = this.#read(stored.text, `version ${stored.version}`, this.#parts.reader.readAgain);
    return 'complaints' in read ? `it cannot be read by this software: ${read.reason}` : show(read.document);
  }

  storeAgain(): void {
    this.#last = this.#last.then(() => this.#putAgain());
  }

  async close(): Promise<void> {
    await this.#last;
  }

  async #offerFile(path: string, readText: () => string): Promise<void> {
    let text: string;
    try {
      text = readText();
    } catch (error) {
      if (!isPilegateError(error)) throw error;
      this.#refuse(error.detail);
      return;
    }
    if (lastFromFile(this.#history)?.digest === documentDigest(text)) return;
    await this.#judge({ text, source: 'file', name: path, version: null });
  }

  /** One after the other: each is judged by what the one before has left. */
  #inTurn(work: () => OfferResult | Promise<OfferResult>): Promise<OfferResult> {
    const done = this.#last.then(work);
    this.#last = done;
    return done;
  }

  #judge({ text, source, name, version }: OfferedDocument): Promise<OfferResult> {
    const { kind, stamp, reader } = this.#parts;
    const closed = this.closedBecause();
    if (closed !== null) return Promise.resolve(this.#refuse(closed));
    const digest = documentDigest(text);
    const read = this.#read(text, name);
    if ('complaints' in read) return this.#tellRefusal({ version, digest, source }, read.reason, read.complaints);
    const stated = reader.versionOf(read.document);
    if (version !== null && stated !== null && stated !== version)
      return this.#tellRefusal(
        { version, digest, source },
        `${name}: it states version ${stated}, and was sent as ${version}`,
      );
    const judged = judgeOffer(this.#history, { digest, source, version: version ?? stated });
    if (judged.kind === 'refused')
      return this.#tellRefusal(
        { version: version ?? stated, digest, source },
        `${name}: ${describeComplaints(judged.complaints)}`,
        judged.complaints,
      );
    if (judged.kind === 'new') {
      const taken = { kind, version: judged.version, text, digest, source, takenAt: stamp() };
      return this.#take({ ...taken, state: 'waiting', reason: null, trial: null }, read.document);
    }
    const { stored } = judged;
    return source === 'cloud' || stored.state === 'active' || stored.state === 'waiting'
      ? this.#tellKnown(stored, source)
      : this.#take(stored, read.document);
  }

  /** What the cloud repeats is answered again, and has no effect: a version that was left stays so. */
  async #tellKnown(stored: StoredDocument, source: DocumentSource): Promise<OfferResult> {
    const { version, state } = stored;
    const report = reportOf(stored);
    if (source === 'cloud') await this.#tell(report);
    return state === 'active' || state === 'waiting'
      ? { kind: 'done', version, status: state, detail: stored.reason }
      : { kind: 'refused', reason: `version ${version} is not taken again: ${report.detail ?? 'it was left'}` };
  }

  /** Puts a version in force, or in line for it. */
  async #take(stored: StoredDocument, document: Document): Promise<OfferResult> {
    const { kind, staging, log, onActive } = this.#parts;
    const { version, source, digest } = stored;
    const detail = staging?.waitsBecause(document) ?? null;
    const after =
      staging === undefined ? withActive(this.#history, stored) : withWaiting(this.#history, stored, detail);
    try {
      await this.update(after);
    } catch (error) {
      return this.#refuse(`version ${version} could not be stored: ${messageOf(error)}`);
    }
    this.#refused = null;
    if (staging !== undefined) {
      log.info({ documentKind: kind, version, source, digest, detail }, 'document is taken, and waits');
      return { kind: 'done', version, status: 'waiting', detail };
    }
    this.#active = document;
    log.info({ documentKind: kind, version, source, digest }, 'document is in force');
    onActive(document);
    return { kind: 'done', version, status: 'active', detail: null };
  }

  async #withdraw({ version }: StoredDocument): Promise<OfferResult> {
    try {
      await this.update(withLeft(this.#history, version, 'withdrawn', 'taken back before it was applied'));
    } catch (error) {
      return this.#refuse(`it could not be stored: ${messageOf(error)}`);
    }
    return {
      kind: 'done',
      version: activeIn(this.#history)?.version ?? 0,
      status: 'active',
      detail: `version ${version} is withdrawn`,
    };
  }

  /**
   * Stores what has become of the versions, with the records that tell of it. Resolves when it is on disk.
   *
   * @param records what else is to be told with it
   * @throws whatever the store refuses it with; then nothing has changed
   */
  async update(after: DocumentHistory, records: readonly RecordBody[] = []): Promise<void> {
    const { kind, store } = this.#parts;
    const change = changeBetween(kind, this.#history, after);
    await store(change, [...reportsOf(change), ...records]);
    this.#history = after;
  }

  /**
   * What was in force last, though it fits the site no longer in every part: an older one would bring old prices back, or let in
   * who has been taken off a list. One that cannot be read, as after newer software was left, leaves none in force.
   */
  #lastGood(): Document | null {
    const active = activeIn(this.#history);
    if (active === null) return null;
    const name = `version ${active.version}`;
    const read = this.#read(active.text, name);
    if (!('complaints' in read)) return read.document;
    this.#refuse(read.reason);
    const again = this.#read(active.text, name, this.#parts.reader.readAgain);
    return 'complaints' in again ? null : again.document;
  }

  #read(
    text: string,
    name: string,
    read = this.#parts.reader.read,
  ): { document: Document } | { reason: string; complaints: readonly Complaint[] } {
    try {
      return { document: read(text, name) };
    } catch (error) {
      if (!isPilegateError(error)) throw error;
      return { reason: error.detail, complaints: error.complaints };
    }
  }

  async #tellRefusal(
    { version, digest, source }: { version: number | null; digest: string; source: DocumentSource },
    reason: string,
    complaints: readonly Complaint[] = [],
    code?: ErrorCode,
  ): Promise<OfferResult> {
    if (version !== null)
      await this.#tell({
        ...refusalOf({ kind: this.kind, version, digest, source }, reason, complaints),
        ...(code !== undefined && { code }),
      });
    return this.#refuse(reason);
  }

  /** What cannot be stored is not told: the cloud asks again. */
  async #tell(record: RecordBody): Promise<void> {
    const { kind, store, log } = this.#parts;
    try {
      await store({ kind, put: [], drop: [] }, [record]);
    } catch (error) {
      log.error({ code: 'store.unavailable', documentKind: kind, err: error }, 'report could not be stored');
    }
  }

  async #putAgain(): Promise<void> {
    const { kind, store, log } = this.#parts;
    try {
      await store({ kind, put: this.#history, drop: [] }, []);
    } catch (error) {
      log.error({ code: 'store.unavailable', documentKind: kind, err: error }, 'documents could not be stored again');
    }
  }

  #refuse(reason: string): OfferResult {
    this.#refused = reason;
    this.#parts.log.warn({ code: 'config.invalid', documentKind: this.kind, reason }, 'document is refused');
    return { kind: 'refused', reason };
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const noDifferences = (): never => {
  throw new PilegateError('config.invalid', 'documents of this kind cannot be compared');
};
