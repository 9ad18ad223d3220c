import type { Clock, Timers } from '#shared/clock.ts';
import type { ByteStream } from './byte-stream.ts';
import {
  countFailure,
  type DeviceCounters,
  type LineCounters,
  newDeviceCounters,
  newLineCounters,
} from './counters.ts';
import { type DeviceHealth, healthy, isHeldBack, mayBeAsked, withFailure } from './device-health.ts';
import { classOf, type LineJob, type LinePort, type Verdict } from './exchange.ts';
import { JobQueue, type PendingJob, type Turn } from './job-queue.ts';
import { LineError, type LineFailure } from './line-error.ts';
import { LineLoad } from './line-load.ts';
import { type ReplyTime, timeoutMs, unknownReplyTime, withReply, withTimeout } from './reply-time.ts';

/** Sees every piece of bytes with its direction, for logs and recordings; as zeros what answers a private question. */
export type FrameTap = (direction: 'sent' | 'received', bytes: Uint8Array) => void;

export interface LineParts {
  readonly lineId: string;
  readonly stream: ByteStream;
  /** Silence that must precede a frame: 3.5 characters on a serial line, 0 on Modbus TCP. */
  readonly silenceMs: number;
  /** How long so many bytes take on the slowest part of the way; 0 for each on a network. */
  readonly wireMs: (bytes: number) => number;
  /** An answer names its question, so a late one is recognised, and the line need not wait for it to pass. */
  readonly hasTransactionIds: boolean;
  /**
   * A connection that brings no answer so often in a row is closed and made anew; a broken checksum is an answer.
   * Null for a serial port: only its loss is a reason to open it again.
   */
  readonly reconnectAfterFailures: number | null;
  readonly clock: Clock;
  readonly timers: Timers;
  /**
   * For the silence between frames: never early, and late by a fraction of a millisecond only. They cost processor time, so
   * polls of a line with time to spare wait by the ordinary ones.
   */
  readonly fineTimers: Timers;
  readonly tap: FrameTap;
  /** Bytes that come while nobody waits, and the beginning of a new connection: for framings that keep half messages. */
  readonly onStray?: (bytes: Uint8Array) => void;
  readonly onOpened?: () => void;
  readonly queueLimit?: number;
  /** How long a line that could not be opened is left alone. */
  readonly reopenAfterMs?: number;
}

interface DeviceState {
  health: DeviceHealth;
  replyTime: ReplyTime;
  freeFromMonoMs: number;
  readonly counters: DeviceCounters;
}

interface InFlight {
  readonly pending: PendingJob;
  readonly device: DeviceState;
  /** Of the question, and of the latest part of it. */
  readonly startedMonoMs: number;
  sentMonoMs: number;
  sentBytes: number;
  /** The bytes of this part have gone out; what comes before that answers something else. */
  isSent: boolean;
  lastByteMonoMs: number;
  cancel: () => void;
}

/** Time is compared with this much grace: sums of fractions are not exact. */
const EPSILON_MS = 1e-6;
/** A broken answer may have a tail. */
const TAIL_MS = 20;
/** A line that is kept for less than this share of the time has time to spare: a millisecond more of silence costs nothing. */
const SPARE_BELOW_LOAD = 0.5;

/**
 * The one owner of a serial port or host. One question is in flight; the next goes out when the line has been
 * silent long enough and the device has had its gap. After a timeout or a wrong answer the line is left alone
 * until the slowest one can no longer come, so a late answer is never taken for the next question's.
 * Every question settles: by answer, by deadline, or because the line closes.
 */
export class Line implements LinePort {
  readonly counters: LineCounters;
  readonly #parts: LineParts;
  readonly #queue: JobQueue;
  readonly #devices = new Map<string, DeviceState>();
  readonly #load: LineLoad;
  #inFlight: InFlight | null = null;
  #quietFromMonoMs = 0;
  #openAgainFromMonoMs = 0;
  /** Until then those who answer go first. */
  #suspectsFromMonoMs = 0;
  /** Until then the answer to a private question may still come, after its time. */
  #privateUntilMonoMs = 0;
  #failuresInRow = 0;
  #isOpening = false;
  #closed = false;
  #cancelWait: () => void = () => {};

  constructor(parts: LineParts) {
    this.#parts = parts;
    this.#queue = new JobQueue(parts.queueLimit ?? 256);
    this.#load = new LineLoad(parts.clock.monoMs());
    this.counters = newLineCounters(parts.clock.monoMs());
  }

