import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import type { Condition } from './condition.ts';
import { factNames } from './facts.ts';
import { readRuleSet } from './rule-set.ts';
import { rulesJsonSchema, rulesJsonSchemaFile } from './rules-json-schema.ts';
import { above, derate, documentOf, is, refuse, rule, site, sound, stop } from './testing.ts';

/** Why a document is refused, without the file's name, or that it is taken. */
function refusal(text: string): string {
  try {
    readRuleSet(text, 'etc/rules.json', site);
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    expect(error.code).toBe('config.invalid');
    expect(error.detail, 'the file is named').toMatch(/^etc\/rules\.json: /);
    return error.detail.replace('etc/rules.json: ', '');
  }
  return 'taken';
}

/** So many levels of "all" around one comparison. */
const nested = (levels: number): unknown => (levels === 0 ? above('currentMa', 1) : { all: [nested(levels - 1)] });
const wide = (count: number): Condition => ({ any: Array.from({ length: count }, (_, i) => above('powerW', i)) });
const many = (count: number, comparisons: number) =>
  Array.from({ length: count }, (_, i) => rule({ ruleId: `R${i}`, conditions: wide(comparisons) }));
const asking = (comparison: unknown) => documentOf([{ ...rule(), conditions: { all: [comparison] } }]);

test('ED-06 rules with every effect, scope and kind of comparison are taken', () => {
  const rules = [
    rule(),
    rule({ ruleId: 'R2', scope: { connectors: ['A-1'] }, effect: derate(0), forMs: 5000, clearAfterMs: 60_000 }),
    rule({ ruleId: 'R3', scope: { piles: ['A', 'B'] }, effect: refuse, conditions: { not: is('linkUp', true) } }),
    rule({
      ruleId: 'R4',
      effect: sound,
      clearAfterMs: 60_000,
      note: 'at night',
      conditions: {
        any: [
          { all: [is('status', 'charging'), { fact: 'weekday', operator: 'in', value: [6, 7] }] },
          { fact: 'faults', operator: 'contains', value: 'over-current' },
          { not: { fact: 'storageLevel', operator: 'notIn', value: ['scarce', 'critical'] } },
          { fact: 'inputs.smoke', operator: 'notEqual', value: false },
        ],
      },
    }),
  ];
  const text = documentOf(rules, { rulesVersion: 7, timezone: 'Asia/Shanghai' });
  expect(readRuleSet(text, 'rules.json', site).rules).toEqual(rules);
  expect(refusal(documentOf([]))).toBe('taken');
});

