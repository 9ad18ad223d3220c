import { createHmac } from 'node:crypto';

const STEP_MS = 30_000;
const DIGITS = 6;
/** Of the clocks of telephones: one step on both sides. */
const STEPS_ASIDE = 1;
export const TOTP_SECRET_BYTES = 20;

export const totpStep = (wallMs: number): number => Math.floor(wallMs / STEP_MS);

/** The code of a step: HMAC-SHA1 and dynamic truncation (RFC 4226, 5.3; RFC 6238, 4), which every authenticator app knows. */
export function totpCode(secret: Uint8Array, step: number, digits = DIGITS): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = mac.readUInt8(mac.length - 1) & 0x0f;
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}

/** The step that a code is of; null: it is of none that is good now, or of one that was used. @param lastStep the last one used */
export function stepOfCode(secret: Uint8Array, code: string, wallMs: number, lastStep: number): number | null {
  const now = totpStep(wallMs);
  for (let step = now - STEPS_ASIDE; step <= now + STEPS_ASIDE; step++)
    if (step > lastStep && totpCode(secret, step) === code) return step;
  return null;
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Base32 without padding (RFC 4648), as authenticator apps take secrets. */
export function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => BASE32[Number.parseInt(group.padEnd(5, '0'), 2)]).join('');
}

/** What an authenticator app takes as a picture. */
export function otpauthUri(secret: Uint8Array, staffId: string): string {
  const issuer = 'Pilegate';
  return `otpauth://totp/${issuer}:${encodeURIComponent(staffId)}?secret=${base32(secret)}&issuer=${issuer}`;
}
