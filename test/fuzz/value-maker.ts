import fc from 'fast-check';
import { exampleRegistration } from '../../cloud/testing/applicant.ts';
import { exampleTariff } from '../../cloud/testing/fixtures.ts';
import type { Dice } from '../sim/dice.ts';
import type { JsonSchema } from './api-document.ts';
import { HOSTILE_TEXTS, HOSTILE_VALUES } from './hostile.ts';
import type { KnownValues } from './known-values.ts';

/** valid: as the schema says. fresh: the same, with names that nobody has used. hostile: each field may be anything. */
export type Mood = 'valid' | 'fresh' | 'hostile';

const SAMPLES = 64;
const REUSED = 0.75;
const HINTED = 0.7;
const HOSTILE_FIELD = 0.4;

/** Good values that a schema alone does not lead to: what it checks beyond its shape. */
const hints: Readonly<Record<string, (dice: Dice) => unknown>> = {
  timezone: () => 'Asia/Shanghai',
  credit_code: () => exampleRegistration.credit_code,
  company_name: () => exampleRegistration.company_name,
  contacts: () => exampleRegistration.contacts,
  callback_url: () => 'https://8.8.8.8/pilegate',
  url: (dice) => dice.pick(['https://8.8.8.8/hook', 'https://127.0.0.1/', 'http://8.8.8.8/', 'https://[::1]/']),
  allowed_cidrs: () => ['127.0.0.0/8', '::1/128', '198.51.100.0/24'],
  source_cidrs: () => exampleRegistration.source_cidrs,
  tariff: (dice) => ({ ...exampleTariff, tariffId: `fuzz-${dice.between(1, 1e9)}` }),
  password: () => 'correct horse battery',
  scopes: () => ['read', 'control', 'orders'],
  environment: () => 'sandbox',
  waves: () => [{ percent: 100 }],
  overlap_s: () => 3600,
  limits: () => null,
};

/** Makes values from schemas. What is drawn depends on the dice and on what is known alone. */
export class ValueMaker {
  readonly #schemas: Readonly<Record<string, JsonSchema>>;
  readonly #known: KnownValues;
  readonly #texts = new Map<string, readonly string[]>();

  constructor(schemas: Readonly<Record<string, JsonSchema>>, known: KnownValues) {
    this.#schemas = schemas;
    this.#known = known;
  }

  /** Makes the texts that schemas ask for beforehand: the first of a kind takes long, and who waits for an answer meanwhile would count that as its time. */
  prepare(schemas: readonly JsonSchema[]): void {
    for (const schema of schemas) {
      if (schema.type === 'string' && schema.enum === undefined && schema.const === undefined) this.#textsOf(schema);
      const { additionalProperties: more, propertyNames, properties = {}, items } = schema;
      const inner = [
        ...Object.values(properties),
        ...(schema.anyOf ?? []),
        ...(schema.oneOf ?? []),
        ...(schema.allOf ?? []),
      ];
      for (const one of [more, propertyNames, items]) if (typeof one === 'object') inner.push(one);
      this.prepare(inner);
    }
  }

  make(schema: JsonSchema, name: string, dice: Dice, mood: Mood): unknown {
    if (mood === 'hostile' && dice.chance(HOSTILE_FIELD))
      return dice.chance(0.6) ? dice.pick(HOSTILE_TEXTS) : dice.pick(HOSTILE_VALUES);
    const known = this.#known.pick(name, dice);
    if (known !== null && mood !== 'fresh' && dice.chance(name === 'request_id' ? 0.1 : REUSED)) return known;
    const hint = hints[name];
    if (hint !== undefined && dice.chance(HINTED)) return hint(dice);
    return this.#bySchema(schema, name, dice, mood);
  }