  /** The port or the connection is there. It is opened when somebody asks, and again after it was lost. */
  get isOpen(): boolean {
    return this.#parts.stream.isOpen;
  }

  /** Counters of every device that has been asked anything, by its name on the line. */
  get deviceCounters(): ReadonlyMap<string, DeviceCounters> {
    return new Map([...this.#devices].map(([device, { counters }]) => [device, counters]));
  }

  ask<Answer>(job: LineJob<Answer>): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const refusal = this.#refusal(job);
      if (refusal !== null) return reject(refusal);
      const pending: PendingJob = { job, resolve: resolve as (answer: unknown) => void, reject };
      if (!this.#queue.add(pending)) return reject(new LineError('queue-full', this.#parts.lineId));
      this.#pump();
    });
  }

  /** Settles every pending question and frees the port. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelWait();
    const error = new LineError('closed', this.#parts.lineId);
    for (const pending of this.#queue.drain()) pending.reject(error);
    this.#fail('closed', this.#parts.lineId);
    await this.#parts.stream.close();
  }

  #refusal(job: LineJob<unknown>): LineError | null {
    if (this.#closed) return new LineError('closed', this.#parts.lineId);
    if (job.isSuperseded?.()) return new LineError('superseded', 'a stop has come');
    const device = this.#device(job.device);
    if (mayBeAsked(device.health, job.priority, this.#parts.clock.monoMs())) return null;
    device.counters.spared += 1;
    return new LineError('silent', `${job.device} on ${this.#parts.lineId} does not answer`);
  }

  #device(name: string): DeviceState {
    const known = this.#devices.get(name);
    if (known !== undefined) return known;
    const device = {
      health: healthy,
      replyTime: unknownReplyTime,
      freeFromMonoMs: 0,
      counters: newDeviceCounters(),
    };
    this.#devices.set(name, device);
    return device;
  }

  /** Sends the next question, or waits until it may be sent. Chosen again at every call: a stop overtakes the waiting. */
  #pump(): void {
    if (this.#inFlight !== null || this.#isOpening || this.#closed) return;
    this.#cancelWait();
    const nowMs = this.#parts.clock.monoMs();
    const next = this.#queue.next((job) => this.#turnOf(job, nowMs));
    if (next === null) return;
    const waitMs = next.readyAtMonoMs - nowMs;
    if (waitMs > EPSILON_MS) {
      this.#cancelWait = this.#timersFor(next.pending).after(waitMs, () => this.#pump());
      return;
    }
    const { pending } = next;
    if (!this.#parts.stream.isOpen) return void this.#open(pending);
    this.#queue.take(pending);
    // Since it was asked, a stop may have come, or the device may have fallen silent.
    const refusal = this.#refusal(pending.job);
    if (refusal === null) return this.#begin(pending, this.#device(pending.job.device));
    pending.reject(refusal);
    this.#pump();
  }

  /** A stop or a command goes out to the fraction of a millisecond, and so does everything on a line that is busy. */
  #timersFor({ job }: PendingJob): Timers {
    const { timers, fineTimers } = this.#parts;
    const name = classOf(job.priority);
    const isRoutine = name === 'poll' || name === 'keep-alive';
    return isRoutine && this.#load.share < SPARE_BELOW_LOAD ? timers : fineTimers;
  }

  #turnOf({ device, priority }: LineJob<unknown>, nowMs: number): Turn {
    const { health, freeFromMonoMs } = this.#device(device);
    return {
      readyAtMonoMs: Math.max(nowMs, this.#quietFromMonoMs, freeFromMonoMs),
      isHeldBack: nowMs < this.#suspectsFromMonoMs && isHeldBack(health, priority),
    };
  }

  /** Who asks first opens the line; who goes first is chosen again when it is open. Without a line, the one who asked knows. */
  async #open(asker: PendingJob): Promise<void> {
    this.#isOpening = true;
    try {
      await this.#openStream();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const failed =
        error instanceof LineError ? error : new LineError('unreachable', `${this.#parts.lineId}: ${reason}`);
      if (this.#queue.take(asker)) asker.reject(failed);
    }
    this.#isOpening = false;
    this.#pump();
  }

