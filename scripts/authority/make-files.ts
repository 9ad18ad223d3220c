import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certifyNewKey, makeAuthority, openAuthority, revocationList } from '../../cloud/sites/authority.ts';
import { ACCESS_FILE, CLOUD_NAME, mosquittoConfig, PLUGIN } from './broker-files.ts';

export interface AuthorityWish {
  readonly folder: string;
  /** Names and addresses under which sites and cloud reach the broker. */
  readonly brokerHosts: readonly string[];
  readonly port: number;
  readonly address: string | null;
  readonly pidFile: string | null;
  /** It is built here, and that takes a C compiler. */
  readonly hasPlugin: boolean;
  readonly nowMs: number;
}

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 7300;
const OWN_DAYS = 825;
const LIST_DAYS = 400;

/** Positive, and in 16 bytes: RFC 5280 allows 20. */
const newSerial = () => `01${randomBytes(15).toString('hex')}`;

/**
 * Makes an authority and everything that Mosquitto and the cloud need to begin with.
 *
 * @throws Error with code EEXIST when there is one in the folder: the certificates of every site hang on it; ENOENT without a C compiler
 */
export async function makeAuthorityFiles(wish: AuthorityWish): Promise<void> {
  const { folder, nowMs } = wish;
  mkdirSync(folder, { recursive: true });
  const put = (name: string, text: string, mode = 0o644) =>
    writeFileSync(join(folder, name), text, { mode, flag: 'wx' });
  const pem = await makeAuthority('Pilegate', newSerial(), nowMs, nowMs + AUTHORITY_DAYS * DAY_MS);
  put('authority.key', pem.key, 0o600);
  put('authority.crt', pem.certificate);
  const authority = await openAuthority(pem);
  const term = { fromMs: nowMs, untilMs: nowMs + OWN_DAYS * DAY_MS };
  const hosts = wish.brokerHosts;
  const broker = { commonName: hosts[0] ?? 'localhost', use: 'server', hosts, serial: newSerial(), ...term } as const;
  const cloud = { commonName: CLOUD_NAME, use: 'client', serial: newSerial(), ...term } as const;
  for (const [name, one] of Object.entries({ broker, cloud })) {
    const { key, certificate } = await certifyNewKey(authority, one);
    put(`${name}.key`, key, 0o600);
    put(`${name}.crt`, certificate);
  }
  put('revoked.crl', await revocationList(authority, [], nowMs, nowMs + LIST_DAYS * DAY_MS));
  put('access.acl', ACCESS_FILE);
  put('mosquitto.conf', mosquittoConfig({ ...wish }));
  if (wish.hasPlugin) buildPlugin(folder);
}

/** The source goes along: for a broker on another kind of machine it is built there, by the same command. */
function buildPlugin(folder: string): void {
  const [source, plugin] = [join(folder, `${PLUGIN}.c`), join(folder, `${PLUGIN}.so`)];
  copyFileSync(join(import.meta.dirname, `${PLUGIN}.c`), source);
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', plugin, source], { stdio: 'inherit' });
}
