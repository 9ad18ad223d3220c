import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { type SourceFile, sourceFiles } from '../scripts/source-files.ts';

/** The house rules that a machine can check. Where one fails, the message names file and line. */

const ROOT = join(import.meta.dirname, '..');
const code = sourceFiles((path) => /\.(ts|mjs)$/.test(path) && !path.startsWith('.'));
const production = code.filter(({ path }) => !isTest(path));
const prose = sourceFiles((path) => path.endsWith('.md'));

function isTest(path: string): boolean {
  return path.startsWith('test/') || path.endsWith('.test.ts') || path.includes('/testing');
}

function hits(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
  );
}

interface Import {
  readonly from: string;
  /** A path inside the repository, or a package's name. */
  readonly to: string;
}

function importsOf({ path, text }: SourceFile): Import[] {
  const specifiers = [...text.matchAll(/\bfrom\s+'([^']+)'|\bimport\(\s*'([^']+)'|^import\s+'([^']+)'/gm)];
  return specifiers.map(([, a, b, c]) => {
    const specifier = a ?? b ?? c ?? '';
    const to = specifier.startsWith('#shared/')
      ? specifier.slice(1)
      : specifier.startsWith('.')
        ? normalize(join(dirname(path), specifier)).replaceAll('\\', '/')
        : specifier;
    return { from: path, to };
  });
}

const HOUSE = ['shared', 'edge', 'cloud', 'hardware-sim', 'scripts', 'test'];
const roomOf = (path: string) => HOUSE.find((room) => path.startsWith(`${room}/`)) ?? null;

test('shared is imported by all, and edge, cloud and simulator never import each other', () => {
  const allowed: Record<string, readonly string[]> = {
    shared: ['shared'],
    edge: ['shared', 'edge'],
    cloud: ['shared', 'cloud'],
    'hardware-sim': ['shared', 'hardware-sim'],
  };
  const wrong = production
    .flatMap(importsOf)
    .filter(({ from, to }) => {
      const target = roomOf(to);
      const may = allowed[roomOf(from) ?? ''];
      return target !== null && may !== undefined && !may.includes(target);
    })
    .map(({ from, to }) => `${from} imports ${to}`);
  expect(wrong).toEqual([]);
});

test('shared needs nothing but zod', () => {
  const wrong = production
    .filter(({ path }) => path.startsWith('shared/'))
    .flatMap(importsOf)
    .filter(({ to }) => roomOf(to) === null && to !== 'zod');
  expect(wrong).toEqual([]);
});

test('edge/control imports only shared and itself', () => {
  const wrong = production
    .filter(({ path }) => path.startsWith('edge/control/'))
    .flatMap(importsOf)
    .filter(({ to }) => !to.startsWith('shared/') && !to.startsWith('edge/control/'));
  expect(wrong).toEqual([]);
});

test("the simulator's tests do not know the edge's profiles either", () => {
  const wrong = code
    .filter(({ path }) => path.startsWith('hardware-sim/'))
    .flatMap(importsOf)
    .filter(({ to }) => to.startsWith('edge/'));
  expect(wrong).toEqual([]);
});

test('pure folders take time, randomness and timers as arguments', () => {
  const pure = [
    'shared/',
    'edge/control/',
    'edge/power/',
    'hardware-sim/world/',
    'hardware-sim/piles/',
    'hardware-sim/faults/',
  ];
  const files = production.filter(({ path }) => pure.some((folder) => path.startsWith(folder)));
  expect(files.length).toBeGreaterThan(30);
  expect(hits(files, /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bset(Timeout|Interval|Immediate)\b/)).toEqual([]);
});

test('files are small: nothing over 500 lines, half of them under 100', () => {
  const lengths = production.map(({ path, text }) => ({ path, lines: text.split('\n').length }));
  expect(lengths.filter(({ lines }) => lines > 500)).toEqual([]);
  const sorted = lengths.map(({ lines }) => lines).sort((a, b) => a - b);
  expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(100);
});

test('no file is named for nothing in particular, and none only passes others on', () => {
  const vague = code.filter(({ path }) => /(^|\/)(utils?|helpers?|misc|common|manager)(\/|\.|-|$)/i.test(path));
  expect(vague.map(({ path }) => path)).toEqual([]);
  expect(hits(production, /^export \* from/)).toEqual([]);
});

test('nothing is left open, skipped for good, or run alone', () => {
  expect(hits(code, /\b(TODO|FIXME|XXX)\b/).filter((hit) => !hit.startsWith('test/tidy.test.ts'))).toEqual([]);
  expect(
    hits(code, /\b(test|it|describe)\.(only|todo|skip)\(/).filter((hit) => !hit.startsWith('test/tidy.test.ts')),
  ).toEqual([]);
});

test('no machine path and no registry address is written down', () => {
  const everything = sourceFiles((path) => /\.(ts|mjs|json|md|sh|sql)$|^\.ci\/|^\.npmrc$/.test(path));
  const found = hits(everything, /(^|[\s"'`(=])\/(work|root|home)\/|registry\.npmjs|"resolved":/);
  expect(found.filter((hit) => !hit.startsWith('test/tidy.test.ts'))).toEqual([]);
});

test('links in the documentation lead to files that exist', () => {
  const broken = prose.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(join(ROOT, dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  );
  expect(prose.length).toBeGreaterThan(3);
  expect(broken).toEqual([]);
});

test('OP-23 what partners copy needs nothing of the project', () => {
  const examples = code.filter(({ path }) => path.startsWith('docs/examples/'));
  const needed = examples.flatMap(importsOf);
  const isTheirs = (to: string) => /^(node:|docs\/examples\/)/.test(to) || to === 'standardwebhooks';
  expect(needed.some(({ to }) => to === 'standardwebhooks')).toBe(true);
  expect(needed.filter(({ to }) => !isTheirs(to))).toEqual([]);
  expect(hits(examples, /\brequire\(|\bcreateRequire\b/)).toEqual([]);
});

test('every pinned package is used', () => {
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  );
  const specifiers = [...code.flatMap(importsOf).map(({ to }) => to), ...hits(code, /[rR]equire\(/)];
  const isUsed = (name: string) => name === 'node' || specifiers.some((to) => to.includes(name));
  expect(Object.keys(dependencies).filter((name) => !isUsed(name))).toEqual([]);
});
