import modbusSerial from 'modbus-serial';
import type { Clock, Timers } from '#shared/clock.ts';
import type { ByteStream } from './byte-stream.ts';
import type { Framing } from './framing.ts';
import { JobQueue, type PendingJob } from './job-queue.ts';
import { LineError } from './line-error.ts';
import { type FrameTap, ModbusPort } from './modbus-port.ts';
import { isRead, type LineJob, type ModbusRequest, type WriteRequest } from './request.ts';

/** The package is CommonJS: its class is the `default` of its exports. */
const ModbusClient = modbusSerial.default;

export interface LineParts {
  readonly lineId: string;
  readonly stream: ByteStream;
  readonly framing: Framing;
  /** Silence that must precede a frame: 3.5 characters on a serial line, 0 on Modbus TCP. */
  readonly silenceMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly tap: FrameTap;
  readonly queueLimit?: number;
  /** How long a line that could not be opened is left alone. */
  readonly reopenAfterMs?: number;
}

export interface LineCounters {
  requests: number;
  timeouts: number;
  crcErrors: number;
  mismatches: number;
  exceptions: number;
  reopened: number;
}

interface InFlight {
  readonly settle: (error: LineError | null, words: readonly number[]) => void;
}

/**
 * The one owner of a serial port or host. One request is in flight; the next goes out when the line has been
 * silent long enough and the device has had its gap. After a timeout or a broken reply the line is left alone
 * until the slowest reply can no longer come, so a late one is never taken for the next request's.
 * Every request settles: by reply, by deadline, or because the line closes.
 */
export class Line {
  readonly counters: LineCounters = {
    requests: 0,
    timeouts: 0,
    crcErrors: 0,
    mismatches: 0,
    exceptions: 0,
    reopened: 0,
  };
  readonly #parts: LineParts;
  readonly #port: ModbusPort;
  readonly #client: InstanceType<typeof ModbusClient>;
  readonly #queue: JobQueue;
  readonly #lastEndMonoMs = new Map<number, number>();
  #inFlight: InFlight | null = null;
  #quietFromMonoMs = 0;
  #openAgainFromMonoMs = 0;
  #closed = false;
  #running = false;
  #wake: () => void = () => {};

