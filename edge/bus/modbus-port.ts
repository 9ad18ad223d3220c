import { EventEmitter } from 'node:events';
import type { ByteStream } from './byte-stream.ts';
import type { Framing } from './framing.ts';

/** Sees every frame with its direction, for logs and recordings. */
export type FrameTap = (direction: 'sent' | 'received', bytes: Uint8Array) => void;

export interface ModbusPortEvents {
  /** Bytes came that are not the reply to the request in flight. */
  onBroken(reason: 'crc' | 'mismatch'): void;
  onClosed(reason: string): void;
  /** Anything at all was received: the line is not quiet. */
  onActivity(): void;
}

/**
 * The port that modbus-serial's client is given in place of its own RTU ports, which never clear their buffer:
 * there, after one late reply, every following read returns the registers of the request before. This one hands
 * over a frame only while a request is in flight, and only the frame that answers it.
 */
export class ModbusPort extends EventEmitter {
  readonly #stream: ByteStream;
  readonly #framing: Framing;
  readonly #events: ModbusPortEvents;
  readonly #tap: FrameTap;
  #inFlight = false;

  constructor(parts: { stream: ByteStream; framing: Framing; events: ModbusPortEvents; tap: FrameTap }) {
    super();
    this.#stream = parts.stream;
    this.#framing = parts.framing;
    this.#events = parts.events;
    this.#tap = parts.tap;
  }

  get isOpen(): boolean {
    return this.#stream.isOpen;
  }

  open(done: (error: Error | null) => void): void {
    this.#framing.reset();
    this.#stream
      .open({
        onBytes: (bytes) => this.#receive(bytes),
        onClosed: (reason) => {
          this.#inFlight = false;
          this.#events.onClosed(reason);
        },
      })
      .then(
        () => done(null),
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
      );
  }

  close(done: () => void): void {
    this.#inFlight = false;
    this.#stream.close().then(done, done);
  }

  /** Called by modbus-serial with a complete RTU frame. */
  write(requestAdu: Uint8Array): void {
    this.#inFlight = true;
    this.#tap('sent', requestAdu);
    this.#stream.write(this.#framing.begin(requestAdu));
  }

  /** The request's time is over: whatever still comes belongs to nobody. */
  abandon(): void {
    this.#inFlight = false;
  }

  #receive(bytes: Uint8Array): void {
    this.#tap('received', bytes);
    this.#events.onActivity();
    // Fed even when nobody waits: the rest of a late reply must not be taken for the beginning of the next.
    const verdict = this.#framing.feed(bytes);
    if (!this.#inFlight || verdict.kind === 'more') return;
    this.#inFlight = false;
    if (verdict.kind === 'reply') this.emit('data', Buffer.from(verdict.adu));
    else this.#events.onBroken(verdict.reason);
  }
}
