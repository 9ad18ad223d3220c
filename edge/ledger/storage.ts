import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { StorageConfig } from '../config/storage.ts';
import { SamplesRecorder } from '../samples/recorder.ts';
import type { Sample } from '../samples/sampler.ts';
import { backUp } from './backup.ts';
import { Ballast } from './ballast.ts';
import { bytesWritten } from './bytes-written.ts';
import { CommitQueue } from './commit-queue.ts';
import { Ledger } from './ledger.ts';
import { type Damage, LedgerFile, type LedgerFileParts } from './ledger-file.ts';
import { openDatabase, pagesOf } from './open-database.ts';
import { type DiskSpace, diskSpaceOf, SpaceWatch } from './space-watch.ts';
import { lossText, perPileDay, type StorageHealth } from './storage-health.ts';
import type { Store } from './store.ts';
import { confirmLossIn, unconfirmedLossIn } from './store-loss.ts';
import { isStoreError } from './store-trouble.ts';
import { Upkeep } from './upkeep.ts';

export interface StorageParts {
  readonly dataDir: string;
  readonly config: StorageConfig;
  readonly piles: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly stamp: () => Stamp;
  readonly newId: () => string;
  readonly log: Logger;
  /** Told when something about the storage has changed. */
  readonly onHealth: (health: StorageHealth) => void;
  /** Of the data folder's file system, by default. */
  readonly disk?: () => DiskSpace;
  /** {@link openDatabase} by default. */
  readonly openLedger?: LedgerFileParts['open'];
}

const MIB = 1_048_576;
const TICK_MS = 5000;
const UPKEEP_EVERY_MS = 60_000;
/** After so long without a commit the journal is brought into the database and cut off. */
const IDLE_AFTER_MS = 300_000;

/** Everything that the site has on disk: the ledger, the samples, the ballast, and how much room there is. */
export class Storage {
  readonly ledger: Ledger;
  readonly commits: CommitQueue;
  readonly #parts: StorageParts;
  readonly #store: Store;
  readonly #space: SpaceWatch;
  readonly samples: SamplesRecorder;
  readonly #upkeep: Upkeep;
  readonly #openedMonoMs: number;
  readonly #writtenBefore: number | null;
  #health: StorageHealth;
  #damage: string | null = null;
  #unconfirmedLoss: readonly string[] = [];
  #committedMonoMs: number;
  #upkeepMonoMs: number;
  #cancelTick: () => void = () => {};

