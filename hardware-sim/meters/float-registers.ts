/** Float values by the address of their first register; asked for anew at every read. */
export type FloatTable = ReadonlyMap<number, () => number>;

/** IEEE 754 single precision, high word first. */
export function floatWords(value: number): readonly [number, number] {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return [view.getUint16(0), view.getUint16(2)];
}

/** Entries for values that stand two registers apart, from `address` on. */
export function inRow(
  address: number,
  values: readonly (() => number)[],
): readonly (readonly [number, () => number])[] {
  return values.map((get, index) => [address + 2 * index, get] as const);
}
