import { packBits, readRequestBits } from './bits.ts';
import {
  ILLEGAL_ADDRESS,
  ILLEGAL_FUNCTION,
  ILLEGAL_VALUE,
  type ReadOutcome,
  type Refusal,
  type RegisterImage,
  type WriteOutcome,
} from './register-image.ts';

/** What a request turned out to be, for the device's watchdog and the line's counters. */
export type PduKind = 'read' | 'write' | 'exception' | 'hang-up';

/** The reply to one request; with `hang-up` it is empty and the device closes the connection, on a serial line it is silent. */
export interface PduAnswer {
  readonly reply: Uint8Array;
  readonly kind: PduKind;
}

const READ_FUNCTIONS = new Set([1, 2, 3, 4]);
const MAX_READ_WORDS = 125;
const MAX_READ_BITS = 2000;

/** True for the function codes that write (5, 6, 15, 16). */
export function isWriteFunction(functionCode: number): boolean {
  return functionCode === 5 || functionCode === 6 || functionCode === 15 || functionCode === 16;
}

/** The exception reply to `functionCode`. */
export function exceptionPdu(functionCode: number, exceptionCode: number): Uint8Array {
  return Uint8Array.of(functionCode | 0x80, exceptionCode);
}

/**
 * Answers one request PDU (function code and data, no unit, no checksum) from `image`.
 *
 * Knows FC 1, 2, 3, 4, 5, 6, 15, 16 as far as the image does. With `applyWrites` false a write is checked and acknowledged
 * but changes nothing. Modbus application protocol V1.1b3, section 6.
 */
export function answerPdu(request: Uint8Array, image: RegisterImage, applyWrites: boolean): PduAnswer {
  const functionCode = request[0] ?? 0;
  if (!image.functions.has(functionCode)) return exception(functionCode, ILLEGAL_FUNCTION);
  if (READ_FUNCTIONS.has(functionCode)) return answerRead(request, functionCode, image);
  if (isWriteFunction(functionCode)) return answerWrite(request, functionCode, image, applyWrites);
  return exception(functionCode, ILLEGAL_FUNCTION);
}

function answerRead(request: Uint8Array, functionCode: number, image: RegisterImage): PduAnswer {
  if (request.length !== 5) return exception(functionCode, ILLEGAL_VALUE);
  const count = wordAt(request, 3);
  const max = functionCode <= 2 ? MAX_READ_BITS : MAX_READ_WORDS;
  if (count < 1 || count > max) return exception(functionCode, ILLEGAL_VALUE);
  const outcome = read(image, functionCode, wordAt(request, 1), count);
  if (!outcome.ok) return refused(functionCode, outcome);
  const data = functionCode <= 2 ? packBits(outcome.words) : packWords(outcome.words);
  return { reply: Uint8Array.of(functionCode, data.length, ...data), kind: 'read' };
}

function read(image: RegisterImage, functionCode: number, address: number, count: number): ReadOutcome {
  if (functionCode === 3) return image.readHolding(address, count);
  if (functionCode === 4) return image.readInput(address, count);
  if (image.bits === undefined) return { ok: false, exceptionCode: ILLEGAL_ADDRESS };
  return functionCode === 1 ? image.bits.readCoils(address, count) : image.bits.readDiscreteInputs(address, count);
}

function answerWrite(request: Uint8Array, functionCode: number, image: RegisterImage, applyWrites: boolean): PduAnswer {
  const outcome = planWrite(request, functionCode, image);
  if (!outcome.ok) return refused(functionCode, outcome);
  if (applyWrites) outcome.apply();
  return { reply: request.slice(0, 5), kind: 'write' };
}

function planWrite(request: Uint8Array, functionCode: number, image: RegisterImage): WriteOutcome {
  const address = wordAt(request, 1);
  if (functionCode === 6) {
    if (request.length !== 5) return { ok: false, exceptionCode: ILLEGAL_VALUE };
    return image.writeHolding(address, [wordAt(request, 3)], 6);
  }
  if (functionCode === 16) {
    const words = requestWords(request);
    return words === undefined ? { ok: false, exceptionCode: ILLEGAL_VALUE } : image.writeHolding(address, words, 16);
  }
  const bits = readRequestBits(request);
  if (bits === undefined) return { ok: false, exceptionCode: ILLEGAL_VALUE };
  return image.bits?.writeCoils(address, bits) ?? { ok: false, exceptionCode: ILLEGAL_ADDRESS };
}

function requestWords(request: Uint8Array): readonly number[] | undefined {
  const count = wordAt(request, 3);
  if (count < 1 || count > 123 || request[5] !== count * 2 || request.length !== 6 + count * 2) return undefined;
  return Array.from({ length: count }, (_, index) => wordAt(request, 6 + index * 2));
}

function refused(functionCode: number, { exceptionCode }: Refusal): PduAnswer {
  return exceptionCode === 'hang-up'
    ? { reply: new Uint8Array(0), kind: 'hang-up' }
    : exception(functionCode, exceptionCode);
}

function exception(functionCode: number, exceptionCode: number): PduAnswer {
  return { reply: exceptionPdu(functionCode, exceptionCode), kind: 'exception' };
}

function wordAt(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function packWords(words: readonly number[]): number[] {
  return words.flatMap((word) => [(word >> 8) & 0xff, word & 0xff]);
}
