/** A request to a barrier after its frame has been checked. */
export interface BarrierRequest {
  readonly address: number;
  readonly command: number;
  readonly payload: readonly number[];
}

const HEADER = 0x7e;
const SHORTEST_FRAME = 5;

/** Header, ADDR, CMD, LEN, payload, SUM (see README.md in this folder); `undefined` for anything but one whole, sound frame. */
export function decodeBarrierRequest(frame: Uint8Array): BarrierRequest | undefined {
  if (frame.length < SHORTEST_FRAME || frame[0] !== HEADER || frame.length !== (frame[3] ?? 0) + SHORTEST_FRAME)
    return undefined;
  const [address = 0, command = 0, , ...payload] = frame.subarray(1, -1);
  if (sum(frame.subarray(1, -1)) !== frame.at(-1)) return undefined;
  return { address, command, payload };
}

/** A whole frame from the barrier. */
export function encodeBarrierReply(address: number, command: number, payload: readonly number[]): Uint8Array {
  const body = [address, command, payload.length, ...payload];
  return Uint8Array.of(HEADER, ...body, sum(body));
}

function sum(bytes: Iterable<number>): number {
  let total = 0;
  for (const byte of bytes) total = (total + byte) & 0xff;
  return total;
}
