import { MORE, type Verdict } from './exchange.ts';

/** What each value of a byte does to the checksum (polynomial 0xA001). */
const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  return crc;
});

/** CRC-16/MODBUS (polynomial 0xA001, initial 0xFFFF). Modbus over serial line specification V1.02, 6.2.2. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return crc;
}

/** Appends the CRC, low byte first. */
export function withCrc(body: Uint8Array): Uint8Array {
  const crc = crc16(body);
  const frame = new Uint8Array(body.length + 2);
  frame.set(body);
  frame[body.length] = crc & 0xff;
  frame[body.length + 1] = crc >>> 8;
  return frame;
}

export function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

const EXCEPTION_LENGTH = 5;
const WRITE_REPLY_LENGTH = 8;
const isWrite = (functionCode: number) => functionCode === 5 || functionCode === 6 || functionCode >= 15;

/** How many bytes of data a reply to this read request carries. */
function readByteCount(requestAdu: Uint8Array): number {
  const count = ((requestAdu[4] ?? 0) << 8) | (requestAdu[5] ?? 0);
  return (requestAdu[1] ?? 0) <= 2 ? Math.ceil(count / 8) : count * 2;
}

const broken = (reason: 'crc' | 'mismatch', detail: string): Verdict<never> => ({ kind: 'broken', reason, detail });

/**
 * Judges received bytes, an RTU frame or the beginning of one, against the request that is in flight: unit, function, and
 * byte count for reads; for writes the echo of address and value or count. The answer is the complete frame, exceptions
 * included.
 */
export function judgeReply(requestAdu: Uint8Array, received: Uint8Array): Verdict<Uint8Array> {
  const [unit, functionCode = 0] = requestAdu;
  if (received.length < 3) return MORE;
  if (received[0] !== unit) return broken('mismatch', `unit ${received[0]} answers for ${unit}`);
  const isException = received[1] === (functionCode | 0x80);
  if (!isException && received[1] !== functionCode)
    return broken('mismatch', `function ${received[1]} answers ${functionCode}`);
  const byteCount = readByteCount(requestAdu);
  if (!isException && !isWrite(functionCode) && received[2] !== byteCount)
    return broken('mismatch', `${received[2]} bytes of data, asked were ${byteCount}`);
  const length = isException ? EXCEPTION_LENGTH : isWrite(functionCode) ? WRITE_REPLY_LENGTH : 5 + byteCount;
  if (received.length < length) return MORE;
  const adu = received.subarray(0, length);
  if (crc16(adu) !== 0) return broken('crc', 'the checksum does not fit');
  const echoes =
    isException || !isWrite(functionCode) || adu.subarray(2, 6).every((byte, i) => byte === requestAdu[i + 2]);
  return echoes ? { kind: 'answer', answer: adu } : broken('mismatch', 'the echo is of another write');
}

const MBAP_LENGTH = 7;
/** Of unit and PDU together. Modbus application protocol V1.1b3, 4.1: at most 253 bytes of PDU. */
const LONGEST_MBAP_BODY = 254;

/** A message cut out of a Modbus TCP stream; its frame is in RTU form. */
export interface MbapMessage {
  readonly transactionId: number;
  readonly adu: Uint8Array;
}

/** Cuts a Modbus TCP stream into messages; half of one waits for its other half, whoever asks meanwhile. */
export class MbapReader {
  #received: Uint8Array = new Uint8Array();

  /** A new connection: half a message from the last one has no other half. */
  reset(): void {
    this.#received = new Uint8Array();
  }

  /** The complete messages so far; null when what came cannot be cut into messages. */
  push(bytes: Uint8Array): MbapMessage[] | null {
    this.#received = joined(this.#received, bytes);
    const messages: MbapMessage[] = [];
    while (this.#received.length >= MBAP_LENGTH) {
      const view = new DataView(this.#received.buffer, this.#received.byteOffset, this.#received.byteLength);
      const length = view.getUint16(4);
      if (view.getUint16(2) !== 0 || length < 2 || length > LONGEST_MBAP_BODY) {
        this.reset();
        return null;
      }
      if (this.#received.length < 6 + length) break;
      messages.push({ transactionId: view.getUint16(0), adu: withCrc(this.#received.subarray(6, 6 + length)) });
      this.#received = this.#received.slice(6 + length);
    }
    return messages;
  }
}

/** A request in RTU form as a Modbus TCP message. */
export function toMbap(requestAdu: Uint8Array, transactionId: number): Uint8Array {
  const length = requestAdu.length - 2;
  const message = new Uint8Array(6 + length);
  const view = new DataView(message.buffer);
  view.setUint16(0, transactionId);
  view.setUint16(4, length);
  message.set(requestAdu.subarray(0, length), 6);
  return message;
}
