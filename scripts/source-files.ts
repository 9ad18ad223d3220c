import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export interface SourceFile {
  /** Relative to the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

const ROOT = join(import.meta.dirname, '..');
const LEFT_OUT = new Set(['node_modules', 'var', '.git', 'coverage']);

/** Every file of the repository that a person wrote and whose name fits. */
export function sourceFiles(fits: (path: string) => boolean, folder = ROOT): SourceFile[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry): SourceFile[] => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return LEFT_OUT.has(entry.name) ? [] : sourceFiles(fits, path);
    const name = relative(ROOT, path).replaceAll('\\', '/');
    return entry.isFile() && fits(name) ? [{ path: name, text: readFileSync(path, 'utf8') }] : [];
  });
}
