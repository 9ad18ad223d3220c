/** A frame taken from a serial line: addressed and whole, or not worth an answer. */
export type RtuFrame =
  | { readonly kind: 'frame'; readonly unit: number; readonly pdu: Uint8Array }
  | { readonly kind: 'garbage' };

const MIN_FRAME_BYTES = 4;
const MAX_FRAME_BYTES = 256;
const POLYNOMIAL = 0xa001;

/** CRC-16 of Modbus RTU (reflected 0x8005, start 0xFFFF; MODBUS over serial line V1.02, section 6.2.2). */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ POLYNOMIAL : crc >> 1;
  }
  return crc;
}

/** Unit, PDU and CRC, low byte of the CRC first. */
export function encodeRtu(unit: number, pdu: Uint8Array): Uint8Array {
  const body = Uint8Array.of(unit, ...pdu);
  const crc = crc16(body);
  return Uint8Array.of(...body, crc & 0xff, crc >> 8);
}

/** Reads what stood between two silences. Wrong length or checksum is garbage: a slave stays silent on it. */
export function decodeRtu(bytes: Uint8Array): RtuFrame {
  if (bytes.length < MIN_FRAME_BYTES || bytes.length > MAX_FRAME_BYTES) return { kind: 'garbage' };
  const body = bytes.subarray(0, -2);
  const crc = crc16(body);
  if (bytes.at(-2) !== (crc & 0xff) || bytes.at(-1) !== crc >> 8) return { kind: 'garbage' };
  return { kind: 'frame', unit: body[0] ?? 0, pdu: body.slice(1) };
}
