import Database, { type Database as Sqlite } from 'better-sqlite3';
import { recordBodySchema } from '#shared/wire/records.ts';
import { openDatabase } from '../../edge/ledger/open-database.ts';
import type { Dice } from './dice.ts';
import { EachCommit } from './each-commit.ts';
import type { Holds } from './holds.ts';
import type { Trace } from './trace.ts';

/** How the disk of a box is doing: how often a commit meets each trouble. */
export interface DiskWeather {
  fullP: number;
  /** The write or its fsync fails: nothing of it is stored. */
  failBeforeP: number;
  /** It fails, and yet all of it is stored. */
  failAfterP: number;
  cannotOpenP: number;
  /** The power goes in the middle of a commit, or just after it. */
  cutP: number;
}

export const goodDisk = (): DiskWeather => ({ fullP: 0, failBeforeP: 0, failAfterP: 0, cannotOpenP: 0, cutP: 0 });

/** When nothing in particular is wrong with it: but the power may go at any commit. */
export const usualDisk = (): DiskWeather => ({ ...goodDisk(), cutP: 0.008 });

/** A record as it was committed, kept by somebody else than the ledger. */
export interface CommittedRecord {
  readonly kind: string;
  readonly body: string;
}

class PowerCut extends Error {}

const fails = (code: string) => new Database.SqliteError(`the disk fails (${code})`, code);

type Run = (...values: unknown[]) => unknown;

/** Opens the ledger of one box, on a real file, so that its commits can fail, and keeps what has been committed. */
export class EdgeDisk {
  readonly weather = goodDisk();
  /** By store epoch, by sequence number: everything that was ever committed. */
  readonly committed = new Map<string, Map<number, CommittedRecord>>();
  readonly #dice: Dice;
  readonly #trace: Trace;
  readonly #name: string;
  readonly #onCut: () => void;
  readonly #onHold: () => void;
  readonly #whole: EachCommit;

  constructor(
    name: string,
    parts: {
      dice: Dice;
      trace: Trace;
      holds: Holds;
      onCut: () => void;
      /** A connector is held from now on. */
      onHold: () => void;
      onViolation: (invariant: string, detail: string) => void;
    },
  ) {
    this.#name = name;
    this.#dice = parts.dice;
    this.#trace = parts.trace;
    this.#onCut = parts.onCut;
    this.#onHold = parts.onHold;
    this.#whole = new EachCommit(parts.holds, parts.onViolation);
  }

  open(path: string, maxBytes: number | null): Sqlite {
    if (this.#dice.chance(this.weather.cannotOpenP)) throw fails('SQLITE_CANTOPEN');
    const database = openDatabase(path, maxBytes);
    const note = this.#witness(database);
    prepareOnce(database);
    const real = database.transaction.bind(database);
    const fragile = (work: Run) => {
      const immediate = (...values: unknown[]) =>
        this.#commit(() => real(this.#before(work)).immediate(...values), note);
      return Object.assign(immediate, { immediate, deferred: immediate, exclusive: immediate, default: immediate });
    };
    database.transaction = fragile as unknown as typeof database.transaction;
    return database;
  }

  #before(work: Run): Run {
    return (...values) => {
      const value = work(...values);
      const { weather } = this;
      if (this.#dice.chance(weather.fullP)) throw this.#trouble('SQLITE_FULL');
      if (this.#dice.chance(weather.failBeforeP)) throw this.#trouble('SQLITE_IOERR_WRITE');
      if (this.#dice.chance(weather.cutP)) throw new PowerCut('before the commit');
      return value;
    };
  }

  #commit(run: () => unknown, note: () => void): unknown {
    try {
      const value = run();
      note();
      if (this.#dice.chance(this.weather.failAfterP)) throw this.#trouble('SQLITE_IOERR_FSYNC');
      if (this.#dice.chance(this.weather.cutP)) throw new PowerCut('after the commit');
      return value;
    } catch (error) {
      if (error instanceof PowerCut) {
        this.#trace.note(this.#name, `the power is cut ${error.message}`);
        this.#onCut();
      }
      throw error;
    }
  }

  #trouble(code: string): Error {
    this.#trace.note(this.#name, `disk: ${code}`);
    return fails(code);
  }

  /** Reads after each commit what has come into the outbox. */
  #witness(database: Sqlite): () => void {
    const epochOf = database.prepare<[], { value: string }>(`SELECT value FROM meta WHERE key = 'store_epoch'`);
    const newer = database.prepare<[number], { seq: number; kind: string; body: string }>(
      `SELECT seq, kind, body FROM outbox WHERE seq > ? ORDER BY seq`,
    );
    let epoch: string | null = null;
    let records = new Map<number, CommittedRecord>();
    let last = 0;
    return () => {
      if (epoch === null) {
        epoch = epochOf.get()?.value ?? null;
        if (epoch === null) return;
        records = this.committed.get(epoch) ?? records;
        this.committed.set(epoch, records);
        last = Math.max(0, ...records.keys());
      }
      for (const { seq, kind, body } of newer.all(last)) {
        records.set(seq, { kind, body });
        last = seq;
        this.#trace.note(this.#name, `commits ${seq} ${kind}`);
        this.#whole.note(recordBodySchema.parse(JSON.parse(body)));
        if (kind === 'reservation.active') this.#onHold();
      }
      this.#whole.check(database);
    };
  }
}

/** A run asks the same few questions a million times. */
function prepareOnce(database: Sqlite): void {
  const real = database.prepare.bind(database);
  const prepared = new Map<string, ReturnType<typeof real>>();
  const prepare = (sql: string) => {
    const statement = prepared.get(sql) ?? real(sql);
    prepared.set(sql, statement);
    return statement;
  };
  database.prepare = prepare as typeof database.prepare;
}