describe('ED-06 what is not a rule set is refused with file, path and what was expected', () => {
  test.each<[string, string, string]>([
    ['no JSON', '{', '(document): Expected property name'],
    ['no object', '[]', '(document): '],
    ['an unknown key', documentOf([], { rule: [] }), 'rule: unknown key'],
    ['no version', documentOf([], { rulesVersion: undefined }), 'rulesVersion: '],
    [
      'a version that is no number',
      documentOf([], { rulesVersion: 'v1' }),
      'rulesVersion: Invalid input: expected number',
    ],
    ['version 0', documentOf([], { rulesVersion: 0 }), 'rulesVersion: Too small'],
    ['a zone nobody knows', documentOf([], { timezone: 'Moon/Crater' }), 'timezone: an IANA time zone such as'],
    ['local time without a zone', asking(is('minuteOfDay', 600)), 'timezone: needed: rules.0 asks for "minuteOfDay"'],
    ['a custom event', documentOf([{ ...rule(), event: { type: 'x' } }]), 'rules.0.event: unknown key'],
    ['a priority', documentOf([{ ...rule(), priority: 2 }]), 'rules.0.priority: unknown key'],
    ['a rule named twice', documentOf([rule(), rule()]), 'rules.1.ruleId: "R1" is rules.0 already'],
    ['a name with spaces', documentOf([rule({ ruleId: 'a b' })]), 'rules.0.ruleId: letters, digits'],
    [
      'no word on missing facts',
      documentOf([{ ...rule(), whenMissing: undefined }]),
      'rules.0.whenMissing: Invalid option: expected one of "trip"|"ignore"',
    ],
    ['an effect that allows', documentOf([{ ...rule(), effect: { ...stop, kind: 'allow' } }]), 'rules.0.effect.kind: '],
    ['a derating to nothing said', documentOf([{ ...rule(), effect: { ...stop, kind: 'derate' } }]), 'effect.toMa: '],
    ['a derating below nothing', documentOf([rule({ effect: derate(-1) })]), 'rules.0.effect.toMa: '],
    ['a part of a milliampere', documentOf([rule({ effect: derate(0.5) })]), 'rules.0.effect.toMa: '],
    [
      'a message in one language',
      documentOf([{ ...rule(), effect: { kind: 'stop', message: { en: 'x' } } }]),
      'rules.0.effect.message.zh: ',
    ],
    [
      'an alarm that may swing',
      documentOf([rule({ effect: sound })]),
      'rules.0.clearAfterMs: an alarm needs at least 60',
    ],
    ['a wait below nothing', documentOf([rule({ forMs: -1 })]), 'rules.0.forMs: '],
    ['a wait of two days', documentOf([rule({ clearAfterMs: 172_800_000 })]), 'rules.0.clearAfterMs: '],
    ['a scope that is empty', documentOf([rule({ scope: { piles: [] } })]), 'rules.0.scope.piles: '],
    [
      'a connector that is not there',
      documentOf([rule({ scope: { connectors: ['A-1', 'C-1'] } })]),
      'rules.0.scope.connectors.1: the site has no "C-1"',
    ],
    [
      'a pile that is not there',
      documentOf([rule({ scope: { piles: ['C'] } })]),
      'rules.0.scope.piles.0: the site has no',
    ],
    [
      'an input that is not there',
      asking(is('inputs.door', true)),
      'rules.0.conditions: "inputs.door": the site has no',
    ],
    [
      'a fact that is not there',
      asking(is('currentA', 1)),
      'rules.0.conditions.all.0.fact: no fact is named "currentA"',
    ],
    ['a fact from behind the list', asking(is('constructor', 1)), 'all.0.fact: no fact is named "constructor"'],
    [
      'an operator from elsewhere',
      asking({ ...is('powerW', 1), operator: 'swap:in' }),
      'all.0.operator: Invalid option',
    ],
    [
      'words in order',
      asking(above('status', 1)),
      'all.0.operator: "status" is compared by equal, notEqual, in, notIn',
    ],
    ['a word nobody says', asking(is('status', 'busy')), 'all.0.value: needed is one of available, plugged'],
    [
      'a fault nobody knows',
      asking({ fact: 'faults', operator: 'contains', value: 'x' }),
      'all.0.value: needed is one of',
    ],
    ['a number in words', asking(is('currentMa', '16000')), 'all.0.value: needed is a whole number'],
    ['amperes in parts', asking(is('currentMa', 0.5)), 'all.0.value: '],
    ['a yes that is a number', asking(is('plugged', 1)), 'all.0.value: needed is true or false'],
    ['one of one', asking({ fact: 'weekday', operator: 'in', value: 6 }), 'all.0.value: "in" needs a list'],
    [
      'equal to a list',
      asking({ fact: 'powerW', operator: 'equal', value: [6] }),
      'all.0.value: "equal" needs one value',
    ],
    ['nothing to look at', asking({ operator: 'equal', value: 1 }), 'all.0.fact: needed'],
    ['nothing to compare with', asking({ fact: 'powerW', operator: 'equal' }), 'all.0.value: needed'],
    [
      'two things at once',
      asking({ ...is('powerW', 1), not: is('powerW', 1) }),
      'all.0: say one of "all", "any", "not"',
    ],
    ['nothing at all', asking({}), 'all.0: say one of "all", "any", "not"'],
    ['an "all" of nothing', documentOf([{ ...rule(), conditions: { all: [] } }]), 'rules.0.conditions.all: '],
    [
      'a "not" of several',
      documentOf([{ ...rule(), conditions: { not: [is('powerW', 1)] } }]),
      'rules.0.conditions.not: ',
    ],
    ['a bare comparison', documentOf([{ ...rule(), conditions: is('powerW', 1) }]), 'conditions: begin with "all"'],
  ])('%s', (_, text, complaint) => {
    expect(refusal(text)).toContain(complaint);
  });
});

