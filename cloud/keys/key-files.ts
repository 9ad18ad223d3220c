import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RandomBytes } from '../random.ts';

const MASTER_KEY_BYTES = 32;
const STAFF_TOKEN_BYTES = 32;

export interface KeyFiles {
  readonly masterKey: Buffer;
  readonly staffToken: string;
}

/** Reads a file, or makes it with mode 0600, on disk before anything is sealed with it. It gets its name when it is whole: of several who make it one wins. */
async function readOrCreate(path: string, make: () => Buffer): Promise<Buffer> {
  const present = await readFile(path).catch((error: unknown) => unless(error, 'ENOENT'));
  if (present !== null) return present;
  const bytes = make();
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
    await link(draft, path).catch((error: unknown) => unless(error, 'EEXIST'));
  } finally {
    await file.close();
    await unlink(draft);
  }
  await syncFolderOf(path);
  return readFile(path);
}

/** A name that a power cut could take away again would be as bad as bytes. */
async function syncFolderOf(path: string): Promise<void> {
  const folder = await open(dirname(path));
  await folder.sync().finally(() => folder.close());
}

/** Null for an error with this code; any other is thrown. */
function unless(error: unknown, code: string): null {
  if (error instanceof Error && 'code' in error && error.code === code) return null;
  throw error;
}

/**
 * The keys in `<data>/keys`, generated at the first start.
 *
 * @throws Error when the master key has not 32 bytes: secrets could neither be read nor written
 */
export async function loadKeyFiles(dataDir: string, randomBytes: RandomBytes): Promise<KeyFiles> {
  const folder = join(dataDir, 'keys');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const masterPath = join(folder, 'master.key');
  const masterKey = await readOrCreate(masterPath, () => randomBytes(MASTER_KEY_BYTES));
  if (masterKey.length !== MASTER_KEY_BYTES) {
    throw new Error(`${masterPath} has ${masterKey.length} bytes instead of ${MASTER_KEY_BYTES}`);
  }
  const token = await readOrCreate(join(folder, 'staff.token'), () =>
    Buffer.from(randomBytes(STAFF_TOKEN_BYTES).toString('base64url')),
  );
  return { masterKey, staffToken: token.toString('utf8').trim() };
}
