/** A request after its frame has been checked. Bytes of the address and of `data` are as meant: low byte first, 0x33 taken off. */
export interface Dlt645Request {
  readonly address: readonly number[];
  readonly control: number;
  readonly data: readonly number[];
}

const START = 0x68;
const END = 0x16;
const PREAMBLE = 0xfe;
const MAX_PREAMBLE = 4;
const OFFSET = 0x33;
const OVERHEAD = 12;
/** Stands for any two digits of an address. */
export const WILDCARD = 0xaa;

/**
 * Decodes a DL/T 645-2007 request: up to four 0xFE, `68 A0..A5 68 C L DATA CS 16` and nothing else. CS is the sum modulo 256
 * from the first 68. `undefined` for anything that is not one whole, sound frame.
 */
export function decodeRequest(bytes: Uint8Array): Dlt645Request | undefined {
  const start = bytes.findIndex((byte) => byte !== PREAMBLE);
  if (start < 0 || start > MAX_PREAMBLE) return undefined;
  const frame = bytes.subarray(start);
  const length = frame[9] ?? 0;
  const framed = frame[0] === START && frame[7] === START && frame.length === OVERHEAD + length && frame.at(-1) === END;
  if (!framed || sum(frame.subarray(0, -2)) !== frame.at(-2)) return undefined;
  const address = [...frame.subarray(1, 7)];
  const data = [...frame.subarray(10, -2)].map((byte) => (byte - OFFSET) & 0xff);
  return { address, control: frame[8] ?? 0, data };
}

/** A whole reply frame, with `preamble` times 0xFE before it. */
export function encodeReply(
  address: readonly number[],
  control: number,
  data: readonly number[],
  preamble: number,
): Uint8Array {
  const shifted = data.map((byte) => (byte + OFFSET) & 0xff);
  const body = [START, ...address, START, control, data.length, ...shifted];
  return Uint8Array.of(...Array<number>(preamble).fill(PREAMBLE), ...body, sum(body), END);
}

/** `digits` decimal digits of `value` as packed BCD, low byte first. */
export function bcd(value: number, bytes: number): number[] {
  const digits = String(value).padStart(bytes * 2, '0');
  return Array.from({ length: bytes }, (_, index) =>
    Number.parseInt(digits.slice(digits.length - 2 * index - 2, digits.length - 2 * index), 16),
  );
}

/** The bytes of a 12-digit meter address as they travel. */
export function addressBytes(digits: string): number[] {
  return bcd(Number(digits), 6);
}

function sum(bytes: Iterable<number>): number {
  let total = 0;
  for (const byte of bytes) total = (total + byte) & 0xff;
  return total;
}
