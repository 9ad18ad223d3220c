import { expect, test } from 'vitest';
import { base32, otpauthUri, stepOfCode, totpCode, totpStep } from './totp.ts';

const secret = Buffer.from('12345678901234567890');

test.each([
  [59, '94287082'],
  [1_111_111_109, '07081804'],
  [1_111_111_111, '14050471'],
  [1_234_567_890, '89005924'],
  [2_000_000_000, '69279037'],
  [20_000_000_000, '65353130'],
])('XC-01 at %i s the code is as in RFC 6238, appendix B', (atS, code) => {
  expect(totpCode(secret, totpStep(atS * 1000), 8)).toBe(code);
  expect(totpCode(secret, totpStep(atS * 1000))).toBe(code.slice(2));
});

test('XC-01 the codes of the first steps are as in RFC 4226, appendix D', () => {
  const expected = '755224 287082 359152 969429 338314 254676 287922 162583 399871 520489';
  expect(Array.from({ length: 10 }, (_, step) => totpCode(secret, step)).join(' ')).toBe(expected);
});

test('XC-01 a code is good for one step before and after, and never once a step as late has been used', () => {
  const step = 1000;
  const at = (steps: number) => (step + steps) * 30_000;
  const code = totpCode(secret, step);
  for (const steps of [-1, 0, 1]) expect(stepOfCode(secret, code, at(steps), 0)).toBe(step);
  for (const steps of [-2, 2]) expect(stepOfCode(secret, code, at(steps), 0)).toBeNull();
  expect(stepOfCode(secret, code, at(0), step - 1)).toBe(step);
  for (const last of [step, step + 1]) expect(stepOfCode(secret, code, at(0), last)).toBeNull();
});

test.each([
  ['', ''],
  ['f', 'MY'],
  ['fo', 'MZXQ'],
  ['foo', 'MZXW6'],
  ['foob', 'MZXW6YQ'],
  ['fooba', 'MZXW6YTB'],
  ['foobar', 'MZXW6YTBOI'],
])('XC-01 "%s" in base32 is as in RFC 4648 without padding', (text, expected) => {
  expect(base32(Buffer.from(text))).toBe(expected);
});

test('XC-01 an authenticator app is told what it needs', () => {
  expect(otpauthUri(Buffer.from('foobar'), 'li.na')).toBe(
    'otpauth://totp/Pilegate:li.na?secret=MZXW6YTBOI&issuer=Pilegate',
  );
});