  async #openStream(): Promise<void> {
    const { lineId, clock, stream, onOpened, reopenAfterMs = 1000 } = this.#parts;
    if (clock.monoMs() < this.#openAgainFromMonoMs) throw new LineError('unreachable', `${lineId} is not open`);
    this.#openAgainFromMonoMs = clock.monoMs() + reopenAfterMs;
    await stream.close();
    onOpened?.();
    await stream.open({
      onBytes: (bytes) => this.#receive(bytes),
      onClosed: (reason) => this.#fail('closed', reason),
    });
    this.counters.opened += 1;
    this.#failuresInRow = 0;
    // Closed while it was being opened: the port must not stay behind.
    if (this.#closed) {
      await stream.close();
      throw new LineError('closed', lineId);
    }
    if (!stream.isOpen) throw new LineError('unreachable', `${lineId} was lost while it was opened`);
  }

  #begin(pending: PendingJob, device: DeviceState): void {
    const nowMs = this.#parts.clock.monoMs();
    this.counters.requests += 1;
    device.counters.requests += 1;
    const inFlight: InFlight = {
      pending,
      device,
      startedMonoMs: nowMs,
      sentMonoMs: nowMs,
      sentBytes: 0,
      isSent: false,
      lastByteMonoMs: 0,
      cancel: () => {},
    };
    this.#inFlight = inFlight;
    this.#send(inFlight, pending.job.exchange.begin());
  }

  #send(inFlight: InFlight, bytes: Uint8Array): void {
    const { clock, tap, stream } = this.#parts;
    inFlight.sentMonoMs = clock.monoMs();
    inFlight.sentBytes = bytes.length;
    inFlight.lastByteMonoMs = 0;
    inFlight.isSent = true;
    this.#watch(inFlight, this.#deadlineMs(inFlight) - inFlight.sentMonoMs);
    tap('sent', bytes);
    stream.write(bytes);
  }

  #watch(inFlight: InFlight, delayMs: number): void {
    inFlight.cancel();
    inFlight.cancel = this.#parts.timers.after(delayMs, () => this.#onDeadline(inFlight));
  }

  #onWireMs({ pending, sentBytes }: InFlight): number {
    return this.#parts.wireMs(sentBytes + pending.job.answerBytes) + this.#parts.silenceMs;
  }

  #deadlineMs(inFlight: InFlight): number {
    const { timing, priority } = inFlight.pending.job;
    const { hasTransactionIds } = this.#parts;
    const isPoll = classOf(priority) === 'poll';
    const waitMs = timeoutMs(inFlight.device.replyTime, timing, { hasTransactionIds, isPoll });
    return inFlight.sentMonoMs + this.#onWireMs(inFlight) + waitMs;
  }

  #slowestMonoMs(inFlight: InFlight): number {
    return inFlight.sentMonoMs + this.#onWireMs(inFlight) + inFlight.pending.job.timing.slowestReplyMs;
  }

  /** An answer that is just arriving is given the time to come to its end, but not for ever. */
  #onDeadline(inFlight: InFlight): void {
    const nowMs = this.#parts.clock.monoMs();
    const isArriving = inFlight.lastByteMonoMs > 0 && nowMs - inFlight.lastByteMonoMs < this.#parts.silenceMs + TAIL_MS;
    if (isArriving && nowMs < this.#slowestMonoMs(inFlight)) return this.#watch(inFlight, TAIL_MS);
    const { device } = inFlight.pending.job;
    this.#fail('timeout', `${device} on ${this.#parts.lineId}`);
  }

  #receive(bytes: Uint8Array): void {
    const { tap, clock, silenceMs, onStray } = this.#parts;
    const nowMs = clock.monoMs();
    const inFlight = this.#inFlight;
    const isPrivate = inFlight?.pending.job.isPrivate === true || nowMs < this.#privateUntilMonoMs;
    tap('received', isPrivate ? new Uint8Array(bytes.length) : bytes);
    this.#keepQuietUntil(nowMs + silenceMs);
    if (inFlight === null || !inFlight.isSent) {
      this.counters.strayBytes += bytes.length;
      onStray?.(bytes);
      return;
    }
    inFlight.lastByteMonoMs = nowMs;
    this.#judge(inFlight, inFlight.pending.job.exchange.feed(bytes));
  }

  #judge(inFlight: InFlight, verdict: Verdict<unknown>): void {
    switch (verdict.kind) {
      case 'more':
        return;
      case 'next':
        return this.#sendNext(inFlight, verdict.send);
      case 'broken':
        return this.#fail(verdict.reason, verdict.detail);
      case 'lost':
        // Closed before the next question is chosen: that one opens it anew.
        void this.#parts.stream.close();
        return this.#fail('mismatch', verdict.detail);
      case 'refused':
        this.#succeeded(inFlight);
        inFlight.device.counters.exceptions += 1;
        this.counters.exceptions += 1;
        inFlight.pending.reject(new LineError('exception', verdict.detail, verdict.code));
        return this.#pump();
      case 'answer':
        this.#succeeded(inFlight);
        inFlight.device.counters.answers += 1;
        this.counters.answers += 1;
        inFlight.pending.resolve(verdict.answer);
        return this.#pump();
    }
  }

  #sendNext(inFlight: InFlight, send: Uint8Array): void {
    const { silenceMs, fineTimers } = this.#parts;
    inFlight.isSent = false;
    inFlight.cancel();
    const pauseMs = Math.max(silenceMs, inFlight.pending.job.timing.gapMs);
    if (pauseMs === 0) return this.#send(inFlight, send);
    inFlight.cancel = fineTimers.after(pauseMs, () => this.#send(inFlight, send));
  }

  #succeeded(inFlight: InFlight): void {
    const { device } = inFlight;
    const replyMs = this.#parts.clock.monoMs() - inFlight.sentMonoMs;
    this.#leave(inFlight);
    this.#load.took(inFlight.startedMonoMs, this.#quietFromMonoMs);
    this.#failuresInRow = 0;
    device.health = healthy;
    device.replyTime = withReply(device.replyTime, Math.max(0, replyMs - this.#onWireMs(inFlight)));
    const { counters } = device;
    counters.replyMs = counters.answers === 0 ? replyMs : 0.875 * counters.replyMs + 0.125 * replyMs;
    counters.longestReplyMs = Math.max(counters.longestReplyMs, replyMs);
  }

  #leave(inFlight: InFlight): void {
    const nowMs = this.#parts.clock.monoMs();
    this.#inFlight = null;
    inFlight.cancel();
    inFlight.device.freeFromMonoMs = nowMs + inFlight.pending.job.timing.gapMs;
    this.#keepQuietUntil(nowMs + this.#parts.silenceMs);
    this.counters.busyMs += nowMs - inFlight.startedMonoMs;
  }

  /** Settles the question in flight, if there is one, without an answer. */
  #fail(failure: LineFailure, detail: string): void {
    const inFlight = this.#inFlight;
    if (inFlight === null) return;
    this.#leave(inFlight);
    const { device, pending } = inFlight;
    const nowMs = this.#parts.clock.monoMs();
    countFailure(this.counters, failure);
    countFailure(device.counters, failure);
    if (failure === 'timeout') device.replyTime = withTimeout(device.replyTime);
    if (pending.job.isPrivate === true) this.#privateUntilMonoMs = this.#slowestMonoMs(inFlight);
    if (failure !== 'closed') {
      this.#quietAfter(failure, this.#slowestMonoMs(inFlight));
      const freeMonoMs = Math.max(nowMs, this.#quietFromMonoMs);
      this.#load.took(inFlight.startedMonoMs, freeMonoMs);
      const costMs = freeMonoMs - inFlight.startedMonoMs;
      device.health = withFailure(device.health, nowMs, costMs);
      this.#suspectsFromMonoMs = freeMonoMs + costMs;
      this.#reconnectIfDead(failure);
    }
    pending.reject(new LineError(failure, detail));
    this.#pump();
  }

  /** A broken checksum is the answer, damaged: only its tail has to pass. Anything else may still be answered. */
  #quietAfter(failure: LineFailure, slowestMonoMs: number): void {
    const { clock, silenceMs, hasTransactionIds } = this.#parts;
    if (failure === 'crc') this.#keepQuietUntil(clock.monoMs() + silenceMs + TAIL_MS);
    else if (!hasTransactionIds) this.#keepQuietUntil(slowestMonoMs);
  }

  #reconnectIfDead(failure: LineFailure): void {
    const { reconnectAfterFailures, stream } = this.#parts;
    if (reconnectAfterFailures === null || failure === 'crc') return;
    this.#failuresInRow += 1;
    if (this.#failuresInRow < reconnectAfterFailures) return;
    this.#failuresInRow = 0;
    void stream.close();
  }

  #keepQuietUntil(monoMs: number): void {
    this.#quietFromMonoMs = Math.max(this.#quietFromMonoMs, monoMs);
  }
}
