/** One Modbus TCP message. */
export interface MbapMessage {
  readonly transactionId: number;
  readonly unit: number;
  readonly pdu: Uint8Array;
}

/** Messages completed so far, or the news that the stream cannot be Modbus TCP and the connection must be closed. */
export type MbapPush =
  | { readonly ok: true; readonly messages: readonly MbapMessage[] }
  | { readonly ok: false; readonly reason: string };

const HEADER_BYTES = 7;
const MAX_LENGTH_FIELD = 254;

/** Wraps a reply for the wire (MODBUS messaging on TCP/IP V1.0b, section 3.1.3). */
export function encodeMbap({ transactionId, unit, pdu }: MbapMessage): Uint8Array {
  const length = pdu.length + 1;
  return Uint8Array.of(transactionId >> 8, transactionId & 0xff, 0, 0, length >> 8, length & 0xff, unit, ...pdu);
}

/** Returns a function that takes stream chunks of any size and gives back the messages they complete. */
export function createMbapReader(): (chunk: Uint8Array) => MbapPush {
  let pending: Uint8Array = new Uint8Array(0);
  return (chunk) => {
    pending = Uint8Array.of(...pending, ...chunk);
    const messages: MbapMessage[] = [];
    while (pending.length >= HEADER_BYTES) {
      const length = word(pending, 4);
      if (word(pending, 2) !== 0) return { ok: false, reason: 'protocol identifier is not 0' };
      if (length < 2 || length > MAX_LENGTH_FIELD)
        return { ok: false, reason: `length field ${length} is out of range` };
      if (pending.length < 6 + length) break;
      messages.push({
        transactionId: word(pending, 0),
        unit: pending[6] ?? 0,
        pdu: pending.slice(HEADER_BYTES, 6 + length),
      });
      pending = pending.slice(6 + length);
    }
    return { ok: true, messages };
  };
}

function word(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}
