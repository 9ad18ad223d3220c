/** A character on the wire counts 11 bits: start, 8 data, parity or second stop, stop (MODBUS over serial line V1.02, 2.5.1). */
const BITS_PER_CHARACTER = 11;
/** Above 19200 baud the silent interval is fixed (MODBUS over serial line V1.02, 2.5.1.1). */
const FIXED_SILENCE_ABOVE_BAUD = 19200;
const FIXED_SILENCE_MS = 1.75;

/** Time in ms that `bytes` characters occupy the wire. */
export function transmissionMs(baud: number, bytes: number): number {
  return (bytes * BITS_PER_CHARACTER * 1000) / baud;
}

/** Silence in ms that ends a frame: 3.5 characters, or 1.75 ms above 19200 baud. */
export function frameSilenceMs(baud: number): number {
  return baud > FIXED_SILENCE_ABOVE_BAUD ? FIXED_SILENCE_MS : transmissionMs(baud, 3.5);
}

/** Time in ms from the first byte of a request to the last byte of its reply. */
export function exchangeMs(baud: number, requestBytes: number, replyBytes: number, turnaroundMs: number): number {
  return transmissionMs(baud, requestBytes) + frameSilenceMs(baud) + turnaroundMs + transmissionMs(baud, replyBytes);
}
