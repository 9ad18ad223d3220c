import { existsSync, rmSync } from 'node:fs';
import type { Database as Sqlite } from 'better-sqlite3';
import type { Stamp } from '#shared/stamp.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import { siteAlarm } from '../control/report.ts';
import { freshPath, takeName, workshopPath } from './file-names.ts';
import { capPages, openDatabase, pagesOf } from './open-database.ts';
import { append } from './outbox.ts';
import { isJournalAlone, makeQuarantine, quarantine } from './quarantine.ts';
import { type Salvaged, salvage } from './salvage.ts';
import { checkAtStart } from './start-check.ts';
import { type Rescue, Store } from './store.ts';
import { troubleOf } from './store-trouble.ts';
import { checkWal } from './wal-check.ts';

/** What became of a store that was damaged. */
export interface Damage {
  readonly reason: string;
  /** Where its files are; null when there was nothing to keep. */
  readonly keptAt: string | null;
  readonly salvaged: Salvaged;
}

export interface LedgerFileParts {
  readonly path: string;
  readonly maxBytes: number;
  readonly stamp: () => Stamp;
  /** What the operating system takes for the time: names the folder of a damaged store. */
  readonly wallMs: () => number;
  readonly newId: () => string;
  /** Free space on the disk is needed at once. */
  readonly relieve: () => void;
  readonly onDamage: (damage: Damage) => void;
  /** {@link openDatabase} by default. */
  readonly open?: (path: string, maxBytes: number) => Sqlite;
}

/** Above the cap a running charge can still be closed: so much more is given when the cap has been reached. */
const CAP_RESERVE = 0.1;

/** The ledger's file: opened and checked at the start, given room when it is full, replaced when it is damaged. */
export class LedgerFile implements Rescue {
  readonly #parts: LedgerFileParts;
  #unchecked: string[] = [];
  #capBytes: number;

  constructor(parts: LedgerFileParts) {
    this.#parts = parts;
    this.#capBytes = parts.maxBytes;
  }

  /** Tables that the check at the start had no time for. */
  get unchecked(): readonly string[] {
    return this.#unchecked;
  }

  /** @throws SqliteError when there is no opening it, PilegateError when it is of newer software */
  open(): Store {
    const { path } = this.#parts;
    rmSync(workshopPath(path), { recursive: true, force: true });
    this.#finishReplacing();
    let database: Sqlite | null = null;
    try {
      checkWal(`${path}-wal`);
      database = this.#openWithRoom();
      this.#unchecked = checkAtStart(database, () => this.#parts.stamp().monoMs);
      return new Store(database, this);
    } catch (error) {
      database?.close();
      if (troubleOf(error) !== 'damaged') throw error;
      return new Store(this.replace(error), this);
    }
  }

  reopen(): Sqlite {
    this.#finishReplacing();
    return this.#openWithRoom();
  }

  /**
   * The power or the disk failed when the damaged one had gone already, or in part: its journal must not be read into the
   * new one.
   */
  #finishReplacing(): void {
    const { path, wallMs } = this.#parts;
    if (existsSync(path)) return removeStore(freshPath(path));
    if (isJournalAlone(path)) quarantine(path, wallMs());
    if (existsSync(freshPath(path))) takeName(path);
  }

  makeRoom(database: Sqlite): void {
    const { maxBytes, relieve } = this.#parts;
    if (pagesOf(database).isAtCap) {
      this.#capBytes = Math.floor(maxBytes * (1 + CAP_RESERVE));
      capPages(database, this.#capBytes);
    } else {
      relieve();
    }
    checkpointIfPossible(database);
  }

  /** There is room again: what was given above the cap is taken back. */
  restoreCap(database: Sqlite): void {
    if (this.#capBytes === this.#parts.maxBytes || pagesOf(database).usedBytes > this.#parts.maxBytes) return;
    this.#capBytes = this.#parts.maxBytes;
    capPages(database, this.#capBytes);
  }

  /**
   * The new store is whole before the damaged one goes, and takes its name last: whenever the power fails, the next start
   * finds one of the two.
   *
   * @throws SqliteError when the new one cannot be made; whatever the file system says when one of them cannot be moved
   */
  replace(damage: unknown): Sqlite {
    const { path, stamp, wallMs, onDamage } = this.#parts;
    const at = stamp();
    const nowMs = at.clock === 'trusted' ? at.wallMs : null;
    const reason = damage instanceof Error ? damage.message : String(damage);
    const fresh = freshPath(path);
    // Before the work: it is done again and again while there is no place to put the damaged one.
    makeQuarantine(path);
    removeStore(fresh);
    const database = this.#openWithRoom(fresh);
    const salvaged = salvage(path, database, 'recovered', nowMs);
    database.transaction(() => append(new Store(database), this.#alarm(reason, salvaged), at, nowMs))();
    database.pragma('wal_checkpoint(TRUNCATE)');
    database.close();
    const keptAt = quarantine(path, wallMs());
    takeName(path);
    onDamage({ reason, keptAt, salvaged });
    return this.#openWithRoom();
  }

  #openWithRoom(path = this.#parts.path): Sqlite {
    const { relieve, open = openDatabase } = this.#parts;
    try {
      return open(path, this.#capBytes);
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble === null || trouble === 'damaged') throw error;
      relieve();
      return open(path, this.#capBytes);
    }
  }

  #alarm(reason: string, { lost }: Salvaged): RecordOf<'alarm.raised'> {
    const what = lost.length === 0 ? 'everything could be read' : `lost, at least in part: ${lost.join(', ')}`;
    return siteAlarm('store-damaged', this.#parts.newId(), `ledger.db of the site: ${reason}; ${what}`);
  }
}

function removeStore(path: string): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true });
}

/** On a disk that is full again already it fails: then the commit that is tried next says so. */
function checkpointIfPossible(database: Sqlite): void {
  try {
    database.pragma('wal_checkpoint(TRUNCATE)');
  } catch (error) {
    if (troubleOf(error) !== 'full') throw error;
  }
}
