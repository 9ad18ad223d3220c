import { expect, test } from 'vitest';
import { wecomBody, wecomOutcome } from './channels/wecom.ts';
import { type AlertFacts, localText, wordsFor } from './facts.ts';
import { cutToBytes, fullText, headOf, textOf } from './texts.ts';

const words = wordsFor('contactor-welded');
const exampleFacts: AlertFacts = {
  alert_id: '00000000-0000-4000-8000-000000000001',
  code: 'contactor-welded',
  level: 'emergency',
  subject: { kind: 'connector', id: 'c1' },
  site: { site_id: 'EAST', name: '东区停车场', timezone: 'Asia/Shanghai' },
  pile_id: 'p1',
  connector_id: 'c1',
  partner_id: null,
  alarm_count: 3,
  raised_at: '2026-11-20T16:30:00.000Z',
  raised_local: localText(Date.parse('2026-11-20T16:30:00Z'), 'Asia/Shanghai'),
  detail: 'current flows after the stop',
  title: { en: words.en, zh: words.zh },
  what_to_do: { en: words.doEn, zh: words.doZh },
  is_repeat: false,
  link: null,
};
const many = Array.from({ length: 300 }, (_, n) => ({
  ...exampleFacts,
  alert_id: `a${n}`,
  level: n === 200 ? ('emergency' as const) : ('warning' as const),
  connector_id: `c${n}`,
}));

test('XC-02 people are told what, where, since when by the clock of the site, and what to do', () => {
  const en = fullText(exampleFacts, 'en');
  for (const part of [
    'EMERGENCY',
    words.en,
    words.doEn,
    'EAST',
    'p1',
    'c1',
    '2026-11-21 00:30 (Asia/Shanghai)',
    '3 times',
  ])
    expect(en).toContain(part);
  const zh = fullText({ ...exampleFacts, is_repeat: true }, 'zh');
  for (const part of ['紧急', words.zh, words.doZh, '东区停车场', '尚无人确认']) expect(zh).toContain(part);
});

test('XC-02 a text is cut between characters, and counts in bytes', () => {
  expect(cutToBytes('充电桩', 9)).toBe('充电桩');
  expect(cutToBytes('充电桩', 8)).toBe('充…');
  expect(Buffer.byteLength(cutToBytes('😀'.repeat(50), 21))).toBeLessThanOrEqual(21);
  expect(cutToBytes('😀'.repeat(50), 21).isWellFormed()).toBe(true);
});

test('XC-02 of many alerts the most urgent are named, and how many more there are', () => {
  const text = textOf(many, 'en', { bytes: 2_048 });
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(2_048);
  const [head, first, ...rest] = text.split('\n');
  expect(head).toBe('300 alerts');
  expect(first).toContain('c200');
  const shown = rest.length;
  expect(rest.at(-1)).toBe(`… and ${300 - shown} more`);
  expect(headOf(many, 'zh')).toMatch(/^300 条告警: \[紧急\]/);
});

test('XC-02 a robot is sent no more bytes than it takes, with whom it is to call', () => {
  const long = { ...exampleFacts, detail: '桩'.repeat(3_000) };
  for (const [format, limit] of [
    ['text', 2_048],
    ['markdown', 4_096],
  ] as const) {
    const settings = { kind: 'wecom' as const, format, mention: ['li-na'] };
    for (const alerts of [[long], many, []]) {
      const body = JSON.parse(wecomBody({ id: 'm', createdAtMs: 0, alerts }, settings, 'zh'));
      expect(body.msgtype).toBe(format);
      const { content } = body[format];
      expect(Buffer.byteLength(content)).toBeLessThanOrEqual(limit);
      expect(format === 'text' ? body.text.mentioned_list : content.slice(-8)).toEqual(
        format === 'text' ? ['li-na'] : '<@li-na>',
      );
    }
  }
});

test('XC-02 what a site says calls nobody, and leads nowhere', () => {
  const facts = { ...exampleFacts, detail: '<@all> [here](https://evil.example) <font color="info">' };
  const settings = { kind: 'wecom' as const, format: 'markdown' as const, mention: [] };
  const { content } = JSON.parse(wecomBody({ id: 'm', createdAtMs: 0, alerts: [facts] }, settings, 'en')).markdown;
  expect(content).not.toMatch(/[<>]|\]\(/);
});

test('XC-02 a robot that answers well and names an error has not taken the message', () => {
  expect(wecomOutcome(200, '{"errcode":0,"errmsg":"ok"}')).toEqual({ kind: 'delivered' });
  expect(wecomOutcome(200, '{"errcode":45009,"errmsg":"api freq out of limit"}')).toMatchObject({ kind: 'failed' });
  for (const [status, text] of [
    [200, 'ok'],
    [200, '{}'],
    [500, '{"errcode":0}'],
  ] as const)
    expect(wecomOutcome(status, text)).toMatchObject({ kind: 'failed' });
});