describe('ED-06 nothing leads out of a document', () => {
  test.each<[string, string, string]>([
    [
      'a path',
      asking({ ...is('powerW', 1), path: '$..[?(@.constructor)]' }),
      'rules.0.conditions.all.0.path: unknown key',
    ],
    ['params', asking({ ...is('powerW', 1), params: { x: 1 } }), 'rules.0.conditions.all.0.params: unknown key'],
    ['a reference', asking({ condition: 'other' }), 'rules.0.conditions.all.0.condition: unknown key'],
    ['a reference at the top', documentOf([{ ...rule(), conditions: { condition: 'x' } }]), 'condition: unknown key'],
    ['a value that is a fact', asking({ ...is('powerW', 1), value: { fact: 'x', path: '$' } }), 'all.0.value: '],
    ['a list with a fact', asking({ fact: 'powerW', operator: 'in', value: [{ fact: 'x' }] }), 'all.0.value: '],
    ['a prototype of the document', '{"rulesVersion":1,"rules":[],"__proto__":{"a":1}}', '__proto__: unknown key'],
    [
      'a prototype of a comparison',
      asking(is('powerW', 1)).replace('"fact"', '"__proto__":{"path":"$"},"fact"'),
      'rules.0.conditions.all.0.__proto__: unknown key',
    ],
    ['a fact that is a prototype', asking(is('__proto__', 1)), 'all.0.fact: no fact is named "__proto__"'],
    ['an input that is a prototype', asking(is('inputs.__proto__', true)), 'the site has no input "__proto__"'],
    ['a name that is a prototype', documentOf([rule({ ruleId: '__proto__' })]), 'rules.0.ruleId: letters'],
  ])('%s', (_, text, complaint) => {
    expect(refusal(text)).toContain(complaint);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe('ED-06 a rule set has limits', () => {
  test.each<[string, string, string]>([
    ['100 rules', documentOf(many(100, 5)), 'taken'],
    ['101 rules', documentOf(many(101, 1)), 'rules: Too big: expected array to have <=100 items'],
    ['500 comparisons', documentOf(many(25, 20)), 'taken'],
    ['520 comparisons', documentOf(many(26, 20)), 'rules: 520 comparisons; a rule set has at most 500'],
    ['5 levels', documentOf([{ ...rule(), conditions: nested(5) }]), 'taken'],
    [
      '6 levels',
      documentOf([{ ...rule(), conditions: nested(6) }]),
      'rules.0.conditions.all.0.all.0.all.0.all.0.all.0.all: conditions are at most 5 levels deep',
    ],
    [
      '7500 levels',
      documentOf([{ ...rule(), conditions: 'deep' }]).replace(
        '"deep"',
        `${'{"not":'.repeat(7500)}1${'}'.repeat(7500)}`,
      ),
      'not.not.not.not.not.not: conditions are at most 5 levels deep',
    ],
    ['20 comparisons in a rule', documentOf(many(1, 20)), 'taken'],
    [
      '21 comparisons in a rule',
      documentOf([rule({ conditions: { all: [wide(20), above('powerW', 1)] } })]),
      'rules.0.conditions: 21 comparisons; a rule has at most 20',
    ],
    ['64 KiB and one byte', ' '.repeat(65_537 - documentOf([]).length) + documentOf([]), '(document): 65537 bytes'],
    ['64 KiB', ' '.repeat(65_536 - documentOf([]).length) + documentOf([]), 'taken'],
    ['Chinese text counts in bytes', documentOf([rule({ note: '过'.repeat(22_000) })]), '(document): 66'],
  ])('%s', (_, text, complaint) => {
    expect(refusal(text)).toContain(complaint);
  });
});

test('ED-06 the schema for editors is the one that is checked', () => {
  expect(JSON.parse(readFileSync(rulesJsonSchemaFile, 'utf8')), 'run npm run write:profile-schema').toEqual(
    JSON.parse(JSON.stringify(rulesJsonSchema())),
  );
});

test('ED-06 the example in the documentation is good, and every fact is in its table', () => {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'site-rules.md'), 'utf8');
  const example = text.match(/```json\n([\s\S]*?)```/)?.[1] ?? '';
  expect(readRuleSet(example, 'docs/site-rules.md', null).rules).toHaveLength(2);
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  expect(factNames.filter((fact) => !rows.some((row) => row.split('|')[1]?.includes(`\`${fact}\``)))).toEqual([]);
});
