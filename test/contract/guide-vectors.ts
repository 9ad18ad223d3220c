import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (name: string): string => readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8');

/** What partners read, in both languages. */
export const guides = { en: read('partner-guide.md'), zh: read('partner-guide.zh.md') };

/** A value of the guide's vectors: what stands behind its name at the beginning of a line. @throws Error when there is none */
export function vectorIn(guide: string, name: string): string {
  const line = guide.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  if (line === undefined) throw new Error(`the guide has no ${name}`);
  return line.slice(name.length).trim();
}
