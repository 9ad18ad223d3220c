import { benches } from './benches.ts';

/**
 * Runs one benchmark by name: a table for people, and one JSON object as the last line for programs.
 * Ratios are measured within one run, because these numbers move with the machine.
 */
const [name = '', size] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  process.stderr.write(`say which benchmark: npm run bench -- <${Object.keys(benches).join(' | ')}> [size]\n`);
  process.exit(2);
}
const result = await (size === undefined ? bench() : bench(Number(size)));
const width = Math.max(...Object.keys(result).map((key) => key.length));
for (const [key, value] of Object.entries(result))
  process.stdout.write(`  ${key.padEnd(width)}  ${String(value).padStart(14)}\n`);
process.stdout.write(`${JSON.stringify(result)}\n`);
