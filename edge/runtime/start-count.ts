import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { syncFile, syncFolderOf } from '../ledger/durable-files.ts';

const countSchema = z.object({ version: z.int().positive(), starts: z.int().nonnegative() });

/**
 * How many processes have begun with a configuration that is on trial. It is a file of its own: it has to be written before
 * anything that the configuration says is believed, the ledger's settings included.
 */
export class StartCount {
  readonly #path: string;

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'site-starts.json');
  }

  of(version: number): number {
    try {
      const count = countSchema.safeParse(JSON.parse(readFileSync(this.#path, 'utf8'))).data;
      return count?.version === version ? count.starts : 0;
    } catch {
      // There is none, or a power cut has left half of it: then this is the first start that anybody knows of.
      return 0;
    }
  }

  /** Another process begins with the version. @throws whatever the file system refuses it with */
  add(version: number): void {
    const fresh = `${this.#path}.new`;
    writeFileSync(fresh, JSON.stringify({ version, starts: this.of(version) + 1 }));
    syncFile(fresh);
    renameSync(fresh, this.#path);
    syncFolderOf(this.#path);
  }

  /** The trial is over. */
  forget(): void {
    rmSync(this.#path, { force: true });
  }
}
