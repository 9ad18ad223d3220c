/** One series of an exposition: a name, its labels, a value. */
interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly series: readonly Series[];
}

/** What a scrape has told, by name and labels. */
export interface Scraped {
  readonly families: readonly Family[];
  /** The sum of the series with these labels, of a histogram of how many were observed; undefined: none was told. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

/** Reads the metrics that somebody tells, as Prometheus would. */
export async function scrape(url: string): Promise<Scraped> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  return readExposition(text);
}

const COMMENT = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/y;

/** Reads the text format of Prometheus (version 0.0.4), strictly. @throws Error on a line that is not of it, or a series told twice */
export function readExposition(text: string): Scraped {
  const families = new Map<string, { name: string; help: string; type: string; series: Series[] }>();
  const seen = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, word, about = '', rest = ''] = COMMENT.exec(line) ?? [];
    if (word !== undefined) {
      const family = families.get(about) ?? { name: about, help: '', type: '', series: [] };
      families.set(about, word === 'HELP' ? { ...family, help: rest } : { ...family, type: rest });
      continue;
    }
    const [, name, labelText = '', number] = SAMPLE.exec(line) ?? [];
    if (name === undefined || number === undefined) throw new Error(`not a line of an exposition: ${line}`);
    const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
    if (family === undefined || family.type === '') throw new Error(`a series without a type: ${line}`);
    const series = { name, labels: labelsOf(labelText), value: numberOf(number) };
    if (seen.has(`${name}{${labelText}}`)) throw new Error(`told twice: ${line}`);
    seen.add(`${name}{${labelText}}`);
    family.series.push(series);
  }
  return { families: [...families.values()], value: (name, labels = {}) => observedIn(families.get(name), labels) };
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name, value] = LABEL.exec(text) ?? [];
    if (name === undefined || value === undefined) throw new Error(`not labels: ${text}`);
    labels[name] = value.replaceAll(/\\(.)/g, (_all, one: string) => (one === 'n' ? '\n' : one));
  }
  return labels;
}

function numberOf(text: string): number {
  const value = { '+Inf': Infinity, '-Inf': -Infinity, NaN }[text] ?? Number(text);
  if (Number.isNaN(value) && text !== 'NaN') throw new Error(`not a number: ${text}`);
  return value;
}

function observedIn(family: Family | undefined, labels: Readonly<Record<string, string>>): number | undefined {
  if (family === undefined) return undefined;
  const name = family.type === 'histogram' ? `${family.name}_count` : family.name;
  const found = family.series.filter(
    (one) => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value),
  );
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}

/** How many series there are. */
export const seriesCount = ({ families }: Scraped): number =>
  families.reduce((sum, { series }) => sum + series.length, 0);
