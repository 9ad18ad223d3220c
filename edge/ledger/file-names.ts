import { renameSync } from 'node:fs';
import { syncFolderOf } from './durable-files.ts';

/** A whole store that is to take the name of the ledger. It is there only while the ledger itself is going or gone. */
export const freshPath = (path: string): string => `${path}.new`;

/** A folder in which a backup is being made a store; of no use once the process has ended. */
export const workshopPath = (path: string): string => `${path}.restore`;

/** The last step of a replacement. */
export function takeName(path: string): void {
  renameSync(freshPath(path), path);
  syncFolderOf(path);
}
