import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes a file's content survive a power cut. */
export function syncFile(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes it survive a power cut that a file was made, renamed or removed. */
export const syncFolderOf = (path: string): void => syncFile(dirname(path));
