import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApplicant, exampleRegistration } from '../../cloud/testing/applicant.ts';
import { type Stage, setTheStage, staffPost } from '../../cloud/testing/fixtures.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import type { Operation } from '../fuzz/api-document.ts';
import { type SigningKey, signedHeaders } from '../fuzz/callers.ts';
import { HOSTILE_TEXTS } from '../fuzz/hostile.ts';
import { Dice } from '../sim/dice.ts';
import { everyOperation, filled } from './described.ts';

/** OWASP API3:2023, broken object property level authorization (mass assignment), and what is put into fields to be taken for something else. */

const dice = new Dice(1, 'fields');
let cloud: TestCloud;
let stage: Stage;
let key: SigningKey;
let applicant: Awaited<ReturnType<typeof createApplicant>>;

beforeAll(async () => {
  cloud = await startTestCloud();
  stage = await setTheStage(cloud, { name: 'fields' });
  const wish = { environment: 'sandbox', scopes: ['read', 'control', 'orders', 'settlement', 'keys'] };
  key = await staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${stage.partnerId}/keys`, wish);
  applicant = await createApplicant(cloud.app, { ...exampleRegistration, callback_url: 'https://8.8.8.8/' });
});
afterAll(() => cloud?.stop());

/** A name of the right form for each place, so that it is the rest of the request that is judged. */
const places: Readonly<Record<string, string>> = {
  version: '1',
  currency: 'CNY',
  document_kind: 'tariffs',
  dead_letter_id: '1',
  level: 'critical',
  key_id: 'pk_sandbox_000000000000000000000000',
  endpoint_id: `we_${'0'.repeat(32)}`,
  delivery_id: 'wd_1',
};
const placeFor = (name: string): string => {
  if (name === 'application_id') return applicant.applicationId;
  const isNamedByPeople = /^(site|partner|connector|pile|tariff|staff)_id$/.test(name);
  return places[name] ?? (isNamedByPeople ? 'x' : '00000000-0000-4000-8000-000000000001');
};
const urlOf = ({ path }: Operation): string => filled(path, placeFor);

let senders = 0;

/** A request with the right credentials, and an address of its own. */
async function send({ door, method }: Pick<Operation, 'door' | 'method'>, target: string, text?: string) {
  senders += 1;
  const signed = { method, target, body: Buffer.from(text ?? '') };
  const credentials: Record<string, string> =
    door === 'partner'
      ? signedHeaders(key, signed, 'none', dice)
      : { authorization: `Bearer ${door === 'staff' ? cloud.staffToken : applicant.token}` };
  const response = await cloud.app.inject({
    method: method as 'POST',
    url: target,
    remoteAddress: `198.18.${Math.floor(senders / 250)}.${1 + (senders % 250)}`,
    headers: { ...credentials, ...(text !== undefined && { 'content-type': 'application/json' }) },
    ...(text !== undefined && { payload: text }),
  });
  return { status: response.statusCode, text: response.body };
}

/** A place that has to exist may be looked at first; and what the owner alone may is nothing for a machine. */
const REFUSED = [400, 403, 404];
const writes = () => everyOperation(cloud.app).filter(({ body }) => body !== null);
const named = ({ method, path }: Operation): string => `${method} ${path}`;

test('API3:2023 XC-08 every body that is taken names its fields, and one that nobody knows is refused by its name', async () => {
  expect(writes().length).toBeGreaterThan(40);
  for (const operation of writes()) {
    const loose = [operation.body, ...(operation.body?.anyOf ?? [])].filter(
      (schema) => schema?.properties !== undefined && schema.additionalProperties !== false,
    );
    expect(loose, named(operation)).toEqual([]);
    for (const field of ['partner_id_', 'role_', 'is_admin']) {
      const { status, text } = await send(operation, urlOf(operation), JSON.stringify({ [field]: 'owner' }));
      expect(REFUSED, `${named(operation)} ${text}`).toContain(status);
      if (status === 400 && !text.includes('the path does not')) expect(text, named(operation)).toContain(field);
    }
  }
});

test('API3:2023 XC-08 what would change the objects of the program itself is refused, and changes none', async () => {
  for (const operation of writes())
    for (const text of [
      '{"__proto__":{"isAdmin":true}}',
      '{"constructor":{"prototype":{"isAdmin":true}}}',
      '{"reason":{"__proto__":{"isAdmin":true}}}',
    ]) {
      const { status } = await send(operation, urlOf(operation), text);
      expect(REFUSED, `${named(operation)} ${text}`).toContain(status);
    }
  expect('isAdmin' in {}).toBe(false);
});

test('API4:2023 XC-08 bodies that are too deep, too long, not to be stored or not JSON get a clear refusal', async () => {
  const [start] = writes().filter(({ path }) => path === '/v1/operations/start');
  if (start === undefined) throw new Error('nothing is started');
  const cases: [string, number, string][] = [
    ['['.repeat(32_000), 400, 'request.not_json'],
    [`${'['.repeat(32_000)}${']'.repeat(32_000)}`, 400, 'request.invalid'],
    [`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, 400, 'request.invalid'],
    ['['.repeat(100_000), 413, 'request.too_large'],
    [`{"request_id":"${'a'.repeat(70_000)}"}`, 413, 'request.too_large'],
    ['{"request_id":"a\\u0000b"}', 400, 'request.invalid'],
    ['{"request_id":"\\ud800"}', 400, 'request.invalid'],
    ['{"a\\u0000":1}', 400, 'request.invalid'],
    ['{"hold_minor":1e400}', 400, 'request.invalid'],
    ['{"hold_minor":123456789012345678901234567890}', 400, 'request.invalid'],
    ['{"hold_minor":1.5}', 400, 'request.invalid'],
    ['{"hold_minor":NaN}', 400, 'request.not_json'],
    ['null', 400, 'request.invalid'],
    ['[]', 400, 'request.invalid'],
    ['\ufeff{}', 400, 'request.invalid'],
    ['{"a":1,}', 400, 'request.not_json'],
  ];
  for (const [text, status, code] of cases) {
    const answer = await send(start, start.path, text);
    expect([answer.status, JSON.parse(answer.text).code], text.slice(0, 60)).toEqual([status, code]);
  }
  for (const path of ['/v1/stations/a%00b', '/v1/orders?cursor=%00', '/v1/connectors/%C0%AF'])
    expect((await send({ door: 'partner', method: 'GET' }, path)).status, path).toBe(400);
});

