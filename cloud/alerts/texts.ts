import type { Language } from './channels/schemas.ts';
import type { AlertFacts } from './facts.ts';
import { type AlertLevel, rankOf } from './levels.ts';

const levelNames: Readonly<Record<Language, Readonly<Record<AlertLevel, string>>>> = {
  en: { info: 'Info', warning: 'Warning', critical: 'Critical', emergency: 'EMERGENCY' },
  zh: { info: '提示', warning: '警告', critical: '严重', emergency: '紧急' },
};

const labels = {
  en: {
    site: 'Site',
    pile: 'Pile',
    connector: 'Connector',
    partner: 'Partner',
    about: 'About',
    since: 'Since',
    times: (n: number) => `${n} times`,
    detail: 'Detail',
    toDo: 'What to do',
    alert: 'Alert',
    link: 'Link',
    repeat: 'Nobody has acknowledged it yet.',
    several: (n: number) => `${n} alerts`,
    more: (n: number) => `… and ${n} more`,
    test: 'A test of this channel. Nothing has happened.',
  },
  zh: {
    site: '站点',
    pile: '充电桩',
    connector: '充电枪',
    partner: '合作方',
    about: '对象',
    since: '开始于',
    times: (n: number) => `共 ${n} 次`,
    detail: '详情',
    toDo: '处理办法',
    alert: '告警编号',
    link: '链接',
    repeat: '尚无人确认，再次通知。',
    several: (n: number) => `${n} 条告警`,
    more: (n: number) => `… 另有 ${n} 条`,
    test: '通道测试消息，无需处理。',
  },
} as const;

export const testText = (language: Language): string => labels[language].test;

/** Where it is, as people say it. */
function placeOf(facts: AlertFacts): string {
  const parts = [facts.site?.name ?? null, facts.pile_id, facts.connector_id, facts.partner_id];
  const place = parts.filter((part) => part !== null).join(' / ');
  return place === '' ? `${facts.subject.kind} ${facts.subject.id}` : place;
}

/** One line: level, what, where. */
export const lineOf = (facts: AlertFacts, language: Language): string =>
  `[${levelNames[language][facts.level]}] ${facts.title[language]} (${facts.code}) ${placeOf(facts)}`;

/** Everything that whoever gets up at night needs to know. */
export function fullText(facts: AlertFacts, language: Language): string {
  const label = labels[language];
  const { site } = facts;
  const lines: (readonly [string, string | null])[] = [
    [label.site, site === null ? null : `${site.name} (${site.site_id})`],
    [label.pile, facts.pile_id],
    [label.connector, facts.connector_id],
    [label.partner, facts.partner_id],
    [label.about, isNamed(facts) ? null : `${facts.subject.kind} ${facts.subject.id}`],
    [label.since, sinceOf(facts, language)],
    [label.detail, facts.detail],
    [label.toDo, facts.what_to_do[language]],
    [label.alert, facts.alert_id],
    [label.link, facts.link],
  ];
  const told = lines.flatMap(([name, value]) => (value === null || value === '' ? [] : [`${name}: ${value}`]));
  const head = `[${levelNames[language][facts.level]}] ${facts.title[language]} (${facts.code})`;
  return [head, ...(facts.is_repeat ? [label.repeat] : []), ...told].join('\n');
}

const isNamed = (facts: AlertFacts): boolean =>
  (facts.site ?? facts.pile_id ?? facts.connector_id ?? facts.partner_id) !== null;

function sinceOf(facts: AlertFacts, language: Language): string {
  const at = `${facts.raised_local} (${facts.site?.timezone ?? 'UTC'})`;
  return facts.alarm_count === 1 ? at : `${at}, ${labels[language].times(facts.alarm_count)}`;
}

/** The most urgent first. */
export const byUrgency = (alerts: readonly AlertFacts[]): AlertFacts[] =>
  [...alerts].sort((one, other) => rankOf(other.level) - rankOf(one.level));

export function headOf(alerts: readonly AlertFacts[], language: Language): string {
  const [first] = byUrgency(alerts);
  if (first === undefined) return labels[language].test;
  return alerts.length === 1
    ? lineOf(first, language)
    : `${labels[language].several(alerts.length)}: ${lineOf(first, language)}`;
}

/** One alert in full, or of several a line each, as many as there is room for, and how many more there are. */
export function textOf(
  alerts: readonly AlertFacts[],
  language: Language,
  room: { readonly bytes: number; readonly make?: (text: string) => string },
): string {
  const { bytes, make = (text: string) => text } = room;
  const label = labels[language];
  const [first] = alerts;
  if (first === undefined) return cutToBytes(make(label.test), bytes);
  if (alerts.length === 1) return cutToBytes(make(fullText(first, language)), bytes);
  const lines = byUrgency(alerts).map((facts) => make(lineOf(facts, language)));
  const head = label.several(alerts.length);
  for (let shown = lines.length; shown > 0; shown -= 1) {
    const rest = lines.length - shown;
    const text = [head, ...lines.slice(0, shown), ...(rest > 0 ? [label.more(rest)] : [])].join('\n');
    if (Buffer.byteLength(text) <= bytes) return text;
  }
  return cutToBytes([head, ...lines].join('\n'), bytes);
}

const ELLIPSIS = '…';

/** Cut between characters so that its UTF-8 has at most so many bytes. */
export function cutToBytes(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const room = bytes - Buffer.byteLength(ELLIPSIS);
  let used = 0;
  let kept = '';
  for (const character of text) {
    used += Buffer.byteLength(character);
    if (used > room) break;
    kept += character;
  }
  return kept + ELLIPSIS;
}
