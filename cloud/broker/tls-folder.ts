import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Authority } from '../sites/authority.ts';

/** What a client shows a broker, and knows it by; PEM. */
export interface ClientTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface BrokerTls {
  readonly client: ClientTls;
  /** Null: the authority's key is not here, and certificates are made elsewhere. */
  readonly authority: Authority | null;
  /** The list of what holds no longer, for the broker. */
  readonly revokedFile: string;
}

/**
 * Reads the folder that `npm run make:authority` has made, or the part of it that this process has.
 *
 * @throws Error naming the file that cannot be read
 */
export async function readTlsFolder(folder: string): Promise<BrokerTls> {
  const read = (name: string) => readFile(join(folder, name), 'utf8');
  const [ca, cert, key] = [await read('authority.crt'), await read('cloud.crt'), await read('cloud.key')];
  const signingKey = await read('authority.key').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  // Only a cloud with certificates loads what knows about them.
  const { openAuthority } = await import('../sites/authority.ts');
  const authority = signingKey === null ? null : await openAuthority({ key: signingKey, certificate: ca });
  return { client: { ca, cert, key }, authority, revokedFile: join(folder, 'revoked.crl') };
}
