import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { faultCatalogue, faultCodes } from '#shared/faults.ts';
import { wordsFor } from './facts.ts';
import { type AlertLevel, levelOf, levelOfFault, rankOf } from './levels.ts';
import { lowersLevel } from './lowers-level.ts';
import { platformAlarms } from './platform-alarms.ts';
import { alertKeyOf, subjectOf } from './subject.ts';

const none = new Map<never, never>();

test('XC-02 what cannot be stopped, and what endangers people, is of the highest level', () => {
  const codes = [
    'contactor-welded',
    'stop-not-proven',
    'trip-failed',
    'energy-without-session',
    'fire',
    'smoke',
  ] as const;
  for (const code of codes) expect([code, levelOfFault(code)]).toEqual([code, 'emergency']);
});

test('XC-02 no alarm has a lower level than its severity says, but the few that there is nothing to do about', () => {
  for (const code of faultCodes)
    if (faultCatalogue[code].severity === 'critical')
      expect([code, rankOf(levelOfFault(code)) >= rankOf('critical')]).toEqual([code, true]);
  expect(faultCodes.filter((code) => levelOfFault(code) === 'info')).toEqual([
    'gun-removed',
    'pile-restarted',
    'max-duration',
    'max-energy',
  ]);
});

test('XC-02 a severity that nobody knows counts as critical, and staff have the last word', () => {
  expect(levelOf({ code: 'new', severity: 'catastrophic' }, none)).toBe('critical');
  expect(levelOf({ code: 'pile-restarted', severity: 'critical' }, none)).toBe('critical');
  expect(levelOf({ code: 'fire', severity: 'critical' }, new Map([['fire', 'warning']]))).toBe('warning');
});

test('XC-02 every code has words in both languages', () => {
  for (const code of [...faultCodes, ...Object.keys(platformAlarms)]) {
    const { en, zh, doEn, doZh } = wordsFor(code);
    expect(
      [en, doEn].every((text) => /^[\u0020-\u007e]+$/.test(text)),
      code,
    ).toBe(true);
    expect(
      [zh, doZh].every((text) => /\p{Script=Han}/u.test(text)),
      code,
    ).toBe(true);
  }
  expect(wordsFor('toString').en).toBe('toString');
});

test('XC-02 alarms belong together by code and by the smallest thing that they name', () => {
  const nothing = { site_id: null, pile_id: null, connector_id: null, partner_id: null, about: null };
  const keyOf = (change: object) => alertKeyOf('c', subjectOf({ ...nothing, ...change }));
  expect(keyOf({ site_id: 's', pile_id: 'p', connector_id: 'x' })).toBe('c connector/x');
  expect(keyOf({ site_id: 's', pile_id: 'p' })).toBe('c pile/s/p');
  expect(keyOf({ site_id: 's', about: 'rollout/1/2' })).toBe('c rollout/1/2');
  expect([keyOf({ site_id: 's' }), keyOf({ partner_id: 'p' }), keyOf({})]).toEqual([
    'c site/s',
    'c partner/p',
    'c platform/cloud',
  ]);
});

test('XC-02 whatever the platform raises an alarm about has words for people', () => {
  const cloud = join(import.meta.dirname, '..');
  const files = readdirSync(cloud, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.startsWith('testing'),
  );
  const raising = files
    .map((path) => readFileSync(join(cloud, path), 'utf8'))
    .filter((text) => /raise\w*Alarm\(|insertInto\('alarms'\)/.test(text));
  const codes = raising.flatMap((text) => [...text.matchAll(/\bcode: '([^']+)'/g)].map(([, code = '']) => code));
  expect(codes.length).toBeGreaterThan(8);
  expect(codes.filter((code) => wordsFor(code).en === code)).toEqual([]);
});

test('XC-01 a level is lowered by whatever may tell fewer, and not by what tells more', () => {
  const lowered: [string, AlertLevel | null, AlertLevel | undefined][] = [
    ['fire', 'critical', undefined],
    ['meter-stuck', 'warning', undefined],
    ['auth.banned', null, 'emergency'],
    ['auth.banned', 'critical', 'emergency'],
    ['meter-stuck', null, 'emergency'],
    ['never-heard-of', 'warning', undefined],
    ['never-heard-of', null, 'warning'],
    ['door-open', 'info', undefined],
  ];
  for (const [code, wish, set] of lowered) expect([code, wish, set, lowersLevel(code, wish, set)]).toContain(true);
  const raised: [string, AlertLevel | null, AlertLevel | undefined][] = [
    ['fire', 'emergency', undefined],
    ['fire', null, 'critical'],
    ['auth.banned', 'critical', undefined],
    ['door-open', 'critical', 'warning'],
    ['never-heard-of', null, 'info'],
    ['never-heard-of', null, undefined],
  ];
  for (const [code, wish, set] of raised) expect([code, wish, set, lowersLevel(code, wish, set)]).toContain(false);
});
