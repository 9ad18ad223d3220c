import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { DocumentKeys, DocumentKeysOffer } from '#shared/document-signing.ts';
import { syncFile, syncFolderOf } from '../ledger/durable-files.ts';
import { keysIn, keysToPin, type PinnedKeys } from './pushed-document.ts';

/**
 * The cloud's keys as they are pinned at the site, in `document-keys.json` beside the ledger: no document names the file, so none can
 * leave it out. It is read each time that it is asked for: what a technician has put there counts at once.
 */
export class PinnedKeysFile {
  readonly #path: string;

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'document-keys.json');
  }

  read(): PinnedKeys {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { kind: 'none' };
      return { kind: 'unreadable', reason: `${this.#path} cannot be read: ${String(error)}` };
    }
    const keys = keysIn(text);
    return keys === null
      ? { kind: 'unreadable', reason: `${this.#path} is no list of keys` }
      : { kind: 'pinned', keys };
  }

  keyIds(): string[] {
    const pinned = this.read();
    return pinned.kind === 'pinned' ? pinned.keys.keys.map(({ keyId }) => keyId) : [];
  }

  /** The cloud has told its keys: they are pinned if they may be. What the disk does not take is offered again with the next welcome. */
  follow(offer: DocumentKeysOffer, log: Logger): void {
    const before = this.keyIds();
    const keys = keysToPin(offer, this.read());
    if (keys === null) return;
    try {
      this.write(keys);
    } catch (error) {
      return log.error({ code: 'store.unavailable', err: error }, 'keys of documents could not be pinned');
    }
    const fields = { serial: keys.serial, keyIds: this.keyIds(), before };
    log.warn(fields, 'from now on pushed documents are accepted from these keys alone');
  }

  /** @throws whatever the file system refuses it with; then the former keys stay */
  write(keys: DocumentKeys): void {
    const fresh = `${this.#path}.new`;
    writeFileSync(fresh, `${JSON.stringify(keys, null, 2)}\n`);
    syncFile(fresh);
    renameSync(fresh, this.#path);
    syncFolderOf(this.#path);
  }
}
