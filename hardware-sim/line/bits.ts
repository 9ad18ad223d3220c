/** Packs 0/1 values into bytes, first bit in the lowest position (Modbus application protocol V1.1b3, section 6.1). */
export function packBits(bits: readonly number[]): number[] {
  const bytes = new Array<number>(Math.ceil(bits.length / 8)).fill(0);
  for (const [index, bit] of bits.entries()) {
    const byte = index >> 3;
    if (bit === 1) bytes[byte] = (bytes[byte] ?? 0) | (1 << (index & 7));
  }
  return bytes;
}

/** The coil values of an FC05 or FC15 request PDU, or `undefined` when its lengths or values are malformed. */
export function readRequestBits(request: Uint8Array): readonly number[] | undefined {
  return request[0] === 5 ? singleCoil(request) : multipleCoils(request);
}

function singleCoil(request: Uint8Array): readonly number[] | undefined {
  if (request.length !== 5 || request[4] !== 0) return undefined;
  if (request[3] === 0xff) return [1];
  return request[3] === 0 ? [0] : undefined;
}

function multipleCoils(request: Uint8Array): readonly number[] | undefined {
  const count = ((request[3] ?? 0) << 8) | (request[4] ?? 0);
  const byteCount = Math.ceil(count / 8);
  if (count < 1 || count > 1968 || request[5] !== byteCount || request.length !== 6 + byteCount) return undefined;
  return Array.from({ length: count }, (_, index) => ((request[6 + (index >> 3)] ?? 0) >> (index & 7)) & 1);
}
