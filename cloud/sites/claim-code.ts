import { sha256Hex } from '../canonical-json.ts';
import type { RandomBytes } from '../random.ts';

/** Crockford's base 32: no letter looks like a digit, and none is missing that people would miss. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 20;
const GROUP = 5;

/** A code that a person can type: 100 random bits as XXXXX-XXXXX-XXXXX-XXXXX. */
export function newClaimCode(randomBytes: RandomBytes): string {
  // 256 is a multiple of 32, so every letter is as likely.
  const letters = [...randomBytes(LENGTH)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('');
  return (letters.match(new RegExp(`.{${GROUP}}`, 'g')) ?? []).join('-');
}

/** What is stored of a code: however it was typed, with I and L for 1 and O for 0. A digest is enough, nobody guesses 100 bits. */
export const digestOfClaimCode = (typed: string): string =>
  sha256Hex(typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll(/[IL]/g, '1').replaceAll('O', '0'));
