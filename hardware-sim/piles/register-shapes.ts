/** One readable word: its address and how to get it. */
export type Cell = readonly [number, () => number];

/** How a value is laid over registers from `address` on. */
export type Shape = (address: number, get: () => number) => readonly Cell[];

type WordOrder = 'high-first' | 'low-first';

/** One unsigned or two's complement word, rounded and cut to 16 bits. */
export const word: Shape = (address, get) => [[address, () => Math.round(get()) & 0xffff]];

/** A whole number over two words, rounded; negative ones in two's complement. */
export const long: Shape = (address, get) => laid(address, 2, 'high-first', putLong(get));
export const longLowFirst: Shape = (address, get) => laid(address, 2, 'low-first', putLong(get));

/** A whole number over four words, rounded. */
export const quad: Shape = (address, get) => laid(address, 4, 'high-first', putQuad(get));
export const quadLowFirst: Shape = (address, get) => laid(address, 4, 'low-first', putQuad(get));

/** IEEE 754 single over two words, double over four. */
export const float: Shape = (address, get) => laid(address, 2, 'high-first', (view) => view.setFloat32(0, get()));
export const floatLowFirst: Shape = (address, get) =>
  laid(address, 2, 'low-first', (view) => view.setFloat32(0, get()));
export const double: Shape = (address, get) => laid(address, 4, 'high-first', (view) => view.setFloat64(0, get()));

/** Two ASCII characters a word, the first in the high byte, padded with zeros. */
export function ascii(address: number, registers: number, text: () => string): readonly Cell[] {
  return laid(address, registers, 'high-first', (view) => {
    for (const [index, char] of [...text()].slice(0, registers * 2).entries()) view.setUint8(index, char.charCodeAt(0));
  });
}

/** One UTF-16 character a word, padded with zeros. */
export function utf16(address: number, registers: number, text: () => string): readonly Cell[] {
  return Array.from({ length: registers }, (_, index) => [address + index, () => text().charCodeAt(index) || 0]);
}

/** The same word again and again, such as a "not available" pattern. */
export function filled(address: number, registers: number, value: number): readonly Cell[] {
  return Array.from({ length: registers }, (_, index) => [address + index, () => value]);
}

/** One value per phase, `step` registers apart. */
export function perPhase(
  shape: Shape,
  address: number,
  step: number,
  get: (phase: 0 | 1 | 2) => number,
): readonly Cell[] {
  return ([0, 1, 2] as const).flatMap((phase) => shape(address + phase * step, () => get(phase)));
}

/** The number whose IEEE 754 single has the bits of `word32`. */
export function floatOf(word32: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, word32);
  return view.getFloat32(0);
}

function laid(address: number, registers: number, order: WordOrder, put: (view: DataView) => void): readonly Cell[] {
  return Array.from({ length: registers }, (_, index) => {
    const place = order === 'high-first' ? index : registers - 1 - index;
    return [address + index, () => wordOf(registers, place, put)];
  });
}

function wordOf(registers: number, place: number, put: (view: DataView) => void): number {
  const view = new DataView(new ArrayBuffer(registers * 2));
  put(view);
  return view.getUint16(place * 2);
}

function putLong(get: () => number) {
  return (view: DataView): void => view.setUint32(0, Math.round(get()));
}

function putQuad(get: () => number) {
  return (view: DataView): void => view.setBigUint64(0, BigInt(Math.round(get())));
}
