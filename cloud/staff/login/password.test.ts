import { expect, test } from 'vitest';
import { systemRandom } from '../../random.ts';
import { waitAfter } from './attempts.ts';
import { hashPassword, isPassword, PASSWORD_COST, passwordComplaint } from './password.ts';

const cheap = { logN: 4, r: 1, p: 1 };

test('XC-01 a password is kept as scrypt with salt and parameters, and known again', async () => {
  const [one, other] = await Promise.all([1, 2].map(() => hashPassword('pässword of 北京', cheap, systemRandom.bytes)));
  expect(one).toMatch(/^scrypt\$4\$1\$1\$[\w-]{22}\$[\w-]{43}$/);
  expect(one).not.toBe(other);
  expect(await isPassword('pässword of 北京', one ?? '')).toBe(true);
  expect(await isPassword('pa\u0308ssword of 北京', one ?? '')).toBe(true);
  expect(await isPassword('Pässword of 北京', one ?? '')).toBe(false);
  await expect(isPassword('x', 'plain')).rejects.toThrow('no hash');
});

test('XC-01 scrypt gives what RFC 7914 says', async () => {
  const salt = Buffer.from('NaCl');
  const stored = await hashPassword('password', { logN: 10, r: 8, p: 16 }, () => salt);
  const hash = Buffer.from(stored.split('$')[5] ?? '', 'base64url').toString('hex');
  expect(hash).toBe('fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162');
});

test('XC-01 one guess costs 32 MiB in service', async () => {
  expect(128 * 2 ** PASSWORD_COST.logN * PASSWORD_COST.r).toBe(32 * 1024 * 1024);
  const stored = await hashPassword('once with the true cost', PASSWORD_COST, systemRandom.bytes);
  expect(await isPassword('once with the true cost', stored)).toBe(true);
});

test('XC-01 a password is long, and not the name of its account', () => {
  expect(passwordComplaint('twelve chars', 'li-na')).toBeNull();
  expect(passwordComplaint('eleven char', 'li-na')).toContain('12 characters');
  expect(passwordComplaint('hello LI-NA hello', 'li-na')).toContain('name');
  expect(passwordComplaint('aaaaaaaaaaaaaaaa', 'li-na')).toContain('different');
});

test('XC-01 five attempts are free, and then the wait doubles up to a quarter of an hour', () => {
  expect([0, 4, 5, 6, 7, 8, 9, 10, 60].map(waitAfter).map((ms) => ms / 1000)).toEqual([
    0, 0, 30, 60, 120, 240, 480, 900, 900,
  ]);
});
