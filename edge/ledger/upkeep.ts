import type { Stamp } from '#shared/stamp.ts';
import type { LedgerFile } from './ledger-file.ts';
import { giveBackPages, pagesOf } from './open-database.ts';
import { capOutbox } from './outbox-cap.ts';
import { boundDeadLetters, removeOld } from './retention.ts';
import type { SpaceLevel } from './space.ts';
import { checkTable } from './start-check.ts';
import type { Store } from './store.ts';

const DAY_MS = 86_400_000;
/** With little room what is done with goes sooner. */
const KEEP_WHEN_SHORT_MS = 30 * DAY_MS;
/** Free pages that are worth the writing it takes to give them back. */
const FREE_WORTH_GIVING_BYTES = 1_048_576;
const PAGES_A_PASS = 256;

export interface UpkeepParts {
  readonly store: Store;
  readonly file: LedgerFile;
  readonly keepDays: number;
  readonly outboxMaxRecords: number;
  readonly stamp: () => Stamp;
}

export interface UpkeepReport {
  readonly removed: number;
  readonly dropped: number;
  readonly deadLettersDropped: number;
}

/** What the ledger needs now and then, in passes short enough for a commit to wait for one. */
export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #unchecked: string[];

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    this.#unchecked = [...parts.file.unchecked];
  }

  /** @param isIdle nothing has been stored for a while: there is time for a look at what was not checked at the start */
  pass(level: SpaceLevel, isIdle: boolean): UpkeepReport {
    const { store, file, keepDays, outboxMaxRecords, stamp } = this.#parts;
    const at = stamp();
    const keepMs = level === 'ample' ? keepDays * DAY_MS : Math.min(keepDays * DAY_MS, KEEP_WHEN_SHORT_MS);
    const report = {
      dropped: capOutbox(store, outboxMaxRecords, at),
      removed: at.clock === 'trusted' ? removeOld(store, at.wallMs, keepMs) : 0,
      deadLettersDropped: boundDeadLetters(store),
    };
    if (pagesOf(store.database).freeBytes >= FREE_WORTH_GIVING_BYTES) giveBackPages(store.database, PAGES_A_PASS);
    file.restoreCap(store.database);
    if (isIdle) this.#whenIdle();
    return report;
  }

  #whenIdle(): void {
    const { store } = this.#parts;
    const table = this.#unchecked.shift();
    if (table !== undefined) store.read(() => checkTable(store.database, table));
    store.database.pragma('wal_checkpoint(TRUNCATE)');
  }
}
