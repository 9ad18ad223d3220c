import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { PilegateError } from '#shared/errors.ts';

/**
 * Makes sure that one process at a time works with a data folder: two edges would share a ledger, a serial line and an
 * identity. The lock is a name in Linux's abstract socket space, which vanishes with its process, however that ends.
 *
 * @throws PilegateError `config.invalid` naming the folder that is in use
 */
export async function lockFolder(purpose: string, folder: string): Promise<void> {
  if (process.platform !== 'linux') return;
  const path = resolve(folder);
  const name = createHash('sha256').update(path).digest('hex');
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((done, fail) => {
    server.once('error', (cause) =>
      fail(new PilegateError('config.invalid', `another process works with ${path}: end that one first`, { cause })),
    );
    server.listen(`\0pilegate-${purpose}-${name}`, done);
  });
  server.unref();
}
