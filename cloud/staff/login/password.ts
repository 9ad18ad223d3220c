import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { RandomBytes } from '../../random.ts';

/** What one guess costs (RFC 7914): memory is 128 * 2^logN * r bytes, work p times that. */
export interface PasswordCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MiB, three times: what OWASP's cheat sheet on password storage names for scrypt beside 128 MiB once. */
export const PASSWORD_COST: PasswordCost = { logN: 15, r: 8, p: 3 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

const derived = (password: string, salt: Buffer, { logN, r, p }: PasswordCost): Promise<Buffer> =>
  derive(password.normalize('NFKC'), salt, HASH_BYTES, { N: 2 ** logN, r, p, maxmem: 256 * 2 ** logN * r });

/** The hash of a password, with everything that is needed to try it again: `scrypt$logN$r$p$salt$hash`. */
export async function hashPassword(password: string, cost: PasswordCost, randomBytes: RandomBytes): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derived(password, salt, cost);
  return ['scrypt', cost.logN, cost.r, cost.p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/**
 * Whether it is the password of the hash. Takes as long for a wrong one.
 *
 * @throws Error when the text is no hash
 */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const [kind, logN, r, p, salt, hash] = stored.split('$');
  if (kind !== 'scrypt' || salt === undefined || hash === undefined) throw new Error('no hash of a password');
  const cost = { logN: Number(logN), r: Number(r), p: Number(p) };
  const given = await derived(password, Buffer.from(salt, 'base64url'), cost);
  return timingSafeEqual(given, Buffer.from(hash, 'base64url'));
}

const LEAST_CHARACTERS = 12;

/** Why a new password cannot be taken; null: it can. Length counts, not which kinds of characters are in it (NIST SP 800-63B). */
export function passwordComplaint(password: string, staffId: string): string | null {
  if ([...password].length < LEAST_CHARACTERS) return `fewer than ${LEAST_CHARACTERS} characters`;
  if (password.toLowerCase().includes(staffId)) return 'the name of the account is in it';
  return new Set(password).size < 5 ? 'fewer than 5 different characters' : null;
}
