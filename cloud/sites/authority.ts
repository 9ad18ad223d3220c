import 'reflect-metadata';
import { createHash, createPrivateKey, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type GeneralNameType,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
  X509CrlReason,
} from '@peculiar/x509';
import { PilegateError } from '#shared/errors.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const { subtle } = webcrypto;

/** A certificate and the key for it, PEM. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly certificate: string;
}

/** What signs the certificates of sites, broker and cloud. */
export interface Authority {
  readonly certificate: X509Certificate;
  readonly signingKey: webcrypto.CryptoKey;
}

export interface CertificateWish {
  readonly commonName: string;
  /** What it may be used for: the other side checks that, so a site cannot pass for a broker. */
  readonly use: 'client' | 'server';
  /** Host names and addresses of a server. */
  readonly hosts?: readonly string[];
  readonly serial: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Clocks of brokers are some minutes off. */
const BACKDATED_MS = 300_000;

const makeKey = (): Promise<webcrypto.CryptoKeyPair> => subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

const pemOf = async (key: webcrypto.CryptoKey): Promise<string> =>
  PemConverter.encode(await subtle.exportKey('pkcs8', key), 'PRIVATE KEY');

/** @returns a new authority: P-256, signed by itself, for no authority below it */
export async function makeAuthority(
  name: string,
  serial: string,
  fromMs: number,
  untilMs: number,
): Promise<KeyAndCertificate> {
  const keys = await makeKey();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial,
    name: [{ CN: [name] }],
    notBefore: new Date(fromMs - BACKDATED_MS),
    notAfter: new Date(untilMs),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: await pemOf(keys.privateKey), certificate: certificate.toString('pem') };
}

/** @throws Error when one of them is not what it should be */
export async function openAuthority(pem: KeyAndCertificate): Promise<Authority> {
  const pkcs8 = createPrivateKey(pem.key).export({ type: 'pkcs8', format: 'der' });
  const signingKey = await subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']);
  return { certificate: new X509Certificate(pem.certificate), signingKey };
}

/** A certificate over somebody's public key. */
export async function certify(
  { certificate: issuer, signingKey }: Authority,
  publicKey: webcrypto.CryptoKey,
  wish: CertificateWish,
): Promise<string> {
  const isServer = wish.use === 'server';
  const hosts = (wish.hosts ?? []).map((value) => ({ type: hostKind(value), value }));
  const certificate = await X509CertificateGenerator.create({
    serialNumber: wish.serial,
    subject: [{ CN: [wish.commonName] }],
    issuer: issuer.subjectName,
    notBefore: new Date(wish.fromMs - BACKDATED_MS),
    notAfter: new Date(wish.untilMs),
    signingAlgorithm: ALGORITHM,
    publicKey,
    signingKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([isServer ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth]),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(hosts.length === 0 ? [] : [new SubjectAlternativeNameExtension(hosts)]),
    ],
  });
  return certificate.toString('pem');
}

const hostKind = (host: string): GeneralNameType => (/^[\d.]+$|:/.test(host) ? 'ip' : 'dns');

/** A certificate together with a new key. */
export async function certifyNewKey(authority: Authority, wish: CertificateWish): Promise<KeyAndCertificate> {
  const keys = await makeKey();
  return { key: await pemOf(keys.privateKey), certificate: await certify(authority, keys.publicKey, wish) };
}

/**
 * The public key of a certificate request, which has to be signed by it: who asks has the key.
 *
 * @throws PilegateError `credential.refused`
 */
export async function readRequest(csr: string): Promise<{ publicKey: webcrypto.CryptoKey; fingerprint: string }> {
  try {
    const request = new Pkcs10CertificateRequest(csr);
    const publicKey = await subtle.importKey('spki', request.publicKey.rawData, ALGORITHM, true, ['verify']);
    if (!(await request.verify())) throw new Error('it is not signed by its own key');
    const fingerprint = createHash('sha256').update(Buffer.from(request.publicKey.rawData)).digest('hex');
    return { publicKey, fingerprint };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PilegateError('credential.refused', `no certificate request over a P-256 key: ${reason}`, { cause });
  }
}

/** A list of certificates that hold no longer, PEM. */
export async function revocationList(
  { certificate, signingKey }: Authority,
  revoked: readonly { readonly serial: string; readonly atMs: number }[],
  fromMs: number,
  untilMs: number,
): Promise<string> {
  const list = await X509CrlGenerator.create({
    issuer: certificate.subjectName,
    thisUpdate: new Date(fromMs - BACKDATED_MS),
    nextUpdate: new Date(untilMs),
    signingAlgorithm: ALGORITHM,
    signingKey,
    entries: revoked.map(({ serial, atMs }) => ({
      serialNumber: serial,
      revocationDate: new Date(atMs),
      reason: X509CrlReason.privilegeWithdrawn,
    })),
  });
  // The library's own label is not the one of RFC 7468, and OpenSSL knows no other.
  return PemConverter.encode(list.rawData, 'X509 CRL');
}
