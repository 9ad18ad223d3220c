import { expect, test } from 'vitest';
import {
  ascii,
  type Cell,
  double,
  floatLowFirst,
  floatOf,
  long,
  longLowFirst,
  quad,
  quadLowFirst,
  utf16,
  word,
} from './register-shapes.ts';

function hex(cells: readonly Cell[]): string {
  return cells
    .toSorted(([a], [b]) => a - b)
    .map(([, get]) => get().toString(16).padStart(4, '0'))
    .join(' ');
}

test.each([
  ['a negative word', word(1, () => -5), 'fffb'],
  ['a long', long(1, () => 0x1234_5678), '1234 5678'],
  ['a negative long', long(1, () => -2), 'ffff fffe'],
  ['a long beyond its end', long(1, () => 2 ** 32 + 7), '0000 0007'],
  ['a long, low word first', longLowFirst(1, () => 0x1234_5678), '5678 1234'],
  ['a quad', quad(1, () => 0x1_2345_6789), '0000 0001 2345 6789'],
  ['a quad, low word first', quadLowFirst(1, () => 0x1_2345_6789), '6789 2345 0001 0000'],
  ['a double', double(1, () => 302_806), '4112 7b58 0000 0000'],
  ['a single, low word first', floatLowFirst(1, () => floatOf(0x412e_fec6)), 'fec6 412e'],
  ['text of odd length', ascii(1, 3, () => 'ABC'), '4142 4300 0000'],
  ['text that is too long', ascii(1, 1, () => 'ABC'), '4142'],
  ['UTF-16 text', utf16(1, 3, () => 'v3'), '0076 0033 0000'],
])('HS-01 %s is laid over its registers', (_name, cells, words) => {
  expect(hex(cells)).toBe(words);
});
