import { examplePdf, examplePng } from '../../cloud/testing/applicant.ts';
import type { Dice } from '../sim/dice.ts';
import type { JsonSchema, Operation } from './api-document.ts';
import { HOSTILE_TEXTS, spoiltText } from './hostile.ts';
import type { Mood, ValueMaker } from './value-maker.ts';

/** A request before it is authenticated. */
export interface Drawn {
  readonly operation: Operation;
  readonly method: string;
  /** Path and query, as it is sent. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The body as a value; undefined: there is none, or it is no JSON. */
  readonly document: unknown;
  /** The path is one of the document's, and the media type the one that is taken: the answer has a declared status. */
  readonly isAsDescribed: boolean;
  /** A field was added that nobody knows: it must be refused, whatever the document says. */
  readonly hasUnknownField: boolean;
}

const TYPES = {
  json: 'application/json',
  others: ['text/plain', 'text/xml', 'application/x-www-form-urlencoded', 'x'],
};
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Draws one request for an operation: half of them good, the others a little or wholly wrong. */
export function drawRequest(operation: Operation, maker: ValueMaker, dice: Dice): Drawn {
  const mood = drawnMood(operation, dice);
  const path = drawnPath(operation, maker, dice, mood);
  const mangled = dice.chance(0.03) ? mangledPath(path, dice) : path;
  const target = mangled + drawnQuery(operation, maker, dice, mood);
  const base = { operation, method: operation.method, target, headers: {} };
  if (operation.path.endsWith('/files') && operation.method === 'POST')
    return {
      ...base,
      ...drawnFile(dice),
      document: undefined,
      isAsDescribed: mangled === path,
      hasUnknownField: false,
    };
  if (operation.body === null) {
    const isSent = operation.method !== 'GET' && dice.chance(0.05);
    const body = Buffer.from(isSent ? '{"nobody":"asked"}' : '');
    const headers = { ...(isSent && { 'content-type': TYPES.json }) };
    return { ...base, headers, body, document: undefined, isAsDescribed: mangled === path, hasUnknownField: false };
  }
  const { text, document, hasUnknownField } = drawnBody(operation.body, maker, dice, mood);
  const isOtherType = dice.chance(0.02);
  const contentType = isOtherType ? dice.pick(TYPES.others) : TYPES.json;
  const body = Buffer.from(text);

  return {
    ...base,
    headers: body.length === 0 ? {} : { 'content-type': contentType },
    body,
    document,
    isAsDescribed: mangled === path,
    hasUnknownField,
  };
}

/** Where something is created, often under names that are free. */
function drawnMood({ method, path }: Operation, dice: Dice): Mood {
  if (dice.chance(0.25)) return 'hostile';
  return method === 'POST' && !path.includes('{') && dice.chance(0.4) ? 'fresh' : 'valid';
}

function drawnPath({ path, parameters }: Operation, maker: ValueMaker, dice: Dice, mood: Mood): string {
  return path.replaceAll(/\{([^}]+)\}/g, (_match, name: string) => {
    const parameter = parameters.find((one) => one.in === 'path' && one.name === name);
    return encoded(maker.make(parameter?.schema ?? { type: 'string' }, name, dice, mood)) || '%20';
  });
}

/** Unpaired halves of characters have no encoding: they go as the sign for what cannot be shown. */
const encoded = (value: unknown): string =>
  encodeURIComponent((typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed());

function drawnQuery({ parameters }: Operation, maker: ValueMaker, dice: Dice, mood: Mood): string {
  const pairs = parameters
    .filter((parameter) => parameter.in === 'query' && (parameter.required === true || dice.chance(0.35)))
    .map(({ name, schema }) => `${name}=${encoded(maker.make(schema, name, dice, mood))}`);
  const [first] = pairs;
  if (first !== undefined && dice.chance(0.03)) pairs.push(first);
  if (dice.chance(0.03)) pairs.push(`${encoded(dice.pick(HOSTILE_TEXTS.slice(0, -2)))}=1`);
  if (dice.chance(0.01)) pairs.push('a[b][__proto__]=1', '%zz', '=');
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

const mangledPath = (path: string, dice: Dice): string =>
  dice.pick([
    path.toUpperCase(),
    `/${path}`,
    path.replaceAll('/', '//'),
    `${path}/`,
    path.replace('/v1', '/v1/.'),
    path.replace('/v1/', '/v1/x/../'),
    path.replace('v1', '%76%31'),
    path.replace('/v1', '%2fv1'),
    `${path};a=b`,
    `${path}%00`,
    `${path}%zz`,
    `${path}%c0%af`,
    `${path}.json`,
    path.replace('/v1/', '/v2/'),
  ]);

function drawnBody(
  schema: JsonSchema,
  maker: ValueMaker,
  dice: Dice,
  mood: Mood,
): { text: string | Buffer; document: unknown; hasUnknownField: boolean } {
  const made = maker.make(schema, '', dice, mood);
  const fate = dice.fraction();
  if (fate < 0.06)
    return { text: spoiltText(JSON.stringify(made) ?? '', dice), document: undefined, hasUnknownField: false };
  const changed = fate < 0.22 && isObject(made) ? withOneFault(made, maker, dice) : { made, hasUnknownField: false };
  const text = JSON.stringify(changed.made) ?? '';
  return { text, document: text === '' ? undefined : JSON.parse(text), hasUnknownField: changed.hasUnknownField };
}

/** A good body with one thing wrong: a field that is missing, that nobody knows, or that is something else. */
function withOneFault(made: Record<string, unknown>, maker: ValueMaker, dice: Dice) {
  const names = Object.keys(made);
  const name = names.length === 0 ? 'nothing' : dice.pick(names);
  const kind = dice.between(0, 2);
  if (kind === 0) return { made: { ...made, [name]: undefined }, hasUnknownField: false };
  if (kind === 1) return { made: { ...made, [name]: maker.make({}, '', dice, 'hostile') }, hasUnknownField: false };
  const unknown = dice.pick(['partner_id', 'role', 'is_admin', 'environment', 'created_at_ms', 'x', '__proto__x']);
  if (unknown in made) return { made, hasUnknownField: false };
  return { made: { ...made, [unknown]: dice.pick(['owner', 1, true]) }, hasUnknownField: true };
}

function drawnFile(dice: Dice): Pick<Drawn, 'headers' | 'body'> {
  const files = [
    [examplePdf, 'application/pdf'],
    [examplePng, 'image/png'],
    [examplePdf, 'image/png'],
    [Buffer.from('<svg onload=alert(1)>'), 'image/png'],
    [Buffer.concat([examplePdf, dice.bytes(200)]), 'application/pdf'],
    [Buffer.alloc(0), 'application/pdf'],
    [dice.bytes(300), 'application/octet-stream'],
    [Buffer.from('{}'), 'application/json'],
  ] as const;
  const [body, type] = dice.chance(0.02) ? [Buffer.alloc(6 * 1024 * 1024), 'application/pdf'] : dice.pick(files);
  return { body, headers: { 'content-type': type } };
}
