import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { activeIn, formerIn, MAX_VERSIONS, type RuleHistory, withActive } from './rule-history.ts';
import { readRulesFile } from './rules-file.ts';
import { rulesAtStart, takeFormerRules, takeRules } from './take-rules.ts';
import { documentOf, rule, site } from './testing.ts';

/** "(3) 2* 1": 2 is active, 3 was rolled back. */
const describe = (history: RuleHistory) => {
  const activeVersion = activeIn(history)?.version ?? 0;
  return history
    .map(({ version, isActive }) =>
      isActive ? `${version}*` : version > activeVersion ? `(${version})` : `${version}`,
    )
    .join(' ');
};
const document = (rulesVersion: number, ruleId = 'R1') => documentOf([rule({ ruleId })], { rulesVersion });

/** As the door does it. */
function after(history: RuleHistory, taking: ReturnType<typeof takeRules>): RuleHistory {
  if (taking.kind === 'refused') throw new Error(taking.reason);
  return withActive(history, taking.ruleSet.rulesVersion, taking.ruleSet);
}
const loaded = (history: RuleHistory, version: number) =>
  after(history, takeRules(history, document(version), 'x.json', site));
const rolledBack = (history: RuleHistory) => after(history, takeFormerRules(history, site));
const historyOf = (...versions: number[]) => versions.reduce<RuleHistory>(loaded, []);

test('ED-06 a version is taken, and rolled back to the one before', () => {
  const history = historyOf(1, 2, 3);
  expect(describe(history)).toBe('3* 2 1');
  expect(describe(rolledBack(history))).toBe('(3) 2* 1');
  expect(describe(rolledBack(rolledBack(history)))).toBe('(3) (2) 1*');
});

test('ED-06 nobody returns to a version that was rolled back by going back from the next', () => {
  const next = loaded(rolledBack(historyOf(1, 2, 3)), 4);
  expect(describe(next)).toBe('4* 2 1');
  expect(describe(rolledBack(next))).toBe('(4) 2* 1');
});

test('ED-06 a version that was rolled back, or an older one, is in force again when somebody loads it again', () => {
  expect(describe(loaded(rolledBack(historyOf(1, 2, 3)), 3))).toBe('3* 2 1');
  expect(describe(loaded(historyOf(1, 2, 3), 1))).toBe('(3) (2) 1*');
});

test('ED-06 new rules need a higher number than those in force', () => {
  expect(takeRules(historyOf(5), document(4), 'x.json', site)).toEqual({
    kind: 'refused',
    reason: 'x.json: rulesVersion: 5 is in force; new rules need a higher number',
  });
});

test('ED-06 the first version is not rolled back, and there is nothing to go back to without any', () => {
  const refused = { kind: 'refused', reason: 'there is no earlier version to go back to' };
  expect(takeFormerRules(historyOf(1), site)).toEqual(refused);
  expect(takeFormerRules([], site)).toEqual(refused);
});

test('ED-06 a version never changes: with other content it is refused, spaces and order aside', () => {
  const history = historyOf(1);
  expect(takeRules(history, document(1, 'R2'), 'x.json', site)).toEqual({
    kind: 'refused',
    reason: 'x.json: rulesVersion: 1 is known with other content; changed rules need a new number',
  });
  const { rulesVersion, ...others } = JSON.parse(document(1));
  const spaced = JSON.stringify({ ...others, rulesVersion }, null, 4);
  expect(takeRules(history, spaced, 'x.json', site).kind).toBe('taken');
});

test('ED-06 a version that does not fit the site any more is not returned to', () => {
  const narrowed = { ...site, connectors: site.connectors.slice(0, 1) };
  const forB = documentOf([rule({ scope: { connectors: ['B-1'] } })], { rulesVersion: 7 });
  const history = loaded(after([], takeRules([], forB, 'x.json', site)), 8);
  expect(takeFormerRules(history, narrowed)).toEqual({
    kind: 'refused',
    reason: 'version 7: rules.0.scope.connectors.0: the site has no "B-1"',
  });
});

test('ED-06 the number of versions is bounded: the oldest is forgotten', () => {
  const full = historyOf(...Array.from({ length: MAX_VERSIONS + 1 }, (_, i) => i + 1));
  expect(describe(full)).toBe('11* 10 9 8 7 6 5 4 3 2');
  expect(formerIn(full)?.version).toBe(10);
});

const file = (text: string) => ({ path: 'rules.json', readText: () => text });
const versionAtStart = (history: RuleHistory, text: string | null) => {
  const { ruleSet, isNew, refusals } = rulesAtStart(history, text === null ? null : file(text), site);
  return { version: ruleSet?.rulesVersion ?? null, isNew, refusals };
};

test("ED-06 at the start a new version of the file counts; one that is known leaves the history's choice alone", () => {
  expect(versionAtStart([], document(1))).toEqual({ version: 1, isNew: true, refusals: [] });
  expect(versionAtStart(historyOf(1), document(2))).toEqual({ version: 2, isNew: true, refusals: [] });
  // Loaded after the file, and rolled back after the file.
  expect(versionAtStart(historyOf(1, 2), document(1))).toEqual({ version: 2, isNew: false, refusals: [] });
  expect(versionAtStart(rolledBack(historyOf(1, 2)), document(2))).toEqual({ version: 1, isNew: false, refusals: [] });
  // Rolled back, and forgotten since.
  const forgotten = loaded(rolledBack(historyOf(1, 2)), 3);
  expect(versionAtStart(forgotten, document(2))).toEqual({ version: 3, isNew: false, refusals: [] });
  expect(versionAtStart(historyOf(1, 2), null)).toEqual({ version: 2, isNew: false, refusals: [] });
  expect(versionAtStart([], null)).toEqual({ version: null, isNew: false, refusals: [] });
});

test('ED-06 a broken file is refused, and the last good version stays', () => {
  expect(versionAtStart(historyOf(1, 2), '{"rules":[]}')).toMatchObject({
    version: 2,
    refusals: [expect.stringContaining('rules.json: rulesVersion: ')],
  });
  expect(versionAtStart([], '{')).toMatchObject({ version: null, refusals: [expect.stringContaining('rules.json: ')] });
  expect(versionAtStart(historyOf(1), document(1, 'R2'))).toMatchObject({
    version: 1,
    refusals: [expect.stringContaining('1 is known with other content')],
  });
});

test('ED-06 a stored version that is broken is passed over for the last good one', () => {
  const history = withActive(historyOf(1, 2), 3, { rulesVersion: 3 });
  expect(versionAtStart(history, null)).toMatchObject({
    version: 2,
    refusals: [expect.stringContaining('version 3: ')],
  });
});

test('ED-06 a file that is not there or too large is refused before it is read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-rules-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'rules.json');
  expect(() => readRulesFile(path)).toThrow(/rules\.json: ENOENT/);
  expect(() => readRulesFile(folder)).toThrow('not a file');
  writeFileSync(path, ' '.repeat(65_537));
  expect(() => readRulesFile(path)).toThrow('65537 bytes; a rule set has at most 65536');
  writeFileSync(path, document(1));
  expect(readRulesFile(path)).toBe(document(1));
});
