import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sourceFiles } from './source-files.ts';

/**
 * Prints the requirements that no test name carries. A row with lettered parts counts part by part.
 * With ids as arguments it looks only at those, and fails when one of them has no test.
 */
const known: Record<string, string> = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', 'test', 'requirements.json'), 'utf8'),
);
const asked = process.argv.slice(2);

const TEST_NAME = /\b(?:test|it|describe)(?:\.[a-zA-Z]+(?:\([^)]*\))?)*\(\s*(['"`])((?:(?!\1).)*)\1/gs;
const REQUIREMENT = /\b[A-Z]{2}-\d\d(?:\.[a-z])?\b/g;

const tested = new Map<string, number>();
for (const { text } of sourceFiles((path) => path.endsWith('.test.ts'))) {
  for (const [, , name = ''] of text.matchAll(TEST_NAME)) {
    for (const id of new Set(name.match(REQUIREMENT))) tested.set(id, (tested.get(id) ?? 0) + 1);
  }
}

const isAsked = (id: string) =>
  asked.length === 0 || asked.some((wanted) => id === wanted || id.startsWith(`${wanted}.`));
const rows = Object.entries(known).filter(([id]) => isAsked(id));
const missing = rows.filter(([id]) => !tested.has(id));
const isRow = (id: string) => Object.keys(known).some((row) => row === id || row.startsWith(`${id}.`));
// A row in parts is kept part by part, so a test that names the whole of it names none.
const unknown = [...tested.keys()].filter((id) => known[id] === undefined);
const nameless = asked.filter((wanted) => !isRow(wanted));

if (missing.length > 0)
  console.log(`without a test:\n${missing.map(([id, title]) => `  ${id.padEnd(9)} ${title}`).join('\n')}`);
if (unknown.length > 0) console.log(`named by a test, but not a requirement: ${unknown.join(', ')}`);
if (nameless.length > 0) console.log(`not a requirement: ${nameless.join(', ')}`);
console.log(`${rows.length - missing.length} of ${rows.length} requirements have a test`);
process.exitCode = nameless.length > 0 || unknown.length > 0 || (asked.length > 0 && missing.length > 0) ? 1 : 0;