  constructor(parts: LineParts) {
    this.#parts = parts;
    this.#queue = new JobQueue(parts.queueLimit ?? 256);
    this.#port = new ModbusPort({
      stream: parts.stream,
      framing: parts.framing,
      tap: parts.tap,
      events: {
        onActivity: () => this.#postponeSilence(parts.silenceMs),
        onBroken: (reason) => this.#inFlight?.settle(new LineError(reason, 'the bytes received are not the reply'), []),
        onClosed: (reason) => this.#inFlight?.settle(new LineError('closed', reason), []),
      },
    });
    this.#client = new ModbusClient(this.#port);
  }

  /**
   * Sends one request when its turn comes.
   *
   * @returns the registers of a read, nothing for a write
   * @throws LineError
   */
  request(job: LineJob): Promise<readonly number[]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new LineError('closed', this.#parts.lineId));
      if (!this.#queue.add({ job, resolve, reject })) return reject(new LineError('queue-full', this.#parts.lineId));
      if (job.priority === 'command') this.#wake();
      void this.#run();
    });
  }

  /** Settles every pending request and frees the port. */
  async close(): Promise<void> {
    this.#closed = true;
    const error = new LineError('closed', this.#parts.lineId);
    for (const pending of this.#queue.drain()) pending.reject(error);
    this.#inFlight?.settle(error, []);
    await this.#parts.stream.close();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (!this.#closed) {
      const pending = this.#queue.peek();
      if (pending === null) break;
      const waitMs = this.#readyAtMonoMs(pending.job) - this.#parts.clock.monoMs();
      if (waitMs > 0) {
        // Chosen again after the wait, or as soon as a command arrives: another device's gap is not the command's.
        await this.#sleep(waitMs);
        continue;
      }
      this.#queue.take(pending);
      await this.#serve(pending);
    }
    this.#running = false;
  }

  #readyAtMonoMs(job: LineJob): number {
    const lastEnd = this.#lastEndMonoMs.get(job.unit);
    return Math.max(this.#quietFromMonoMs, lastEnd === undefined ? 0 : lastEnd + job.timing.gapMs);
  }

  async #serve(pending: PendingJob): Promise<void> {
    try {
      await this.#ensureOpen();
      pending.resolve(await this.#transact(pending.job));
    } catch (error) {
      pending.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #ensureOpen(): Promise<void> {
    if (this.#port.isOpen) return;
    const { lineId, clock } = this.#parts;
    if (clock.monoMs() < this.#openAgainFromMonoMs) throw new LineError('unreachable', `${lineId} is not open`);
    this.#openAgainFromMonoMs = clock.monoMs() + (this.#parts.reopenAfterMs ?? 1000);
    await this.#parts.stream.close();
    await new Promise<void>((resolve, reject) => {
      this.#client.open((error: Error | null) =>
        error === null ? resolve() : reject(new LineError('unreachable', `${lineId}: ${error.message}`)),
      );
    });
    // Closed while it was being opened: the port must not stay behind.
    if (this.#closed) {
      await this.#parts.stream.close();
      throw new LineError('closed', lineId);
    }
    this.counters.reopened += 1;
  }

  #transact(job: LineJob): Promise<readonly number[]> {
    const { clock, timers, silenceMs } = this.#parts;
    const sentMonoMs = clock.monoMs();
    this.counters.requests += 1;
    return new Promise((resolve, reject) => {
      const settle = (error: LineError | null, words: readonly number[]) => {
        // modbus-serial may still call back for a request that has been given up.
        if (this.#inFlight !== entry) return;
        this.#inFlight = null;
        cancelDeadline();
        this.#port.abandon();
        this.#lastEndMonoMs.set(job.unit, clock.monoMs());
        this.#postponeSilence(silenceMs);
        if (error === null) return resolve(words);
        this.#count(error);
        if (error.failure !== 'exception') this.#keepQuietUntil(sentMonoMs + job.timing.slowestReplyMs);
        reject(error);
      };
      const cancelDeadline = timers.after(job.timing.responseTimeoutMs, () =>
        settle(new LineError('timeout', `unit ${job.unit} on ${this.#parts.lineId}`), []),
      );
      const entry: InFlight = { settle };
      this.#inFlight = entry;
      this.#send(job.unit, job.request, (error, words) => settle(error === null ? null : asLineError(error), words));
    });
  }

  #send(unit: number, request: ModbusRequest, done: (error: unknown, words: readonly number[]) => void): void {
    if (!isRead(request)) return this.#sendWrite(unit, request, (error) => done(error, []));
    const read = request.fc === 3 ? this.#client.writeFC3 : this.#client.writeFC4;
    read.call(this.#client, unit, request.address, request.count, (error, reply) => done(error, reply?.data ?? []));
  }

  #sendWrite(unit: number, request: WriteRequest, done: (error: unknown) => void): void {
    if (request.fc === 5) this.#client.writeFC5(unit, request.address, request.on, done);
    else if (request.fc === 6) this.#client.writeFC6(unit, request.address, request.word, done);
    else this.#client.writeFC16(unit, request.address, [...request.words], done);
  }

  #count(error: LineError): void {
    if (error.failure === 'timeout') this.counters.timeouts += 1;
    if (error.failure === 'crc') this.counters.crcErrors += 1;
    if (error.failure === 'mismatch') this.counters.mismatches += 1;
    if (error.failure === 'exception') this.counters.exceptions += 1;
  }

  #postponeSilence(silenceMs: number): void {
    this.#keepQuietUntil(this.#parts.clock.monoMs() + silenceMs);
  }

  #keepQuietUntil(monoMs: number): void {
    this.#quietFromMonoMs = Math.max(this.#quietFromMonoMs, monoMs);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#parts.timers.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

function asLineError(error: unknown): LineError {
  if (error instanceof LineError) return error;
  const code = typeof error === 'object' && error !== null && 'modbusCode' in error ? Number(error.modbusCode) : null;
  const message = error instanceof Error ? error.message : String(error);
  return code === null ? new LineError('mismatch', message) : new LineError('exception', message, code);
}
