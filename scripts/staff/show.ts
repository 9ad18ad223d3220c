import { plainText } from './plain-text.ts';

const WIDEST = 60;

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function cell(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return plainText(typeof value === 'string' ? value : JSON.stringify(value));
}

/** An answer as people read it: lists as tables, everything else a line each. */
export function readable(answer: unknown): string {
  if (!isFields(answer)) return `${cell(answer)}\n`;
  const entries = Object.entries(answer);
  const isTable = ([, value]: [string, unknown]): boolean => Array.isArray(value) && value.every(isFields);
  const plain = entries.filter((entry) => !isTable(entry));
  const widest = Math.max(0, ...plain.map(([key]) => key.length));
  const lines = plain.map(([key, value]) => `${key.padEnd(widest)}  ${cell(value)}\n`);
  const tables = entries.filter(isTable).map(([key, value]) => `${key}:\n${table(value as readonly Fields[])}`);
  return [...lines, ...tables].join('');
}

function table(rows: readonly Fields[]): string {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  if (keys.length === 0) return '  none\n';
  const short = (text: string): string => (text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text);
  const cells = [keys, ...rows.map((row) => keys.map((key) => short(cell(row[key]))))];
  const widths = keys.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) => `  ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}

/** A refusal as people read it, in both languages: what, why, and what to do. */
export function readableProblem(problem: unknown, status: number): string {
  if (!isFields(problem) || typeof problem.code !== 'string') return `${status}: ${cell(problem)}\n`;
  const { code, title, title_zh, detail, what_to_do, what_to_do_zh, errors } = problem;
  const fields = Array.isArray(errors)
    ? errors.filter(isFields).map((one) => `  ${cell(one.pointer)}: ${cell(one.detail)}`)
    : [];
  const lines = [`${code} (${status}): ${cell(detail)}`, ...fields];
  return `${[...lines, `${cell(title)} ${cell(what_to_do)}`, `${cell(title_zh)}${cell(what_to_do_zh)}`].join('\n')}\n`;
}
