/** Start, eight data bits, parity and stop, or two stops. Modbus over serial line V1.02, 2.5.1: 11 bits in every mode. */
const BITS_PER_CHARACTER = 11;

/** How long so many characters take on a serial line. */
export const transmissionMs = (baud: number, characters: number): number =>
  (characters * BITS_PER_CHARACTER * 1000) / baud;

/** Silence around a frame: 3.5 characters, but 1.75 ms above 19200 baud. Modbus over serial line V1.02, 2.5.1.1. */
export const silenceMsAt = (baud: number): number => (baud > 19_200 ? 1.75 : transmissionMs(baud, 3.5));
