import type { Dice } from '../sim/dice.ts';
import type { Operation } from './api-document.ts';
import type { Drawn } from './draw-request.ts';
import { HOSTILE_TEXTS, HOSTILE_VALUES, spoiltText } from './hostile.ts';

/** A request that is good, said in full. */
export interface Wish {
  readonly path?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, string | number>>;
  /** A value goes as JSON. */
  readonly body?: object | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What can be written on a line: unpaired halves of characters have no encoding. */
const encoded = (value: unknown): string =>
  encodeURIComponent((typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed()) || '%20';

/** The request as it is. @throws Error where the wish leaves out a place of the path */
export function exactly(operation: Operation, { path = {}, query = {}, body, headers = {} }: Wish): Drawn {
  const places = operation.path.replaceAll(/\{([^}]+)\}/g, (_match, name: string) => {
    const value = path[name];
    if (value === undefined) throw new Error(`${operation.method} ${operation.path} has a place ${name}`);
    return encoded(String(value));
  });
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encoded(String(value))}`);
  const isJson = body !== undefined && !Buffer.isBuffer(body);
  return {
    operation,
    method: operation.method,
    target: places + (pairs.length === 0 ? '' : `?${pairs.join('&')}`),
    headers: { ...(isJson && { 'content-type': 'application/json' }), ...headers },
    body: Buffer.isBuffer(body) ? body : Buffer.from(isJson ? JSON.stringify(body) : ''),
    document: isJson ? body : undefined,
    isAsDescribed: true,
    hasUnknownField: false,
  };
}

/** A request that differs in one thing from a good one, so that it gets as far as that one does before it is found out. */
export function neighbourOf(operation: Operation, wish: Wish, dice: Dice): Drawn {
  const { path = {}, query = {}, body } = wish;
  const isJson = body !== undefined && !Buffer.isBuffer(body);
  const places = Object.keys(path);
  const kinds = [
    ...(isJson ? ['field', 'field', 'field', 'missing', 'unknown', 'text'] : []),
    ...(places.length > 0 ? ['place'] : []),
    ...(operation.parameters.some((one) => one.in === 'query') ? ['query'] : []),
  ];
  const kind = kinds.length === 0 ? 'more' : dice.pick(kinds);
  const good = () => exactly(operation, wish);
  if (kind === 'place') {
    const changed = { ...path, [dice.pick(places)]: dice.pick(HOSTILE_TEXTS) || ' ' };
    return exactly(operation, { ...wish, path: changed });
  }
  if (kind === 'query') {
    const names = operation.parameters.flatMap((one) => (one.in === 'query' ? [one.name] : []));
    return exactly(operation, { ...wish, query: { ...query, [dice.pick(names)]: hostileText(dice) } });
  }
  if (!isJson) return exactly(operation, { ...wish, query: { ...query, nobody_asked: 'x' } });
  if (kind === 'text')
    return { ...good(), body: Buffer.from(spoiltText(JSON.stringify(body), dice)), document: undefined };
  if (kind === 'unknown')
    return { ...exactly(operation, { ...wish, body: { ...body, is_admin: true } }), hasUnknownField: true };
  return exactly(operation, { ...wish, body: changedBody(body, kind === 'missing', dice) });
}

/** What a wish says where anything can be said. */
export const FREE_TEXT = 'fuzz';
const LONG = 'ß'.repeat(220);

/** What is tried at every operation, before chance decides: texts that cannot be stored, long ones, and numbers at the edge of what a number can be. */
const planned: readonly ((value: unknown) => unknown)[] = [
  (value) => (value === FREE_TEXT ? 'fu\u0000zz' : value),
  (value) => (value === FREE_TEXT ? LONG : value),
  (value) => (typeof value === 'number' ? Number.MAX_SAFE_INTEGER : value),
];
export const PLANNED = planned.length;

/** One of what is tried at every operation; null: there is nothing in the wish that it would change. */
export function plannedNeighbour(operation: Operation, wish: Wish, number: number): Drawn | null {
  const { body } = wish;
  const change = planned[number];
  if (change === undefined || body === undefined || Buffer.isBuffer(body)) return null;
  const changed = JSON.parse(JSON.stringify(body, (_name, value: unknown) => change(value)));
  return JSON.stringify(changed) === JSON.stringify(body) ? null : exactly(operation, { ...wish, body: changed });
}

const hostileText = (dice: Dice): string => dice.pick(HOSTILE_TEXTS).slice(0, 6_000);

type Step = string | number;

/** Every place in a value, however deep. */
function placesIn(value: unknown, here: readonly Step[] = []): (readonly Step[])[] {
  if (typeof value !== 'object' || value === null) return [here];
  const inside = Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...here, key]));
  return here.length === 0 ? inside : [here, ...inside];
}

function changedBody(body: object, isMissing: boolean, dice: Dice): object {
  const copy: object = structuredClone(body);
  const places = placesIn(copy);
  if (places.length === 0) return { x: 1 };
  const place = dice.pick(places);
  const last = place.at(-1) ?? '';
  let holder: object = copy;
  for (const step of place.slice(0, -1)) holder = Reflect.get(holder, step);
  if (isMissing) Reflect.deleteProperty(holder, last);
  else Reflect.set(holder, last, dice.chance(0.6) ? dice.pick(HOSTILE_TEXTS) : dice.pick(HOSTILE_VALUES));
  return JSON.parse(JSON.stringify(copy));
}
