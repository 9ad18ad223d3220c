import { Worker } from 'node:worker_threads';
import type { BootClock, Stamp } from '#shared/stamp.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import type { DocumentChange } from '../documents/document-history.ts';
import type { DeadLetter, DeadLetterChange } from '../ledger/dead-letters.ts';
import type { LedgerThreadData } from './ledger-thread.ts';
import type { FromLedger, ToLedger } from './thread-messages.ts';

export type LedgerNotice = Exclude<
  FromLedger,
  { kind: 'opened' | 'clock' | 'committed' | 'dead-letters' | 'commit-failed' | 'closed' }
>;
export type Opened = Extract<FromLedger, { kind: 'opened' }>;

type Answer = Extract<FromLedger, { kind: 'committed' | 'dead-letters' }>;
interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** The field thread's end of the ledger thread. */
export class LedgerClient {
  readonly #worker: Worker;
  readonly #stamp: () => Stamp;
  readonly #onClock: (clock: BootClock) => void;
  readonly #waiting = new Map<number, Waiting>();
  readonly #opened = Promise.withResolvers<Opened>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #early: LedgerNotice[] = [];
  #onNotice: ((notice: LedgerNotice) => void) | null = null;
  #nextId = 1;

  /**
   * @param onClock what stamps are to be made with; called before `opened()` resolves
   * @param onFatal the thread has died: there is no charging without a ledger
   */
  constructor(
    data: LedgerThreadData,
    deps: { stamp: () => Stamp; onClock: (clock: BootClock) => void; onFatal: (error: Error) => void },
  ) {
    this.#stamp = deps.stamp;
    this.#onClock = deps.onClock;
    this.#worker = new Worker(new URL('./ledger-worker.ts', import.meta.url), { workerData: data });
    this.#worker.on('message', (message: FromLedger) => this.#receive(message));
    this.#worker.on('error', (error) => deps.onFatal(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on('exit', () => this.#closed.resolve());
  }

  /** Resolves when the ledger is open, with what was left open in it. */
  opened(): Promise<Opened> {
    return this.#opened.promise;
  }

  /** Delivers what came before anybody listened, then everything else. */
  listen(onNotice: (notice: LedgerNotice) => void): void {
    this.#onNotice = onNotice;
    for (const notice of this.#early.splice(0)) onNotice(notice);
  }

  /** Resolves when it is on disk. */
  commit(transaction: LedgerTransaction): Promise<void> {
    return this.#ask((commitId) => ({ kind: 'commit', commitId, transaction, at: this.#stamp() }));
  }

  /** Makes a version of the site's rules the active one. Resolves when it is on disk. */
  putRules(version: number, document: unknown): Promise<void> {
    return this.#ask((commitId) => ({ kind: 'put-rules', commitId, version, document }));
  }

  /** Stores what has changed of a kind of documents, and the records that tell of it. Resolves when it is on disk. */
  putDocuments(change: DocumentChange, records: readonly RecordBody[]): Promise<void> {
    return this.#ask((commitId) => ({ kind: 'put-documents', commitId, change, records, at: this.#stamp() }));
  }

  /** Copies the ledger to a file that does not exist yet. Resolves when the copy is on disk. */
  backUp(path: string): Promise<void> {
    return this.#ask((commitId) => ({ kind: 'back-up', commitId, path }));
  }

  /** A technician confirms what a damaged ledger has lost. Resolves when it is on disk. */
  confirmLoss(): Promise<void> {
    return this.#ask((commitId) => ({ kind: 'confirm-loss', commitId }));
  }

  /** Deals with a record that the cloud has refused; null: with none. Resolves with what there is then, and why nothing was done. */
  async deadLetters(
    change: DeadLetterChange | null,
  ): Promise<{ letters: readonly DeadLetter[]; refused: string | null }> {
    const answer = await this.#answerTo((commitId) => ({ kind: 'dead-letters', commitId, change, at: this.#stamp() }));
    return answer.kind === 'dead-letters' ? answer : { letters: [], refused: null };
  }

  post(message: ToLedger): void {
    this.#worker.postMessage(message);
  }

  async close(): Promise<void> {
    this.post({ kind: 'close' });
    await this.#closed.promise;
  }

  async #ask(message: (commitId: number) => ToLedger): Promise<void> {
    await this.#answerTo(message);
  }

  #answerTo(message: (commitId: number) => ToLedger): Promise<Answer> {
    const commitId = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(commitId, { resolve, reject });
      this.post(message(commitId));
    });
  }

  #receive(message: FromLedger): void {
    switch (message.kind) {
      case 'opened':
        return this.#opened.resolve(message);
      case 'clock':
        return this.#onClock(message.clock);
      case 'committed':
      case 'dead-letters':
        return this.#settle(message.commitId, (waiting) => waiting.resolve(message));
      case 'commit-failed':
        return this.#settle(message.commitId, (waiting) => waiting.reject(new Error(message.reason)));
      case 'closed':
        return this.#closed.resolve();
      default:
        if (this.#onNotice === null) this.#early.push(message);
        else this.#onNotice(message);
    }
  }

  #settle(commitId: number, how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(commitId);
    this.#waiting.delete(commitId);
    if (waiting !== undefined) how(waiting);
  }
}
