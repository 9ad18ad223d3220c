/** A request to a ground lock after its frame has been checked. */
export interface LockRequest {
  readonly address: number;
  readonly command: number;
  readonly payload: readonly number[];
}

const MASTER_HEADER = [0x55, 0xaa] as const;
const LOCK_HEADER = [0xaa, 0x55] as const;
const SHORTEST_FRAME = 6;

/** Header, LEN, ADDR, CMD, payload, BCC (see README.md in this folder); `undefined` for anything but one whole, sound frame. */
export function decodeLockRequest(frame: Uint8Array): LockRequest | undefined {
  if (frame.length < SHORTEST_FRAME || frame[0] !== MASTER_HEADER[0] || frame[1] !== MASTER_HEADER[1]) return undefined;
  if (frame.length !== (frame[2] ?? 0) + 4) return undefined;
  const [, address = 0, command = 0, ...payload] = frame.subarray(2, -1);
  if (xor(frame.subarray(2, -1)) !== frame.at(-1)) return undefined;
  return { address, command, payload };
}

/** A whole frame from the lock. */
export function encodeLockReply(address: number, command: number, payload: readonly number[]): Uint8Array {
  const body = [payload.length + 2, address, command, ...payload];
  return Uint8Array.of(...LOCK_HEADER, ...body, xor(body));
}

function xor(bytes: Iterable<number>): number {
  let sum = 0;
  for (const byte of bytes) sum ^= byte;
  return sum;
}
