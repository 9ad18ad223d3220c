import type { Clock, Timers } from '#shared/clock.ts';
import type { ByteStream, ByteStreamListener } from './byte-stream.ts';
import { withCrc } from './framing.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Time that stands still until it is told to pass. Everything that is due then runs in order, promises included. */
export class ManualTime implements Clock, Timers {
  #nowMs = 1000;
  #due: { atMs: number; action: () => void }[] = [];

  /** How many timers wait. */
  get waiting(): number {
    return this.#due.length;
  }

  monoMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Date.parse('2026-03-02T00:00:00Z') + this.#nowMs;
  }

  after(delayMs: number, action: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, action };
    this.#due.push(entry);
    return () => {
      this.#due = this.#due.filter((other) => other !== entry);
    };
  }

  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settled();
    for (;;) {
      const next = this.#due.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#due = this.#due.filter((other) => other !== next);
      this.#nowMs = next.atMs;
      next.action();
      await settled();
    }
    this.#nowMs = untilMs;
    await settled();
  }
}

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
export const frame = (hex: string): Uint8Array => withCrc(bytesOf(hex));

/** A serial device in memory. What is written to it is kept with its time; the test answers by hand or by `onWrite`. */
export class MemoryStream implements ByteStream {
  isOpen = false;
  opened = 0;
  /** Attempts to open it, whether they succeeded or not. */
  openings = 0;
  refusesToOpen = false;
  opensAfterMs = 0;
  /** It is gone again before whoever opened it hears of it. */
  vanishesOnOpening = false;
  readonly written: { atMs: number; hex: string }[] = [];
  onWrite: ((bytes: Uint8Array) => void) | null = null;
  readonly #time: Clock & Timers;
  #listener: ByteStreamListener | null = null;

  constructor(time: Clock & Timers) {
    this.#time = time;
  }

  async open(listener: ByteStreamListener): Promise<void> {
    this.openings += 1;
    if (this.refusesToOpen) throw new Error('no such device');
    if (this.opensAfterMs > 0)
      await new Promise<void>((resolve) => {
        this.#time.after(this.opensAfterMs, resolve);
      });
    this.#listener = listener;
    this.isOpen = true;
    this.opened += 1;
    if (this.vanishesOnOpening) this.lose();
  }

  close(): Promise<void> {
    this.isOpen = false;
    return Promise.resolve();
  }

  write(bytes: Uint8Array): void {
    this.written.push({ atMs: this.#time.monoMs(), hex: hexOf(bytes) });
    this.onWrite?.(bytes);
  }

  receive(bytes: Uint8Array): void {
    this.#listener?.onBytes(bytes);
  }

  lose(): void {
    this.isOpen = false;
    this.#listener?.onClosed('unplugged');
  }
}

/** The reply of an obliging device: registers count up from the address, bits are all on, writes are echoed. */
export function obligingReply(request: Uint8Array): Uint8Array {
  const [unit = 0, functionCode = 0, high = 0, low = 0, , count = 0] = request;
  if (functionCode > 4) return withCrc(request.subarray(0, 6));
  const words = Array.from({ length: count }, (_, i) => (high << 8) + low + i);
  const data =
    functionCode <= 2
      ? new Array<number>(Math.ceil(count / 8)).fill(0xff)
      : words.flatMap((word) => [word >>> 8, word & 0xff]);
  return withCrc(Uint8Array.of(unit, functionCode, data.length, ...data));
}

/** The words of an answer, or the first word of why there is none. */
export const outcomeOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    (answer) => (Array.isArray(answer) ? answer.join(' ') : String(answer)),
    (error: Error) => error.message.split(':')[0] ?? '',
  );
