import { createHash, generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import type { CredentialKind } from '#shared/wire/credentials.ts';
import type { Credential } from './identity-state.ts';

const PASSWORD_BYTES = 32;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Makes a secret that nobody else has ever seen: a password, or a P-256 key with a request for its certificate. */
export async function makeSecret(kind: CredentialKind): Promise<Credential> {
  if (kind === 'password') {
    const password = randomBytes(PASSWORD_BYTES).toString('base64url');
    return { fingerprint: sha256(password), secret: { kind, password }, grant: null };
  }
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const { subtle } = webcrypto;
  const keys = {
    privateKey: await subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']),
    publicKey: await subtle.importKey('spki', spki, ALGORITHM, true, ['verify']),
  };
  return {
    fingerprint: sha256(spki),
    secret: {
      kind,
      privateKey: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
      csr: await requestFor(keys),
    },
    grant: null,
  };
}

/** Only sites with certificates load what knows about them. */
async function requestFor(keys: webcrypto.CryptoKeyPair): Promise<string> {
  await import('reflect-metadata');
  const { Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509');
  const request = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: ALGORITHM });
  return request.toString('pem');
}
