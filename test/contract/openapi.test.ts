import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { default as addFormats } from 'ajv-formats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { eventDataSchemas } from '../../cloud/webhooks/event-data.ts';
import { eventTypes } from '../../cloud/webhooks/event-types.ts';

/** Goal: the API's document is whole. Method: a public validator, and a look at each operation, answer and webhook. */

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
}
interface Described {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
}
interface ApiDocument {
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly webhooks: Readonly<Record<string, { readonly post: Described }>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties: Readonly<Record<string, object>> }>>;
    readonly securitySchemes: Readonly<Record<string, { readonly description?: string }>>;
  };
}

let cloud: TestCloud;
let document: ApiDocument;
beforeAll(async () => {
  cloud = await startTestCloud();
  document = (await cloud.app.inject('/openapi.json')).json();
});
afterAll(() => cloud?.stop());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ name: `${method} ${path}`, described })),
  );
const schemasIn = ({ content = {} }: Content) => Object.values(content).map(({ schema = {} }) => schema);
const isEmpty = (schemas: readonly object[]) =>
  schemas.length === 0 || schemas.some((schema) => Object.keys(schema).length === 0);

test('OP-23 both documents are OpenAPI 3.1 by a public validator', async () => {
  for (const told of [document, cloud.app.describeStaffApi()]) {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(told) as Record<string, unknown>)).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  }
});

test('OP-23 every operation says what it does, belongs to something, and has a schema for each answer', () => {
  const known = document.tags.map(({ name }) => name);
  expect(operations().length).toBeGreaterThan(50);
  const wanting = operations().flatMap(({ name, described: { summary = '', tags = [], responses, requestBody } }) => [
    ...(summary === '' ? [`${name} has no summary`] : []),
    ...(tags.length === 0 || tags.some((tag) => !known.includes(tag)) ? [`${name} has no known tag`] : []),
    ...(requestBody !== undefined && isEmpty(schemasIn(requestBody)) ? [`${name} has a body without a schema`] : []),
    ...Object.entries(responses)
      .filter(([status, answer]) => !['101', '204', '304'].includes(status) && isEmpty(schemasIn(answer)))
      .map(([status]) => `${name} has no schema for ${status}`),
  ]);
  expect(wanting).toEqual([]);
  const used = new Set(operations().flatMap(({ described }) => described.tags ?? []));
  expect(known.filter((tag) => !used.has(tag))).toEqual([]);
});

test('OP-07 OP-23 the signing of a request is described, and each signed operation names the scope', () => {
  const schemes = document.components.securitySchemes;
  for (const name of ['key', 'timestamp', 'nonce', 'signature'])
    expect(schemes[name]?.description?.length, name).toBeGreaterThan(20);
  for (const { name, described } of operations().filter((one) => one.name.includes(' /v1/'))) {
    const [first = {}] = described.security ?? [];
    expect(Object.keys(first).sort(), name).toEqual(['key', 'nonce', 'signature', 'timestamp']);
    expect(first.key, name).toHaveLength(1);
  }
});

test('OP-20 OP-23 every type of webhook has its body, with the schema of its data', () => {
  expect(Object.keys(document.webhooks).sort()).toEqual([...eventTypes].sort());
  expect(Object.keys(eventDataSchemas).sort()).toEqual([...eventTypes].sort());
  const ajv = addFormats.default(new Ajv2020({ strict: false }));
  ajv.addSchema({ $id: 'api', ...document });
  for (const type of eventTypes) {
    const [schema = {}] = schemasIn(document.webhooks[type]?.post.requestBody ?? {});
    const ref = '$ref' in schema ? String(schema.$ref) : '';
    const name = ref.slice('#/components/schemas/'.length);
    const data = document.components.schemas[name]?.properties.data ?? {};
    expect(Object.keys(data).length, type).toBeGreaterThan(0);
    const fits = ajv.compile({ $ref: `api${ref}` });
    const body = { type, timestamp: '2026-11-22T06:00:00.000Z', data: {} };
    expect(fits(body), `${type} without data`).toBe(false);
    // Nothing but the data is wrong with it.
    expect((fits.errors ?? []).map(({ instancePath }) => instancePath.split('/')[1])).toEqual(['data']);
    if (type === 'webhook.test') expect(fits({ ...body, data: { endpoint_id: 'we_1' } })).toBe(true);
  }
});
