/**
 * What a transport puts around a Modbus request and how it recognises the one reply that belongs to it.
 * Requests and replies are handled as RTU frames (unit, function, data, CRC), the form modbus-serial speaks.
 */
export interface Framing {
  /** Returns the bytes to send for this request. What is fed from now on is judged against it. */
  begin(requestAdu: Uint8Array): Uint8Array;
  /** A new connection: half a message from the last one has no other half. */
  reset(): void;
  /** Takes received bytes, all of them: also those that come while nobody waits for a reply. */
  feed(bytes: Uint8Array): FramingVerdict;
}

/**
 * `more`: not complete yet. `reply`: the complete reply as an RTU frame. `broken`: what came is not the
 * reply; the line must be left alone until nothing late can come any more.
 */
export type FramingVerdict =
  | { kind: 'more' }
  | { kind: 'reply'; adu: Uint8Array }
  | { kind: 'broken'; reason: 'crc' | 'mismatch' };

const MORE: FramingVerdict = { kind: 'more' };

/** CRC-16/MODBUS (polynomial 0xA001, initial 0xFFFF). Modbus over serial line specification V1.02, 6.2.2. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}

/** Appends the CRC, low byte first. */
export function withCrc(body: Uint8Array): Uint8Array {
  const crc = crc16(body);
  return Uint8Array.of(...body, crc & 0xff, crc >>> 8);
}

const EXCEPTION_LENGTH = 5;
const WRITE_REPLY_LENGTH = 8;
const isWrite = (functionCode: number) => functionCode === 5 || functionCode === 6 || functionCode >= 15;

/** How many bytes of data a reply to this read request carries. */
function readByteCount(requestAdu: Uint8Array): number {
  const count = ((requestAdu[4] ?? 0) << 8) | (requestAdu[5] ?? 0);
  return (requestAdu[1] ?? 0) <= 2 ? Math.ceil(count / 8) : count * 2;
}

/**
 * Judges received bytes against the request that is in flight: unit, function, and byte count for reads; for
 * writes the echo of address and value or count. Modbus RTU carries no transaction id, so this and the silence
 * after trouble are all that keeps a late reply from being taken for the next one's.
 */
export function judgeReply(requestAdu: Uint8Array, received: Uint8Array): FramingVerdict {
  const [unit, functionCode = 0] = requestAdu;
  if (received.length < 3) return MORE;
  if (received[0] !== unit) return { kind: 'broken', reason: 'mismatch' };
  const isException = received[1] === (functionCode | 0x80);
  if (!isException && received[1] !== functionCode) return { kind: 'broken', reason: 'mismatch' };
  const byteCount = readByteCount(requestAdu);
  if (!isException && !isWrite(functionCode) && received[2] !== byteCount)
    return { kind: 'broken', reason: 'mismatch' };
  const length = isException ? EXCEPTION_LENGTH : isWrite(functionCode) ? WRITE_REPLY_LENGTH : 5 + byteCount;
  if (received.length < length) return MORE;
  const adu = received.subarray(0, length);
  if (crc16(adu) !== 0) return { kind: 'broken', reason: 'crc' };
  const echoes =
    isException || !isWrite(functionCode) || adu.subarray(2, 6).every((byte, i) => byte === requestAdu[i + 2]);
  return echoes ? { kind: 'reply', adu } : { kind: 'broken', reason: 'mismatch' };
}

/** RTU frames on a serial line, or on a socket to a gateway that passes them through. */
export function rtuFraming(): Framing {
  let request: Uint8Array = new Uint8Array();
  let received: Uint8Array = new Uint8Array();
  return {
    begin(requestAdu) {
      request = requestAdu;
      received = new Uint8Array();
      return requestAdu;
    },
    reset() {
      received = new Uint8Array();
    },
    feed(bytes) {
      received = Uint8Array.of(...received, ...bytes);
      return judgeReply(request, received);
    },
  };
}

const MBAP_LENGTH = 7;
/** Of unit and PDU together. Modbus application protocol V1.1b3, 4.1: at most 253 bytes of PDU. */
const LONGEST_MBAP_BODY = 254;

/** Modbus TCP: a transaction id on every message, so a late reply is recognised and passed over. */
export function mbapFraming(): Framing {
  let transactionId = 0;
  let request: Uint8Array = new Uint8Array();
  let received: Uint8Array = new Uint8Array();

  /** The next complete message; null when there is none yet, `lost` when what came cannot be cut into messages. */
  function takeMessage(): { id: number; adu: Uint8Array } | 'lost' | null {
    if (received.length < MBAP_LENGTH) return null;
    const view = new DataView(received.buffer, received.byteOffset, received.byteLength);
    const length = view.getUint16(4);
    if (view.getUint16(2) !== 0 || length > LONGEST_MBAP_BODY) {
      received = new Uint8Array();
      return 'lost';
    }
    if (received.length < 6 + length) return null;
    const message = { id: view.getUint16(0), adu: withCrc(received.subarray(6, 6 + length)) };
    received = received.slice(6 + length);
    return message;
  }

  return {
    begin(requestAdu) {
      transactionId = (transactionId + 1) & 0xffff;
      request = requestAdu;
      const body = requestAdu.subarray(0, -2);
      return Uint8Array.of(
        transactionId >>> 8,
        transactionId & 0xff,
        0,
        0,
        body.length >>> 8,
        body.length & 0xff,
        ...body,
      );
    },
    reset() {
      received = new Uint8Array();
    },
    feed(bytes) {
      received = Uint8Array.of(...received, ...bytes);
      for (let message = takeMessage(); message !== null; message = takeMessage()) {
        if (message === 'lost') return { kind: 'broken', reason: 'mismatch' };
        if (message.id !== transactionId) continue;
        const verdict = judgeReply(request, message.adu);
        return verdict.kind === 'more' ? { kind: 'broken', reason: 'mismatch' } : verdict;
      }
      return MORE;
    },
  };
}
