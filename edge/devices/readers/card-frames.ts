import { reversedBytes } from '#shared/access/card-number.ts';
import { hexBytes } from '../framed/framing-schema.ts';
import type { CardReaderProfile } from './card-reader-profile.ts';

export type CardFraming = Pick<CardReaderProfile, 'frame' | 'byteOrder' | 'cutAfterMs'>;

const CHECKSUM_DIGITS = 2;

/** Cuts what a reader sends into card numbers. Noise, cut frames and wrong checksums are counted and forgotten. */
export class CardFrames {
  readonly #framing: CardFraming;
  readonly #start: Uint8Array;
  readonly #end: Uint8Array;
  readonly #mostDigits: number;
  /** How much of the start mark has been seen, the digits so far, how much of the end mark. */
  #started = 0;
  #digits = '';
  #ended = 0;
  /** Nobody knows where in a frame this is: the end of one, or a pause, is waited for. */
  #isLost = false;
  #lastMonoMs = 0;
  #broken = 0;

  constructor(framing: CardFraming) {
    this.#framing = framing;
    this.#start = hexBytes(framing.frame.start);
    this.#end = hexBytes(framing.frame.end);
    this.#mostDigits = Math.max(...framing.frame.digits) + this.#checksumDigits;
  }

  /** Frames that were begun and told no card. */
  get broken(): number {
    return this.#broken;
  }

  /** The line has been opened: what comes first may be the rest of something. */
  opened(nowMonoMs: number): void {
    this.#forget();
    this.#isLost = this.#start.length === 0;
    this.#lastMonoMs = nowMonoMs;
  }

  /** Takes bytes as they come, in any pieces. Returns the numbers that they complete. */
  push(bytes: Uint8Array, nowMonoMs: number): string[] {
    if (nowMonoMs - this.#lastMonoMs > this.#framing.cutAfterMs) {
      if (this.#isInFrame) this.#broken += 1;
      this.#forget();
    }
    this.#lastMonoMs = nowMonoMs;
    const numbers: string[] = [];
    for (const byte of bytes) {
      const number = this.#take(byte);
      if (number !== null) numbers.push(number);
    }
    return numbers;
  }

  get #checksumDigits(): number {
    return this.#framing.frame.checksum === 'none' ? 0 : CHECKSUM_DIGITS;
  }

  get #isInFrame(): boolean {
    return this.#digits !== '' || this.#ended > 0;
  }

  #forget(): void {
    this.#started = 0;
    this.#digits = '';
    this.#ended = 0;
    this.#isLost = false;
  }

  #take(byte: number): string | null {
    if (this.#isLost) return this.#waitForEnd(byte);
    if (this.#started < this.#start.length) {
      this.#started = byte === this.#start[this.#started] ? this.#started + 1 : this.#startedAfresh(byte);
      return null;
    }
    if (byte === this.#end[this.#ended]) {
      this.#ended += 1;
      return this.#ended === this.#end.length ? this.#finish() : null;
    }
    const digit = String.fromCharCode(byte).toUpperCase();
    const isDigit = /^[0-9A-F]$/.test(digit) && this.#ended === 0 && this.#digits.length < this.#mostDigits;
    if (!isDigit) return this.#break(byte);
    this.#digits += digit;
    return null;
  }

  #startedAfresh(byte: number): number {
    return byte === this.#start[0] ? 1 : 0;
  }

  /** What came is no frame. One with a start mark can begin again at once, one without only after an end. */
  #break(byte: number): null {
    this.#broken += 1;
    this.#forget();
    if (this.#start.length > 0) this.#started = this.#startedAfresh(byte);
    else {
      this.#isLost = true;
      this.#waitForEnd(byte);
    }
    return null;
  }

  #waitForEnd(byte: number): null {
    if (byte === this.#end[this.#ended]) this.#ended += 1;
    else this.#ended = byte === this.#end[0] ? 1 : 0;
    if (this.#ended === this.#end.length) this.#forget();
    return null;
  }

  #finish(): string | null {
    const digits = this.#digits;
    this.#forget();
    // An end mark alone: a line end between two frames.
    if (digits === '') return null;
    const number = digits.slice(0, digits.length - this.#checksumDigits);
    const isWhole = this.#framing.frame.digits.includes(number.length);
    if (!isWhole || (this.#checksumDigits > 0 && xorOf(digits) !== 0)) {
      this.#broken += 1;
      return null;
    }
    return this.#framing.byteOrder === 'first-byte-first' ? number : reversedBytes(number);
  }
}

/** Of a number with its checksum: 0 when they fit. */
const xorOf = (digits: string): number => Buffer.from(digits, 'hex').reduce((xor, byte) => xor ^ byte, 0);
