import type { Database as Sqlite } from 'better-sqlite3';
import { isFileError, StoreInDoubt, troubleOf } from './store-trouble.ts';

/** What can be done when a store fails. Every way ends in a database that is open, or throws. */
export interface Rescue {
  /** The disk or the cap is full: gives free what is kept for this. */
  makeRoom(database: Sqlite): void;
  /** Opens the same file again. */
  reopen(): Sqlite;
  /** Puts a new store in place of a damaged one, with what can be read of it. */
  replace(damage: unknown): Sqlite;
}

export type Row = Record<string, unknown>;

/** Head and acknowledged cursor of the outbox: every transaction that must not happen twice moves one of them. */
interface Mark {
  readonly headSeq: number;
  readonly ackedSeq: number;
}
const isSame = (a: Mark, b: Mark) => a.headSeq === b.headSeq && a.ackedSeq === b.ackedSeq;

/** A transaction of which nobody knows whether it is stored. */
interface Doubt {
  readonly before: Mark;
  readonly after: Mark;
  outcome: 'unknown' | 'stored' | 'not-stored';
}

/** `done` once everything but the commit itself has been carried out. */
interface Attempt<Value> {
  done: { readonly value: Value; readonly doubt: Doubt } | null;
}
type Done<Value> = Attempt<Value> & { done: NonNullable<Attempt<Value>['done']> };

/**
 * The ledger's file under everything that can happen to it. A transaction that fails for want of room is tried once more
 * after room was made; one that fails with an I/O error is looked for in the file, opened again, before it is repeated, and
 * counts as stored only once the disk has synced it; one that meets damage is repeated in the store that takes the damaged one's place.
 */
export class Store {
  #database: Sqlite | null;
  readonly #rescue: Rescue | null;
  #doubt: Doubt | null = null;
  /** Called when another store, with another epoch, has taken the place of this one. */
  onReplaced: () => void = () => {};

  constructor(database: Sqlite, rescue: Rescue | null = null) {
    this.#database = database;
    this.#rescue = rescue;
  }

  /** @throws StoreInDoubt when the file cannot be opened */
  get database(): Sqlite {
    return this.#database ?? this.#openAgain();
  }

  /** The file does not open at present. */
  get isLost(): boolean {
    return this.#database === null;
  }

  /** @throws SqliteError when nothing of it was stored; StoreInDoubt when nobody knows */
  together<Value>(work: () => Value): Value {
    for (let isRepeated = false; ; isRepeated = true) {
      const attempt: Attempt<Value> = { done: null };
      try {
        return this.#attempt(attempt, work);
      } catch (error) {
        const trouble = this.#rescue === null ? null : troubleOf(error);
        if (trouble === 'in-doubt' && this.#isStoredAfterAll(attempt)) return attempt.done.value;
        if (trouble === 'in-doubt' && isRepeated && isUnmarked(attempt)) throw this.#stillInDoubt(error);
        if (trouble === null || isRepeated) throw error;
        if (trouble === 'full') this.#rescue?.makeRoom(this.database);
        if (trouble === 'damaged') this.#replace(error);
      }
    }
  }

  #attempt<Value>(attempt: Attempt<Value>, work: () => Value): Value {
    const before = this.#mark();
    const transaction = this.database.transaction(() => {
      const value = work();
      attempt.done = { value, doubt: { before, after: this.#mark(), outcome: 'unknown' } };
      return value;
    });
    return transaction.immediate();
  }

  /**
   * A transaction that moves neither mark leaves nothing that would be there twice: it counts as not stored, and is repeated
   * until it is.
   */
  #isStoredAfterAll<Value>(attempt: Attempt<Value>): attempt is Done<Value> {
    this.#doubt = attempt.done?.doubt ?? null;
    const { doubt } = attempt.done ?? {};
    this.#openAgain();
    return doubt?.outcome === 'stored';
  }

  /** Nobody can tell whether it is stored: whoever asked must not be told that it is not. */
  #stillInDoubt(error: unknown): StoreInDoubt {
    return new StoreInDoubt(error, () => {
      void this.database;
      return false;
    });
  }

  read<Value>(look: () => Value): Value {
    try {
      return look();
    } catch (error) {
      const trouble = this.#rescue === null ? null : troubleOf(error);
      if (trouble === 'damaged') this.#replace(error);
      else if (trouble === 'in-doubt') this.#openAgain();
      else throw error;
      return look();
    }
  }

  run(sql: string, ...values: unknown[]): void {
    this.database.prepare(sql).run(...values);
  }

  row(sql: string, ...values: unknown[]): Row | undefined {
    return this.database.prepare<unknown[], Row>(sql).get(...values);
  }

  rows(sql: string, ...values: unknown[]): Row[] {
    return this.database.prepare<unknown[], Row>(sql).all(...values);
  }

  close(): void {
    this.#database?.close();
    this.#database = null;
  }

  #mark(): Mark {
    const head = this.row(`SELECT seq FROM sqlite_sequence WHERE name = 'outbox'`);
    const acked = this.row(`SELECT value FROM meta WHERE key = 'acked_seq'`);
    return { headSeq: Number(head?.seq ?? 0), ackedSeq: Number(acked?.value ?? 0) };
  }

  #openAgain(): Sqlite {
    const doubt = this.#doubt;
    try {
      this.#discard();
      if (this.#rescue === null) throw new Error('it was closed');
      const database = this.#rescue.reopen();
      this.#database = database;
      if (doubt !== null) settle(doubt, this.#mark());
      if (doubt?.outcome === 'stored') makeDurable(database);
      this.#doubt = null;
      return database;
    } catch (error) {
      if (troubleOf(error) === 'damaged') return this.#replace(error);
      this.#discard();
      throw new StoreInDoubt(error, () => {
        void this.database;
        return doubt?.outcome === 'stored';
      });
    }
  }

  /** A transaction in doubt is repeated in the new store: what it told the cloud already, the cloud knows by its ids. */
  #replace(damage: unknown): Sqlite {
    this.#discard();
    this.#doubt = null;
    if (this.#rescue === null) throw damage;
    try {
      this.#database = this.#rescue.replace(damage);
    } catch (error) {
      throw isFileError(error) ? this.#stillInDoubt(error) : error;
    }
    this.onReplaced();
    return this.#database;
  }

  /** What could not be closed is judged when it is opened again. */
  #discard(): void {
    try {
      this.#database?.close();
    } catch {
      // The file descriptors are gone all the same.
    }
    this.#database = null;
  }
}

const isUnmarked = ({ done }: Attempt<unknown>): boolean =>
  done !== null && isSame(done.doubt.before, done.doubt.after);

/**
 * What is read may be what the file system remembers and not what the disk holds: after a failed fsync it does not write those
 * pages again. A checkpoint writes them anew, to another place, and syncs that.
 *
 * @throws SqliteError when that fails as well; Error while somebody else reads: nothing is proven then
 */
function makeDurable(database: Sqlite): void {
  const [outcome] = database.pragma('wal_checkpoint(PASSIVE)') as { busy: number; log: number; checkpointed: number }[];
  if (outcome?.busy !== 0 || outcome.log !== outcome.checkpointed) throw new Error('somebody else reads it');
}

function settle(doubt: Doubt, found: Mark): void {
  doubt.outcome = !isSame(doubt.before, doubt.after) && isSame(found, doubt.after) ? 'stored' : 'not-stored';
}
