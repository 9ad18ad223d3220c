import { MORE, type Verdict } from '../../bus/exchange.ts';
import { bcdDigits } from './bcd.ts';

/** DL/T 645-2007, clause 5: `68 | A0..A5 | 68 | C | L | DATA | CS | 16`. */
export interface Frame {
  /** Twelve digits as printed on the meter, or the wildcard. On the wire the low byte comes first. */
  readonly address: string;
  /** The control code C: bit 7 from the meter, bit 6 an error, bit 5 more frames follow. */
  readonly control: number;
  /** Without the 33 that is added to every byte on the wire. */
  readonly data: Uint8Array;
}

/** What stands before the data: enough to tell whether this can be the answer. */
export type FrameHead = Pick<Frame, 'address' | 'control'> & { readonly length: number };

/** Any meter answers to it: for a line with one meter. */
export const ANY_ADDRESS = 'AAAAAAAAAAAA';
export const isMeterAddress = (text: string): boolean => /^[0-9]{12}$/.test(text);

const START = 0x68;
const END = 0x16;
const WAKE_UP = 0xfe;
/** Wakes the meter's receiver; it may wake ours as well. DL/T 645-2007, 5.4. */
export const MOST_WAKE_UP_BYTES = 4;
const SECOND_START_AT = 7;
const HEAD_BYTES = 10;
const TAIL_BYTES = 2;
/** Of the frame without wake-up bytes and data. */
export const FRAME_BYTES = HEAD_BYTES + TAIL_BYTES;
/** When data is read; DL/T 645-2007, 5.2.5. */
const MOST_DATA_BYTES = 200;
const DATA_OFFSET = 0x33;

const sumOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0);
const mismatch = (detail: string): Verdict<never> => ({ kind: 'broken', reason: 'mismatch', detail });

/** The bytes of a frame, without wake-up bytes. */
export function encodeFrame({ address, control, data }: Frame): Uint8Array {
  if (!isMeterAddress(address) && address !== ANY_ADDRESS) throw new TypeError(`"${address}" is no meter address`);
  const body = Uint8Array.of(
    START,
    ...Buffer.from(address, 'hex').reverse(),
    START,
    control,
    data.length,
    ...data.map((byte) => byte + DATA_OFFSET),
  );
  return Uint8Array.of(...body, sumOf(body), END);
}

/**
 * Recognises one frame at the beginning of what was received. It looks at no other place: whatever does not begin with
 * a frame is not searched for one, because the sum of garbage is right once in 256 times.
 *
 * @param refuse judges the head as soon as it is there; the reason why this cannot be the answer, or null
 */
export function decodeFrame(received: Uint8Array, refuse: (head: FrameHead) => string | null): Verdict<Frame> {
  const firstOther = received.findIndex((byte) => byte !== WAKE_UP);
  const wakeUpBytes = firstOther < 0 ? received.length : firstOther;
  if (wakeUpBytes > MOST_WAKE_UP_BYTES) return mismatch('too many wake-up bytes');
  if (wakeUpBytes === received.length) return MORE;
  const frame = received.subarray(wakeUpBytes);
  if (frame[0] !== START) return mismatch('does not begin with 68');
  if (frame.length > SECOND_START_AT && frame[SECOND_START_AT] !== START) return mismatch('no second 68');
  if (frame.length < HEAD_BYTES) return MORE;
  const address = bcdDigits(frame.subarray(1, SECOND_START_AT));
  if (address === null) return mismatch('the address is not decimal');
  const [control = 0, length = 0] = frame.subarray(SECOND_START_AT + 1);
  if (length > MOST_DATA_BYTES) return mismatch(`${length} bytes of data`);
  const refusal = refuse({ address, control, length });
  if (refusal !== null) return mismatch(refusal);
  return decodeBody(frame, { address, control, length });
}

function decodeBody(frame: Uint8Array, { address, control, length }: FrameHead): Verdict<Frame> {
  const sumAt = HEAD_BYTES + length;
  if (frame.length < sumAt + TAIL_BYTES) return MORE;
  if (sumOf(frame.subarray(0, sumAt)) !== frame[sumAt]) return { kind: 'broken', reason: 'crc', detail: 'checksum' };
  if (frame[sumAt + 1] !== END) return mismatch('does not end with 16');
  const data = frame.slice(HEAD_BYTES, sumAt).map((byte) => byte - DATA_OFFSET);
  return { kind: 'answer', answer: { address, control, data } };
}
