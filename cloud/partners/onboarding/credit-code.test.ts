import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CREDIT_CODE_ALPHABET, creditCodeCheck, creditCodeFlaw } from './credit-code.ts';

const known = [
  '91350100M000100Y43',
  '91110108551385082Q',
  '91110000101623741K',
  '911101066976941872',
  '9144030071526726XG',
  '914403001922038216',
];

test.each(known)('OP-01 the unified social credit code %s, which is in use, is good', (code) => {
  expect(creditCodeFlaw(code)).toBeNull();
});

const character = fc.constantFrom(...CREDIT_CODE_ALPHABET);
const digit = fc.constantFrom(...'0123456789');
const bodies = fc
  .tuple(
    fc.array(character, { minLength: 2, maxLength: 2 }),
    fc.array(digit, { minLength: 6, maxLength: 6 }),
    fc.array(character, { minLength: 9, maxLength: 9 }),
  )
  .map((parts) => parts.flat().join(''));

test('OP-01 every body has exactly one check character', () => {
  fc.assert(
    fc.property(bodies, (body) => {
      const good = [...CREDIT_CODE_ALPHABET].filter((last) => creditCodeFlaw(body + last) === null);
      expect(good).toEqual([creditCodeCheck(body)]);
    }),
  );
});

test('OP-01 a body whose weighted sum is a multiple of 31 has the check character 0', () => {
  expect(creditCodeFlaw('000000000000000000')).toBeNull();
  expect(creditCodeFlaw('100000000000000010')).toBe('check-character');
});

test('OP-01 one wrong character is always found, and so are two neighbours that changed places', () => {
  fc.assert(
    fc.property(bodies, fc.nat(17), character, fc.nat(16), (body, at, other, left) => {
      const code = body + creditCodeCheck(body);
      const mistyped = code.slice(0, at) + other + code.slice(at + 1);
      if (mistyped !== code) expect(creditCodeFlaw(mistyped)).not.toBeNull();
      const [a = '', b = ''] = code.slice(left, left + 2);
      if (a !== b) expect(creditCodeFlaw(code.slice(0, left) + b + a + code.slice(left + 2))).not.toBeNull();
    }),
  );
});

test('OP-01 letters that could be taken for digits, small letters, blanks and other lengths are refused', () => {
  for (const wrong of 'IOSVZa é中')
    expect(creditCodeFlaw(`9135010${wrong}M000100Y43`.slice(0, 18).padEnd(18, '0'))).toBe('characters');
  for (const wrong of ['91350100M00010OY43', '91350100m000100Y43', '9135010IM000100Y43', ' 1350100M000100Y43'])
    expect(creditCodeFlaw(wrong)).toBe('characters');
  for (const wrong of ['', '91350100M000100Y4', '91350100M000100Y430', '91350100M000100Y43\n'])
    expect(creditCodeFlaw(wrong)).toBe('length');
});
