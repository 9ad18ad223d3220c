import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syncFile, syncFolderOf } from '../../ledger/durable-files.ts';
import { type Identity, identitySchema, noIdentity } from './identity-state.ts';

const READABLE_BY_OWNER = 0o600;

/** A code that a technician has left in the folder. */
export interface ClaimCode {
  readonly code: string;
  readonly sha256: string;
}

/** The folder with what the site logs in with: `identity.json`, and `claim` while a code waits to be exchanged. */
export class IdentityFolder {
  readonly #folder: string;

  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'identity');
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** What cannot be understood is kept under another name, for a person: there may be a good key in it. */
  read(): { readonly identity: Identity; readonly isBroken: boolean } {
    const text = readIfThere(this.#path('identity.json'));
    if (text === null) return { identity: noIdentity, isBroken: false };
    try {
      return { identity: identitySchema.parse(JSON.parse(text)), isBroken: false };
    } catch {
      renameSync(this.#path('identity.json'), this.#path('identity-broken.json'));
      syncFolderOf(this.#path('identity.json'));
      return { identity: noIdentity, isBroken: true };
    }
  }

  /** On disk when it returns: the file as a whole, or the one before. */
  write(identity: Identity): void {
    this.#put('identity.json', JSON.stringify(identity, null, 2));
  }

  claim(): ClaimCode | null {
    const code = readIfThere(this.#path('claim'))?.trim() ?? '';
    return code === '' ? null : { code, sha256: createHash('sha256').update(code).digest('hex') };
  }

  /** Leaves a code for the edge that works, or will work, with this folder. */
  putClaim(code: string): void {
    this.#put('claim', `${code}\n`);
  }

  removeClaim(): void {
    rmSync(this.#path('claim'), { force: true });
    syncFolderOf(this.#path('claim'));
  }

  /** A code that the cloud refuses for good is kept for a person to see, and not tried again. */
  setClaimAside(): void {
    renameSync(this.#path('claim'), this.#path('claim-refused'));
    syncFolderOf(this.#path('claim'));
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #put(name: string, text: string): void {
    const fresh = this.#path(`${name}.new`);
    // Left over from a power cut it may be somebody else's to read.
    rmSync(fresh, { force: true });
    writeFileSync(fresh, text, { mode: READABLE_BY_OWNER, flag: 'wx' });
    syncFile(fresh);
    renameSync(fresh, this.#path(name));
    syncFolderOf(fresh);
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
