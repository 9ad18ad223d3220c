import type { Database as Sqlite } from 'better-sqlite3';
import type { Stamp } from '#shared/stamp.ts';
import type { RecordEnvelope } from '#shared/wire/messages.ts';
import { giveBackPages, pagesOf } from '../ledger/open-database.ts';
import { isAtLeast, type SpaceLevel } from '../ledger/space.ts';
import { troubleOf } from '../ledger/store-trouble.ts';
import { recordsAfter, type SamplesLimits } from './outgoing.ts';
import type { Sample } from './sampler.ts';
import { openSamples, replaceSamples } from './samples-file.ts';
import { SamplesStore } from './samples-store.ts';
import { beginStream, endStream, keepAcked, type SamplesStream } from './samples-stream.ts';
import { thin } from './thinning.ts';
import { buryUntaken, type Untaken } from './tombstones.ts';

const GROUP_ROWS = 200;
const GROUP_MS = 10_000;
const MINUTE_MS = 60_000;
const OPEN_AGAIN_AFTER_MS = 60_000;
/** What a power cut may take of the samples. */
const CHECKPOINT_EVERY_MS = 300_000;
const STEPS_A_TICK = 10;
const PAGES_A_TICK = 256;

export interface SamplesRecorderParts {
  readonly path: string;
  readonly maxBytes: number;
  readonly monoMs: () => number;
  readonly stamp: () => Stamp;
  /** Makes the epoch of a store that is new. */
  readonly newId: () => string;
  /** Something about the samples went wrong; nothing else is touched by it. */
  readonly onTrouble: (error: unknown) => void;
}

type LossReason = Exclude<Untaken['reason'], 'damaged' | 'interrupted'>;

interface Loss {
  readonly reason: LossReason;
  readonly fromWallMs: number;
  toWallMs: number;
  count: number;
}

/**
 * Takes samples in, writes them in groups, and gives way when room is short. It owns a database of its own, and none of its
 * failures leave it: what could not be stored is counted, and told by a tombstone as soon as one can be written.
 */
export class SamplesRecorder {
  readonly #parts: SamplesRecorderParts;
  #database: Sqlite | null = null;
  #store: SamplesStore | null = null;
  #stream: SamplesStream | null = null;
  #keptAckedSeq = 0;
  #lostCount = 0;
  #group: Sample[] = [];
  #groupSinceMonoMs = 0;
  readonly #losses = new Map<LossReason, Loss>();
  /** When a connector's last sample was kept while samples are thinned as they come: "connector status" → minute. */
  #keptMinutes = new Map<string, number>();
  #openAgainMonoMs = Number.NEGATIVE_INFINITY;
  #checkpointMonoMs: number;

  constructor(parts: SamplesRecorderParts) {
    this.#parts = parts;
    this.#checkpointMonoMs = parts.monoMs() + CHECKPOINT_EVERY_MS;
  }

  /** Null while the store does not work. */
  get bytes(): number | null {
    return this.#guarded(() => (this.#database === null ? null : pagesOf(this.#database).usedBytes)) ?? null;
  }

  /** Samples that were not taken or not stored, since the process began. */
  get lostCount(): number {
    return this.#lostCount;
  }

