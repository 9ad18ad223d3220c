import type { Exchange, Verdict } from '../../bus/exchange.ts';
import { bcdDigits, bcdNumber } from './bcd.ts';
import { ANY_ADDRESS, decodeFrame, encodeFrame, type Frame, type FrameHead } from './frame.ts';

/** Control codes; DL/T 645-2007, 5.2.3. */
const READ = 0x11;
const READ_FOLLOW_UP = 0x12;
const READ_ADDRESS = 0x13;
const FROM_METER = 0x80;
const IS_ERROR = 0x40;
const HAS_MORE = 0x20;

const ADDRESS_BYTES = 6;
const DI_BYTES = 4;
const SEQUENCE_BYTES = 1;
const NO_VALUE = 0xff;
/** Ten frames of 200 bytes: more than any data of a meter that this reads. */
const MOST_FOLLOW_UPS = 9;

/** Who is asked, and how many wake-up bytes go before the question. */
export interface MeterLine {
  readonly address: string;
  readonly wakeUpBytes: number;
}

const mismatch = (detail: string): Verdict<never> => ({ kind: 'broken', reason: 'mismatch', detail });
const hex = (byte: number): string => byte.toString(16).padStart(2, '0').toUpperCase();
/** A data identifier DI3..DI0 as it is written; on the wire the low byte comes first. */
const diBytes = (di: string): Uint8Array => Uint8Array.from(Buffer.from(di, 'hex').reverse());
const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

interface Part {
  readonly control: number;
  readonly data: Uint8Array;
  /** Whether a good reply may have so many bytes of data. */
  readonly mayHave: (length: number, hasMore: boolean) => boolean;
}

/** One question, or several in a row; `judge` gets each reply that comes from the meter asked and fits the part asked. */
function ask<Answer>(
  line: MeterLine,
  first: Part,
  judge: (reply: Frame) => Verdict<Answer> | { kind: 'ask'; part: Part },
): Exchange<Answer> {
  let part = first;
  let received: Uint8Array = new Uint8Array();

  const refuse = ({ address, control, length }: FrameHead): string | null => {
    if (line.address !== ANY_ADDRESS && address !== line.address) return `reply of ${address}`;
    if (control === (part.control | FROM_METER | IS_ERROR)) return length === 1 ? null : 'an error without a code';
    const hasMore = (control & HAS_MORE) !== 0;
    if ((control & ~HAS_MORE) !== (part.control | FROM_METER)) return `control code ${hex(control)}`;
    return part.mayHave(length, hasMore) ? null : `${length} bytes of data`;
  };
  const bytesOf = ({ control, data }: Part): Uint8Array => {
    const wakeUp = new Uint8Array(line.wakeUpBytes).fill(0xfe);
    return Uint8Array.of(...wakeUp, ...encodeFrame({ address: line.address, control, data }));
  };

  return {
    begin: () => bytesOf(part),
    feed(bytes) {
      received = Uint8Array.of(...received, ...bytes);
      const verdict = decodeFrame(received, refuse);
      if (verdict.kind !== 'answer') return verdict;
      const reply = verdict.answer;
      if ((reply.control & IS_ERROR) !== 0) {
        const code = reply.data[0] ?? 0;
        return { kind: 'refused', code, detail: `meter ${reply.address}: error ${hex(code)}` };
      }
      const judged = judge(reply);
      if (judged.kind !== 'ask') return judged;
      part = judged.part;
      received = new Uint8Array();
      return { kind: 'next', send: bytesOf(part) };
    },
  };
}

/**
 * Reads the data of one identifier, and what follows it in further frames.
 *
 * @param di eight hexadecimal digits DI3..DI0, e.g. 00010000
 * @param dataBytes how many there must be, all in one frame; null where they may be any number in several
 */
export function readData(line: MeterLine, di: string, dataBytes: number | null): Exchange<Uint8Array> {
  const identifier = diBytes(di);
  const collected: number[] = [];
  let sequence = 0;
  const mayHave = (length: number, hasMore: boolean): boolean =>
    dataBytes === null ? length > DI_BYTES : !hasMore && length === DI_BYTES + dataBytes;
  return ask<Uint8Array>(line, { control: READ, data: identifier, mayHave }, ({ control, data }) => {
    if (!equal(data.subarray(0, DI_BYTES), identifier)) return mismatch('another data identifier');
    const end = sequence === 0 ? data.length : data.length - SEQUENCE_BYTES;
    if (sequence > 0 && data[end] !== sequence) return mismatch(`frame ${data[end]}, asked was ${sequence}`);
    collected.push(...data.subarray(DI_BYTES, end));
    if ((control & HAS_MORE) === 0) return { kind: 'answer', answer: Uint8Array.from(collected) };
    if (sequence === MOST_FOLLOW_UPS) return mismatch(`more than ${MOST_FOLLOW_UPS} frames follow`);
    sequence += 1;
    const part = {
      control: READ_FOLLOW_UP,
      data: Uint8Array.of(...identifier, sequence),
      mayHave: (length: number) => length > DI_BYTES + SEQUENCE_BYTES,
    };
    return { kind: 'ask', part };
  });
}

/**
 * Reads one decimal number: all its digits as a whole number, with its sign where it has one. Null when every byte is
 * FF, by which meters say that they have no value there.
 */
export function readNumber(
  line: MeterLine,
  di: string,
  { digits, signed }: { readonly digits: number; readonly signed: boolean },
): Exchange<number | null> {
  const bytes = readData(line, di, digits / 2);
  return {
    begin: () => bytes.begin(),
    feed(received) {
      const verdict = bytes.feed(received);
      if (verdict.kind !== 'answer') return verdict;
      if (verdict.answer.every((byte) => byte === NO_VALUE)) return { kind: 'answer', answer: null };
      const value = bcdNumber(verdict.answer, signed);
      return value === null ? mismatch('the value is not decimal') : { kind: 'answer', answer: value };
    },
  };
}

/** Asks the only meter of a line for its address. */
export function readAddress(wakeUpBytes: number): Exchange<string> {
  const part = {
    control: READ_ADDRESS,
    data: new Uint8Array(),
    mayHave: (length: number, hasMore: boolean) => !hasMore && length === ADDRESS_BYTES,
  };
  return ask<string>({ address: ANY_ADDRESS, wakeUpBytes }, part, (reply) =>
    bcdDigits(reply.data) === reply.address
      ? { kind: 'answer', answer: reply.address }
      : mismatch('two addresses in one reply'),
  );
}