  /** @throws SqliteError when the ledger can be neither opened nor made anew; PilegateError when it is of newer software */
  constructor(parts: StorageParts) {
    const { dataDir, config, clock, timers, stamp, newId } = parts;
    this.#parts = parts;
    this.#space = new SpaceWatch({
      ballast: new Ballast(join(dataDir, 'ballast'), config.ballastMb * MIB, (error) =>
        parts.log.error({ err: error }, 'the ballast fails; on a full disk there is nothing to give back'),
      ),
      disk: parts.disk ?? (() => diskSpaceOf(dataDir)),
      ledger: () => ({ usedBytes: this.#ledgerBytes(), maxBytes: config.ledgerMaxMb * MIB }),
      monoMs: clock.monoMs,
    });
    const file = new LedgerFile({
      path: join(dataDir, 'ledger.db'),
      maxBytes: config.ledgerMaxMb * MIB,
      stamp,
      wallMs: clock.wallMs,
      newId,
      relieve: () => this.#space.relieve(),
      onDamage: (damage) => this.#onDamage(damage),
      open: parts.openLedger ?? openDatabase,
    });
    this.#store = file.open();
    this.ledger = new Ledger(this.#store, newId);
    this.commits = new CommitQueue(timers);
    this.#upkeep = new Upkeep({ ...config, store: this.#store, file, stamp });
    this.samples = new SamplesRecorder({
      path: join(dataDir, 'samples.db'),
      maxBytes: config.samplesMaxMb * MIB,
      monoMs: clock.monoMs,
      stamp,
      newId,
      onTrouble: (error) => parts.log.error({ err: error }, 'samples are not stored; billing does without them'),
    });
    this.#openedMonoMs = clock.monoMs();
    this.#committedMonoMs = this.#openedMonoMs;
    this.#upkeepMonoMs = this.#openedMonoMs;
    this.#health = this.#look();
    this.#writtenBefore = bytesWritten();
  }

  get health(): StorageHealth {
    return this.#health;
  }

  /** Begins to look after itself. */
  start(): void {
    this.#parts.onHealth(this.#health);
    this.#schedule();
  }

  takeSamples(samples: readonly Sample[]): void {
    this.samples.take(samples, this.#health.level);
  }

  /** A commit has been asked for: the store is not idle, and how it went may have changed what is left. */
  committed(): void {
    this.#committedMonoMs = this.#parts.clock.monoMs();
    const { level, mayCharge, storeEpoch } = this.#health;
    const isAsTold = this.#space.level === level && storeEpoch === this.ledger.storeEpoch;
    if (!isAsTold || (this.#isLost && mayCharge)) this.refresh();
  }

  /** Copies the ledger to a file while it is in use. @throws when that is not possible */
  backUp(path: string): Promise<void> {
    return backUp(this.#store.database, path);
  }

  /** Somebody has looked at the site, and has set again what a damaged store had lost: charges may begin. */
  confirmLoss(): void {
    this.#store.together(() => confirmLossIn(this.#store));
    this.refresh();
  }

  /** Measures, and tells when the outcome matters. */
  refresh(): void {
    const before = this.#health;
    this.#health = this.#look();
    if (JSON.stringify(before) !== JSON.stringify(this.#health)) this.#parts.onHealth(this.#health);
  }

  tick(): void {
    this.refresh();
    this.samples.tick(this.#health.level);
    const nowMonoMs = this.#parts.clock.monoMs();
    if (nowMonoMs - this.#upkeepMonoMs < UPKEEP_EVERY_MS) return;
    this.#upkeepMonoMs = nowMonoMs;
    this.#keepUp(nowMonoMs - this.#committedMonoMs >= IDLE_AFTER_MS);
  }

  close(): void {
    this.#cancelTick();
    this.commits.close();
    this.samples.close();
    this.ledger.close();
  }

  #schedule(): void {
    this.#cancelTick = this.#parts.timers.after(TICK_MS, () => {
      this.tick();
      this.#schedule();
    });
  }

  #keepUp(isIdle: boolean): void {
    const { log } = this.#parts;
    try {
      const { removed, dropped, deadLettersDropped } = this.#upkeep.pass(this.#health.level, isIdle);
      if (dropped > 0) log.warn({ dropped }, 'alarms that wait for the cloud have been dropped');
      if (deadLettersDropped > 0) log.warn({ deadLettersDropped }, 'old refused records have been dropped');
      if (removed > 0) log.info({ removed }, 'old rows have been removed');
    } catch (error) {
      if (!isStoreError(error)) throw error;
      log.error({ code: 'store.unavailable', err: error }, 'the ledger could not be kept up');
    }
  }

  #onDamage({ reason, keptAt, salvaged }: Damage): void {
    this.#damage = reason;
    this.#parts.log.fatal(
      { code: 'store.unavailable', reason, keptAt, ...salvaged },
      'the ledger is damaged and made anew',
    );
  }

  get #isLost(): boolean {
    return this.#store.isLost || this.commits.isInDoubt;
  }

  #look(): StorageHealth {
    const { clock, piles } = this.#parts;
    const { level, freeBytes, ballast, reason } = this.#space.check();
    this.#unconfirmedLoss = this.#lossNow();
    const isConfirmed = this.#unconfirmedLoss.length === 0;
    const now = bytesWritten();
    const writtenBytes = now === null || this.#writtenBefore == null ? null : now - this.#writtenBefore;
    return {
      level,
      freeBytes,
      ledgerBytes: this.#ledgerBytes(),
      samplesBytes: this.samples.bytes,
      ballast,
      mayCharge: level !== 'critical' && !this.#isLost && isConfirmed,
      reason: this.#isLost ? 'the ledger does not open' : isConfirmed ? reason : lossText(this.#unconfirmedLoss),
      storeEpoch: this.ledger.storeEpoch,
      damage: this.#damage,
      unconfirmedLoss: this.#unconfirmedLoss,
      writtenBytes,
      writtenPerPileDayBytes: perPileDay(writtenBytes, clock.monoMs() - this.#openedMonoMs, piles),
    };
  }

  /** While the store cannot be read, what was known last. */
  #lossNow(): readonly string[] {
    if (this.#store.isLost) return this.#unconfirmedLoss;
    try {
      return this.#store.read(() => unconfirmedLossIn(this.#store));
    } catch (error) {
      if (isStoreError(error)) return this.#unconfirmedLoss;
      throw error;
    }
  }

  /** Before it is open, and while it does not open, nothing is known of it. */
  #ledgerBytes(): number {
    if (this.#store === undefined || this.#store.isLost) return 0;
    try {
      return pagesOf(this.#store.database).usedBytes;
    } catch (error) {
      if (isStoreError(error)) return 0;
      throw error;
    }
  }
}
