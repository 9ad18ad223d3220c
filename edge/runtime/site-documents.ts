import type { AccessList } from '#shared/access/access-list.ts';
import type { DocumentKind } from '#shared/documents.ts';
import type { TariffSchedule } from '#shared/tariff/schedule.ts';
import type { DocumentPush } from '#shared/wire/messages.ts';
import type { SiteConfig } from '../config/site.ts';
import { accessReader } from '../documents/access-reader.ts';
import { DocumentDoor, type Door, type DoorParts } from '../documents/document-door.ts';
import { documentDigest, type StoredDocument } from '../documents/document-history.ts';
import type { PushRefusal } from '../documents/pushed-document.ts';
import { readTextFile } from '../documents/read-text.ts';
import { tariffReader } from '../documents/tariff-reader.ts';

interface Pushed {
  readonly push: DocumentPush;
  readonly refusal: PushRefusal | null;
}

export interface SiteDocumentsParts extends Omit<DoorParts, 'history'> {
  /** The configuration's own door. */
  readonly siteDoor: Door;
  readonly site: SiteConfig;
  /** What is kept of all kinds. */
  readonly stored: readonly StoredDocument[];
  /** Another version of a document has come into force. */
  readonly onChange: (kind: DocumentKind) => void;
}

/** Every document of the site, each kind with its door. */
export class SiteDocuments {
  readonly #parts: SiteDocumentsParts;
  /** Pushes that came while their door was closed. */
  readonly #later = new Map<DocumentKind, Pushed>();
  /** Which prices hold where and when. */
  readonly tariffs: DocumentDoor<TariffSchedule>;
  /** Who may charge without asking the cloud. */
  readonly access: DocumentDoor<AccessList>;

  constructor(parts: SiteDocumentsParts) {
    this.#parts = parts;
    const connectorIds = parts.site.piles.map(({ connectorId }) => connectorId);
    this.tariffs = new DocumentDoor({
      ...this.#partsOf('tariffs'),
      kind: 'tariffs',
      reader: tariffReader(connectorIds),
      onActive: () => parts.onChange('tariffs'),
    });
    this.access = new DocumentDoor({
      ...this.#partsOf('access'),
      kind: 'access',
      reader: accessReader(connectorIds),
      onActive: () => parts.onChange('access'),
    });
  }

  #partsOf(kind: DocumentKind): DoorParts {
    return { ...this.#parts, history: this.#parts.stored.filter((stored) => stored.kind === kind) };
  }

  /** Begins with what was in force last, and with the files that the site's file names. */
  open(): void {
    const { documents } = this.#parts.site;
    this.tariffs.open(fileAt(documents?.tariffs));
    this.access.open(fileAt(documents?.access));
  }

  get doors(): readonly Door[] {
    return [this.#parts.siteDoor, this.tariffs, this.access];
  }

  door(kind: DocumentKind): Door | null {
    return this.doors.find((door) => door.kind === kind) ?? null;
  }

  /**
   * A version that the cloud sends. What becomes of it, it is told by a record.
   *
   * @param refusal why the push is not to be looked at, as its signatures say; null when it may be
   */
  push(push: DocumentPush, refusal: PushRefusal | null): void {
    const { documentKind, version, digest, text } = push;
    const { log } = this.#parts;
    const door = this.door(documentKind);
    if (door === null) return log.error({ code: 'config.invalid', documentKind }, 'no such document is known here');
    // Nothing can be told of a version that did not come whole: the cloud sends it again.
    if (documentDigest(text) !== digest)
      return log.error({ code: 'wire.schema', documentKind, version }, 'a pushed document does not fit its digest');
    const name = `${documentKind} version ${version}`;
    if (refusal !== null) return void door.refuse({ version, digest, source: 'cloud', name }, refusal);
    if (door.closedBecause() !== null) return void this.#later.set(documentKind, { push, refusal });
    void door.offer({ text, version, source: 'cloud', name });
  }

  /** A door has opened again: what came in the meantime comes in. */
  opened(): void {
    const pushes = [...this.#later.values()];
    this.#later.clear();
    for (const { push, refusal } of pushes) this.push(push, refusal);
  }

  /** The store was damaged and another has taken its place. */
  storeAgain(): void {
    for (const door of this.doors) door.storeAgain();
  }

  async close(): Promise<void> {
    await Promise.all(this.doors.map((door) => door.close()));
  }
}

const fileAt = (path: string | undefined) => (path === undefined ? null : { path, readText: () => readTextFile(path) });
