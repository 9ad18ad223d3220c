import { readFileSync } from 'node:fs';

/** What somebody typed: words that name what to do, and fields that go with it. */
export interface Wish {
  readonly words: readonly string[];
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Reads words and fields: `key=text`, `key:=json`, `key=@file` (its text), `key:=@file` (its JSON).
 *
 * @throws Error naming the field that is no JSON, or the file that cannot be read
 */
export function readWish(args: readonly string[], readFile = (path: string) => readFileSync(path, 'utf8')): Wish {
  const words: string[] = [];
  const fields: Record<string, unknown> = {};
  for (const arg of args) {
    const field = /^(\w+)(:?=)(@?)(.*)$/s.exec(arg);
    if (field === null) {
      words.push(arg);
      continue;
    }
    const [, key = '', sign, at, given = ''] = field;
    const text = at === '@' ? readFile(given) : given;
    fields[key] = sign === ':=' ? json(key, text) : text;
  }
  return { words, fields };
}

function json(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${key} is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** A route as the cloud tells it. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly action: string | null;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: object | null;
}

const PREFIX = '/staff/v1/';
const isPlace = (segment: string): boolean => segment.startsWith(':');

/**
 * The request that is wished for: an action by its name, with places of its address among the fields, or anything that can be read by the words
 * of its address.
 *
 * @throws Error that tells what is missing or what there is
 */
export function callOf(routes: readonly Route[], { words, fields }: Wish): Call {
  const [name = ''] = words;
  const doing = routes.filter(({ action }) => action !== null && action === name);
  if (doing.length > 0) return doingCall(doing, words, fields);
  const segments = words.flatMap((word) => word.split('/')).filter((segment) => segment !== '');
  const fits = routes.filter(({ method, path }) => method === 'GET' && isAddress(segmentsOf(path), segments));
  // Between an address with a place and one without, the one that says it word for word.
  const [route] = fits.sort((a, b) => placesOf(a) - placesOf(b));
  if (route === undefined) throw new Error(`nothing is called "${words.join(' ')}": see "actions"`);
  const query = new URLSearchParams(
    Object.entries(fields).map(([key, value]): [string, string] => [key, asText(value)]),
  );
  const path = `${PREFIX}${segments.map(encodeURIComponent).join('/')}`;
  return { method: 'GET', path: query.size === 0 ? path : `${path}?${query}`, body: null };
}

function doingCall(routes: readonly Route[], words: readonly string[], fields: Wish['fields']): Call {
  const [, which] = words;
  // One action may have several addresses, which differ in their last word.
  const route = routes.find(({ path }) => routes.length === 1 || segmentsOf(path).at(-1) === which);
  if (route === undefined)
    throw new Error(`say which: ${routes.map(({ path }) => segmentsOf(path).at(-1)).join(', ')}`);
  if (words.length > (routes.length === 1 ? 1 : 2)) throw new Error(`"${words.at(-1)}" is no field: write key=value`);
  const rest = { ...fields };
  const path = segmentsOf(route.path).map((segment) => {
    if (!isPlace(segment)) return segment;
    const key = segment.slice(1);
    const value = rest[key];
    if (value === undefined) throw new Error(`${route.action} needs ${key}=…`);
    delete rest[key];
    return encodeURIComponent(asText(value));
  });
  return { method: route.method, path: PREFIX + path.join('/'), body: hasBody(route) ? rest : null };
}

const hasBody = ({ method }: Route): boolean => method !== 'DELETE' && method !== 'GET';
const segmentsOf = (path: string): string[] => path.slice(PREFIX.length).split('/');
const placesOf = ({ path }: Route): number => segmentsOf(path).filter(isPlace).length;

const isAddress = (address: readonly string[], segments: readonly string[]): boolean =>
  address.length === segments.length &&
  address.every((segment, place) => isPlace(segment) || segment === segments[place]);

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