  take(samples: readonly Sample[], level: SpaceLevel): void {
    for (const sample of samples) {
      if (this.#isWanted(sample, level)) this.#group.push(sample);
      else this.#lose('not-taken', [sample]);
    }
    if (this.#groupSinceMonoMs === 0 && this.#group.length > 0) this.#groupSinceMonoMs = this.#parts.monoMs();
    if (this.#group.length >= GROUP_ROWS) this.#flush();
  }

  /** To be called every few seconds. */
  tick(level: SpaceLevel): void {
    const nowMonoMs = this.#parts.monoMs();
    if (this.#group.length > 0 && nowMonoMs - this.#groupSinceMonoMs >= GROUP_MS) this.#flush();
    if (level === 'critical') return;
    this.#guarded(() => this.#makeRoom(level));
    if (nowMonoMs < this.#checkpointMonoMs) return;
    this.#checkpointMonoMs = nowMonoMs + CHECKPOINT_EVERY_MS;
    this.#guarded(() => this.#database?.pragma('wal_checkpoint(PASSIVE)'));
  }

  close(): void {
    this.#flush();
    this.#guarded(() => {
      if (this.#database !== null && this.#stream !== null) endStream(this.#database, this.#stream);
      this.#database?.close();
    });
    this.#database = null;
  }

  /** Where the stream stands; null while the store does not work. Another epoch is another store. */
  stream(): Readonly<SamplesStream> | null {
    this.#guarded(() => this.#open());
    return this.#stream;
  }

  /** What is to be told after a number; null when there is nothing, or nothing yet that is worth a message. */
  recordsAfter(afterSeq: number, limits: SamplesLimits): RecordEnvelope[] | null {
    const read = (): RecordEnvelope[] | null => {
      this.#open();
      const [store, stream] = [this.#store, this.#stream];
      if (store === null || stream === null) return null;
      return recordsAfter(store, stream, afterSeq, limits, this.#parts.stamp());
    };
    return this.#guarded(read) ?? null;
  }

  /** The cloud has everything of the store `storeEpoch` up to a number. It stays here as long as there is room. */
  acknowledge(storeEpoch: string, ackedSeq: number): void {
    const stream = this.#stream;
    if (stream?.storeEpoch === storeEpoch)
      stream.ackedSeq = Math.max(stream.ackedSeq, Math.min(ackedSeq, stream.headSeq));
  }

  /**
   * The cloud knows more of the store `storeEpoch` than the store itself, which is an older copy then: its next numbers would be those of
   * other samples. It goes to quarantine, and another takes its place. Where it knows less than it has acknowledged it has lost that:
   * samples are sent again from there on.
   */
  hearCursor(storeEpoch: string, knownSeq: number): void {
    if (this.#stream?.storeEpoch !== storeEpoch) return;
    if (knownSeq <= this.#stream.headSeq) {
      this.#stream.ackedSeq = Math.min(this.#stream.ackedSeq, knownSeq);
      return;
    }
    this.#closeQuietly();
    this.#replace();
  }

  /** Thinned as they come, one a minute is kept of each connector, and each change of its status. */
  #isWanted({ connectorId, status, at }: Sample, level: SpaceLevel): boolean {
    if (level === 'ample') return true;
    if (level !== 'low') return false;
    const key = `${connectorId} ${status}`;
    const minute = Math.floor(at.monoMs / MINUTE_MS);
    const isNew = this.#keptMinutes.get(key) !== minute;
    this.#keptMinutes.set(key, minute);
    return isNew;
  }

  #flush(): void {
    const group = this.#group;
    this.#group = [];
    this.#groupSinceMonoMs = 0;
    if (this.#guarded(() => this.#write(group)) !== true) this.#lose('not-stored', group);
  }

  #write(group: readonly Sample[]): boolean {
    this.#open();
    const [database, store, stream] = [this.#database, this.#store, this.#stream];
    if (database === null || store === null || stream === null) return false;
    const { ackedSeq } = stream;
    let { headSeq } = stream;
    database.transaction(() => {
      for (const loss of this.#losses.values()) {
        headSeq += 1;
        buryUntaken(database, { ...loss, seq: headSeq, numbers: 1 }, ackedSeq);
      }
      store.append(group, headSeq + 1);
      if (ackedSeq > this.#keptAckedSeq) keepAcked(database, ackedSeq);
    })();
    stream.headSeq = headSeq + group.length;
    this.#keptAckedSeq = ackedSeq;
    this.#losses.clear();
    return true;
  }

  #open(): void {
    const { path, maxBytes, monoMs, stamp } = this.#parts;
    if (this.#database !== null || monoMs() < this.#openAgainMonoMs) return;
    this.#openAgainMonoMs = monoMs() + OPEN_AGAIN_AFTER_MS;
    this.#use(openSamples(path, maxBytes, stamp().wallMs));
  }

  #use(database: Sqlite): void {
    this.#database = database;
    this.#stream = beginStream(database, this.#parts.newId, this.#parts.stamp().bootId);
    this.#keptAckedSeq = this.#stream.ackedSeq;
    this.#store = new SamplesStore(database);
  }

  /** Older samples are thinned above the cap and when the disk is low; the oldest go above the cap and when it is scarce. */
  #makeRoom(level: SpaceLevel): void {
    const database = this.#database;
    if (database === null) return;
    const isOverCap = () => pagesOf(database).usedBytes > this.#parts.maxBytes;
    for (let step = 0; step < STEPS_A_TICK && (isOverCap() || isAtLeast(level, 'low')); step += 1) {
      if (!thin(database, isOverCap() || isAtLeast(level, 'scarce'), this.#stream?.ackedSeq ?? 0)) break;
      this.#store?.forgetNames();
    }
    if (pagesOf(database).freeBytes > 0 && (isAtLeast(level, 'low') || isOverCap()))
      giveBackPages(database, PAGES_A_TICK);
  }

  #lose(reason: LossReason, samples: readonly Sample[]): void {
    this.#lostCount += samples.length;
    for (const { at } of samples) {
      const known = this.#losses.get(reason);
      if (known === undefined)
        this.#losses.set(reason, { reason, fromWallMs: at.wallMs, toWallMs: at.wallMs, count: 1 });
      else {
        known.toWallMs = at.wallMs;
        known.count += 1;
      }
    }
  }

  /** A damaged store is replaced; one that fails otherwise is left alone for a while. */
  #guarded<Value>(work: () => Value): Value | undefined {
    try {
      return work();
    } catch (error) {
      this.#parts.onTrouble(error);
      this.#closeQuietly();
      if (troubleOf(error) === 'damaged') this.#replace();
      return undefined;
    }
  }

  #replace(): void {
    const { path, maxBytes, stamp, onTrouble } = this.#parts;
    try {
      this.#use(replaceSamples(path, maxBytes, stamp().wallMs));
    } catch (error) {
      onTrouble(error);
      this.#closeQuietly();
    }
  }

  #closeQuietly(): void {
    try {
      this.#database?.close();
    } catch {
      // It is opened again, or replaced, and judged then.
    }
    this.#database = null;
    this.#store = null;
    this.#stream = null;
  }
}