  #bySchema(schema: JsonSchema, name: string, dice: Dice, mood: Mood): unknown {
    if (schema.$ref !== undefined) {
      const target = this.#schemas[schema.$ref.split('/').at(-1) ?? ''];
      if (target === undefined) throw new Error(`no schema ${schema.$ref}`);
      return this.make(target, name, dice, mood);
    }
    if (schema.const !== undefined) return schema.const;
    if (schema.enum !== undefined) return dice.pick(schema.enum);
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices !== undefined) return this.make(dice.pick(choices), name, dice, mood);
    if (schema.allOf !== undefined)
      return Object.assign({}, ...schema.allOf.map((part) => this.make(part, name, dice, mood)));
    const type = typeof schema.type === 'string' ? schema.type : (schema.type?.[0] ?? 'any');
    switch (type) {
      case 'object':
        return this.#object(schema, dice, mood);
      case 'array':
        return Array.from({ length: lengthOf(schema, dice) }, () =>
          this.make(schema.items ?? {}, name.replace(/s$/, ''), dice, mood),
        );
      case 'integer':
      case 'number':
        return numberOf(schema, dice);
      case 'boolean':
        return dice.chance(0.5);
      case 'null':
        return null;
      case 'string':
        return this.#text(schema, dice);
      default:
        return dice.pick(HOSTILE_VALUES);
    }
  }

  #object(schema: JsonSchema, dice: Dice, mood: Mood): object {
    const { properties = {}, required = [], additionalProperties } = schema;
    const made = Object.entries(properties).flatMap(([key, inner]): [string, unknown][] =>
      required.includes(key) || dice.chance(0.4) ? [[key, this.make(inner, key, dice, mood)]] : [],
    );
    if (typeof additionalProperties === 'object')
      for (let more = dice.between(0, 2); more > 0; more -= 1) {
        const key = String(this.make(schema.propertyNames ?? { type: 'string' }, '', dice, 'valid'));
        made.push([key, this.make(additionalProperties, '', dice, mood)]);
      }
    return Object.fromEntries(made);
  }

  #text = (schema: JsonSchema, dice: Dice): string => dice.pick(this.#textsOf(schema));

  #textsOf(schema: JsonSchema): readonly string[] {
    const key = JSON.stringify([schema.pattern, schema.format, schema.minLength, schema.maxLength]);
    let texts = this.#texts.get(key);
    if (texts === undefined) {
      // One set for each kind of text: the draws of a run differ in which of them is taken.
      texts = fc.sample(arbitraryText(schema), { numRuns: SAMPLES, seed: 1 });
      this.#texts.set(key, texts);
    }
    return texts;
  }
}

const LOOKAROUND = /\(\?<?[=!](?:[^()]|\([^()]*\))*\)/g;
const maxOf = (maxLength: number | undefined): number => maxLength ?? 1_000;

function arbitraryText({ pattern, format, minLength = 0, maxLength }: JsonSchema): fc.Arbitrary<string> {
  switch (format) {
    case 'uuid':
      return fc.uuid();
    case 'date-time':
      return fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString());
    case 'uri':
      return fc.webUrl();
    case 'email':
      return fc.constantFrom('a@example.com', 'wang@example.com');
    default:
  }
  const most = Math.max(minLength, Math.min(maxLength ?? 60, 300));
  if (pattern !== undefined) {
    const flags = /\\p\{/.test(pattern) ? 'u' : '';
    const whole = new RegExp(pattern, flags);
    // What only looks around cannot be drawn from: it is drawn without that, and sorted out.
    const drawn = fc.stringMatching(new RegExp(pattern.replaceAll(LOOKAROUND, ''), flags));
    return drawn.filter((text) => whole.test(text) && text.length >= minLength && text.length <= maxOf(maxLength));
  }
  // Left to itself it draws ten characters at most, and what is wrong with long texts is never seen.
  const short = fc.string({ minLength, maxLength: most, unit: 'binary' });
  const long = fc.string({ minLength, maxLength: most, unit: 'grapheme-ascii', size: 'max' });
  return fc.oneof(short, long);
}

function numberOf(schema: JsonSchema, dice: Dice): number {
  const least = schema.minimum ?? (schema.exclusiveMinimum === undefined ? -1_000 : schema.exclusiveMinimum + 1);
  const most = schema.maximum ?? (schema.exclusiveMaximum === undefined ? least + 1e6 : schema.exclusiveMaximum - 1);
  const edge = dice.fraction();
  if (edge < 0.1) return least;
  if (edge < 0.2) return most;
  return dice.between(least, Math.min(most, least + 5_000));
}

const lengthOf = ({ minItems = 0, maxItems = 4 }: JsonSchema, dice: Dice): number =>
  dice.chance(0.02) ? Math.min(maxItems + 1, 300) : dice.between(minItems, Math.max(minItems, Math.min(maxItems, 4)));
