import { PilegateError } from '#shared/errors.ts';
import type { RandomBytes } from '../random.ts';
import { type Authority, certify, readRequest } from './authority.ts';
import type { CredentialIssuer } from './issuer.ts';

const SERIAL_BYTES = 15;

/** The issuer beside a broker that asks for certificates: the name in each is the site's id, whatever the request says. */
export function certificateIssuer(
  authority: Authority,
  lifetimeMs: number,
  randomBytes: RandomBytes,
): CredentialIssuer {
  return {
    kind: 'certificate',
    async issue(wish, siteId, nowMs) {
      if (wish.kind !== 'certificate')
        throw new PilegateError('credential.kind', 'the broker here takes certificates: ask for "certificate"');
      const { publicKey, fingerprint } = await readRequest(wish.csr);
      // RFC 5280: positive, and at most 20 bytes.
      const serial = `01${randomBytes(SERIAL_BYTES).toString('hex')}`;
      const untilMs = nowMs + lifetimeMs;
      const certificate = await certify(authority, publicKey, {
        commonName: siteId,
        use: 'client',
        serial,
        fromMs: nowMs,
        untilMs,
      });
      return { kind: 'certificate', fingerprint, certificate, serial, expiresAtMs: untilMs };
    },
  };
}
