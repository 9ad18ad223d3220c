import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { sha256Hex } from './canonical-json.ts';

/**
 * Makes sure that one process at a time works in a data folder: two on one PGlite would destroy it. The lock is
 * a name in Linux's abstract socket space, which vanishes with its process, however that ends. Elsewhere there
 * is no such space, and no lock.
 *
 * @throws Error naming the folder that is in use
 */
export async function lockDataFolder(dataDir: string): Promise<void> {
  if (process.platform !== 'linux') return;
  const folder = resolve(dataDir);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((done, fail) => {
    server.once('error', (cause) => fail(new Error(`another process works in ${folder}`, { cause })));
    server.listen(`\0pilegate-cloud-${sha256Hex(folder)}`, done);
  });
  server.unref();
}
