import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RandomBytes } from '../random.ts';

const MASTER_KEY_BYTES = 32;
const STAFF_TOKEN_BYTES = 32;

export interface KeyFiles {
  readonly masterKey: Buffer;
  readonly staffToken: string;
}

/** Reads a file, or makes it with mode 0600 and on disk before anything is sealed with it. */
async function readOrCreate(path: string, make: () => Buffer): Promise<Buffer> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      const bytes = make();
      await file.writeFile(bytes);
      await file.sync();
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return readFile(path);
    throw error;
  }
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
