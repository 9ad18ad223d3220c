import { expect, test } from 'vitest';
import { numbered, siteText } from './site-text.ts';

const complaintsOf = (work: () => unknown): unknown => {
  try {
    work();
    return [];
  } catch (error) {
    return error instanceof Error && 'complaints' in error ? error.complaints : error;
  }
};

test('SY-07 places are filled with JSON, within quotes and without, as often as they come', () => {
  const text = '// of the depot\n{ "limitMa": "{{limit}}", "of": {{limit}}, "lines": "{{lines}}", "note": "{{note}}" }';
  const values = { limit: 16_000, lines: ['L1', 'L2'], note: 'says "hello"\n' };
  expect(siteText(text, values, 'sites.0')).toBe(
    '// of the depot\n{ "limitMa": 16000, "of": 16000, "lines": ["L1","L2"], "note": "says \\"hello\\"\\n" }',
  );
  expect(siteText('{ "a": "{{b}}" }', { b: null }, 'sites.0')).toBe('{ "a": null }');
  expect(siteText('{ "a": "{b} {{ c }}" }', {}, 'sites.0'), 'none of these is a place').toBe('{ "a": "{b} {{ c }}" }');
});

test('SY-07 a value cannot bring in a place of its own', () => {
  expect(siteText('[{{a}}, {{b}}]', { a: '{{b}}', b: 1 }, 'sites.0')).toBe('["{{b}}", 1]');
});

test('XC-08 a place without a value and a value without a place are refused with their path', () => {
  expect(complaintsOf(() => siteText('{{a}} {{b}}', { b: 1, c: 2 }, 'sites.3'))).toEqual([
    { path: 'sites.3.values.a', reason: 'the text has a place for it' },
    { path: 'sites.3.values.c', reason: 'the text has no place for it' },
  ]);
});

test('SY-07 the version is counted at the site; a configuration stays byte for byte', () => {
  expect(JSON.parse(numbered('access', '{ "version": 1, "cards": [] }', 9))).toEqual({ version: 9, cards: [] });
  expect(numbered('site', '// mine\n{ "version": 1 }', 9)).toBe('// mine\n{ "version": 1 }');
  for (const text of ['{', '[]', 'null']) expect(() => numbered('tariffs', text, 9)).toThrow(/request.invalid/);
});
