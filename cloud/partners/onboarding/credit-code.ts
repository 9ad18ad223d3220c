/** The 31 characters of GB 32100-2015, in the order of their values: no I, O, S, V, Z. */
export const CREDIT_CODE_ALPHABET = '0123456789ABCDEFGHJKLMNPQRTUWXY';

const BASE = CREDIT_CODE_ALPHABET.length;
const BODY_LENGTH = 17;
/** Authority and kind of entity, six digits of the administrative division, nine of the organisation, check character. */
const SHAPE = /^[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}$/;

export type CreditCodeFlaw = 'length' | 'characters' | 'check-character';

/**
 * The check character of the first 17 (GB 32100-2015, 4.7): weights are the powers of 3 modulo 31.
 *
 * @param body 17 characters of the alphabet
 */
export function creditCodeCheck(body: string): string {
  let sum = 0;
  let weight = 1;
  for (const character of body) {
    sum += CREDIT_CODE_ALPHABET.indexOf(character) * weight;
    weight = (weight * 3) % BASE;
  }
  return CREDIT_CODE_ALPHABET.charAt((BASE - (sum % BASE)) % BASE);
}

/** What is wrong with a unified social credit code; null: nothing that can be seen without asking the registry. */
export function creditCodeFlaw(code: string): CreditCodeFlaw | null {
  if (code.length !== BODY_LENGTH + 1) return 'length';
  if (!SHAPE.test(code)) return 'characters';
  return creditCodeCheck(code.slice(0, BODY_LENGTH)) === code.slice(BODY_LENGTH) ? null : 'check-character';
}