test('API3:2023 of a name that comes twice the last one holds, for the check as for what is done', async () => {
  const start = { door: 'partner', method: 'POST' } as const;
  const text = `{"request_id":"twice","connector_id":"${stage.connectorIds[0]}","connector_id":"no-such"}`;
  const { status, text: told } = await send(start, '/v1/operations/start', text);
  expect([status, JSON.parse(told).code]).toEqual([404, 'connector.unknown']);
});

test('API8:2023 no text in any place, query or field is taken for a part of a statement', async () => {
  const { db } = cloud.context;
  const tables = async () =>
    (await sql<{ n: string }>`select count(*) as n from information_schema.tables`.execute(db)).rows[0]?.n;
  const [before, partners] = [await tables(), await db.selectFrom('partners').select('partner_id').execute()];
  const texts = HOSTILE_TEXTS.filter((text) => /['";\\%$]/.test(text));
  expect(texts.length).toBeGreaterThan(5);
  for (const operation of everyOperation(cloud.app).filter(({ door }) => door !== 'open'))
    for (const [index, text] of texts.entries()) {
      const path = filled(operation.path, (name) => (index % 2 === 0 ? text.toWellFormed() : placeFor(name)));
      const query = operation.parameters
        .filter((parameter) => parameter.in === 'query')
        .map(({ name }) => `${name}=${encodeURIComponent(text.toWellFormed())}`)
        .join('&');
      const fields = Object.fromEntries(Object.keys(operation.body?.properties ?? {}).map((name) => [name, text]));
      const body = operation.body === null ? undefined : JSON.stringify(fields);
      const { status, text: told } = await send(operation, query === '' ? path : `${path}?${query}`, body);
      expect(status, `${named(operation)} ${text}: ${told}`).toBeLessThan(500);
      expect(told).not.toMatch(/syntax error|unterminated|does not exist/);
    }
  expect(await tables()).toBe(before);
  const after = await db
    .selectFrom('partners')
    .select('partner_id')
    .where(
      'partner_id',
      'in',
      partners.map((row) => row.partner_id),
    )
    .execute();
  expect(after).toHaveLength(partners.length);
}, 60_000);
