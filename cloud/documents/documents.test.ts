import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DocumentKind, DocumentStatus } from '#shared/documents.ts';
import type { Hello } from '#shared/wire/messages.ts';
import { connectFakeEdge, type FakeEdge } from '../testing/fake-edge.ts';
import { exampleTariff, type Stage, setTheStage } from '../testing/fixtures.ts';
import { silentDown } from '../testing/silent-down.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { hearDocuments } from './document-reported.ts';
import { sendDueDocuments } from './document-sender.ts';

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;
let edge: FakeEdge;
let runs = 0;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());
beforeEach(async () => {
  runs += 1;
  stage = await setTheStage(cloud, { name: `docs${runs}` });
  edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
});
afterEach(() => edge?.close());

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function staff(method: 'GET' | 'POST', path: string, body?: object) {
  const response = await cloud.app.inject({
    method,
    url: `/staff/v1/sites/${stage.siteId}/documents${path}`,
    headers: {
      authorization: `Bearer ${cloud.staffToken}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  return { status: response.statusCode, body: response.json() };
}
const put = (text: string, kind: DocumentKind = 'site') =>
  staff('POST', '', { document_kind: kind, text, requested_by: 'Li Na' });
const known = async () => (await staff('GET', '')).body;
const standing = async () =>
  (await known()).documents
    .map((one: { version: number; status: string }) => `${one.version} ${one.status}`)
    .join(', ');

const report = (version: number, text: string, status: DocumentStatus, change: object = {}) =>
  edge.record({
    kind: 'document.reported',
    documentKind: 'site',
    version,
    digest: sha256(text),
    source: 'cloud',
    status,
    detail: null,
    ...change,
  });
const hear = (...inForce: NonNullable<Hello['documents']>) =>
  hearDocuments(cloud.context.db, stage.siteId, inForce, clock.wallMs());

test('ED-15 XC-04 a document reaches the site byte for byte, and what became of it comes back', async () => {
  const text = '// for the depot\n{ "siteId": "x" }\n';
  const { status, body } = await put(text);
  expect([status, body]).toMatchObject([202, { version: 1, status: 'open', source: 'cloud', requested_by: 'Li Na' }]);
  const push = await edge.take('document');
  expect(push).toEqual({
    v: 1,
    documentKind: 'site',
    version: 1,
    digest: sha256(text),
    text,
    signatures: [{ keyId: expect.any(String), signature: expect.any(String) }],
  });
  await report(1, text, 'waiting', { detail: 'A-1 charges' });
  expect((await known()).documents).toMatchObject([{ version: 1, status: 'waiting', detail: 'A-1 charges' }]);
  await report(1, text, 'active');
  expect(await known()).toMatchObject({
    in_force: [{ document_kind: 'site', version: 1, digest: sha256(text) }],
    documents: [{ status: 'active', detail: null }],
  });
  expect((await staff('GET', '/site/1')).body).toMatchObject({ text, version: 1 });
});

test('ED-15 it is sent again until the site has answered, and then no more', async () => {
  await put('{ "a": 1 }');
  await edge.take('document');
  clock.advance(11_000);
  await edge.take('document');
  await report(1, '{ "a": 1 }', 'refused', {
    detail: 'no',
    complaints: [{ path: 'a', reason: 'unknown key', line: 1, column: 3 }],
  });
  clock.advance(600_000);
  let sent = 0;
  const document = () => {
    sent += 1;
    return Promise.resolve();
  };
  await sendDueDocuments({ ...cloud.context, down: silentDown({ document }) });
  expect([sent, edge.heard('document')]).toEqual([0, 2]);
  expect((await known()).documents).toMatchObject([
    { status: 'refused', complaints: [{ path: 'a', reason: 'unknown key', line: 1, column: 3 }] },
  ]);
});

test('ED-15 a newer document takes the place of one that the site has not answered', async () => {
  await put('{ "a": 1 }');
  await edge.take('document');
  await put('{ "a": 2 }');
  expect((await edge.take('document')).version).toBe(2);
  clock.advance(11_000);
  expect((await edge.take('document')).version).toBe(2);
  expect(await standing()).toBe('2 open, 1 open');
});

test('ED-15 the same document again is the same version; versions go on above those that were made on site', async () => {
  await put('{ "a": 1 }');
  expect((await put('{ "a": 1 }')).body.version).toBe(1);
  await report(7, '{ "b": 1 }', 'active', { source: 'pilectl' });
  expect((await put('{ "a": 2 }')).body.version).toBe(8);
  expect(await standing()).toBe('8 open, 7 active, 1 open');
  await hear({ documentKind: 'site', version: 12, digest: sha256('made on site') });
  expect((await put('{ "a": 3 }')).body.version).toBe(13);
  await report(8, '{ "a": 2 }', 'active');
  expect(await standing()).toBe('13 open, 8 active, 7 replaced, 1 open');
  expect((await staff('GET', '/site/7')).status).toBe(404);
});

test('SY-07 a document that was refused is sent again when staff put it again', async () => {
  await put('{ "a": 1 }');
  await edge.take('document');
  await report(1, '{ "a": 1 }', 'refused', { detail: 'x', code: 'document.unsigned' });
  expect((await put('{ "a": 1 }')).body).toMatchObject({ version: 1, status: 'open', code: null });
  expect((await edge.take('document')).version).toBe(1);
});

test('SY-07 a version that was rolled back on site is known as that, and is not sent again', async () => {
  await put('{ "a": 1 }');
  await edge.take('document');
  await report(1, '{ "a": 1 }', 'rolled-back', { detail: 'line L1 does not open' });
  await hear();
  clock.advance(600_000);
  expect([await standing(), edge.heard('document')]).toEqual(['1 rolled-back', 1]);
});

describe('SY-07 a site of older software', () => {
  test('is sent no documents, until it says that it knows them', async () => {
    await edge.close();
    edge = await connectFakeEdge(cloud.brokerUrl, stage, clock, { isOld: true });
    await edge.hello();
    await put('{ "a": 1 }');
    clock.advance(11_000);
    await sendDueDocuments({ ...cloud.context, down: silentDown() });
    const standsAt = () => known().then(({ documents }) => documents[0]);
    const row = await cloud.context.db
      .selectFrom('site_documents')
      .select('sent_count')
      .where('site_id', '=', stage.siteId)
      .executeTakeFirstOrThrow();
    expect([row.sent_count, edge.heard('document')]).toEqual([0, 0]);
    await edge.close();
    edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
    const { documentKeys } = await edge.hello();
    expect(JSON.parse(documentKeys?.text ?? '')).toMatchObject({ serial: 1, keys: [{}] });
    expect((await edge.take('document')).version).toBe(1);
    await report(1, '{ "a": 1 }', 'refused', { detail: 'x', code: 'document.unsigned' });
    expect(await standsAt()).toMatchObject({ status: 'refused', code: 'document.unsigned' });
  });

  test('is told of no keys', async () => {
    await edge.close();
    edge = await connectFakeEdge(cloud.brokerUrl, stage, clock, { isOld: true });
    expect(await edge.hello()).not.toHaveProperty('documentKeys');
  });
});

test('SY-07 nothing that could loosen an interlock can be put for a site', async () => {
  for (const kind of ['profile', 'profiles', 'rules']) {
    expect((await put('{ "version": 1 }', kind as DocumentKind)).status).toBe(400);
  }
  expect((await known()).documents).toEqual([]);
});

test('SY-07 staff see which sites accept which keys', async () => {
  await edge.hello();
  const response = await cloud.app.inject({
    method: 'GET',
    url: '/staff/v1/document-keys',
    headers: { authorization: `Bearer ${cloud.staffToken}` },
  });
  expect(response.json()).toMatchObject({ serial: 1, keys: [{ left_at: null, not_accepted_by: [] }] });
  expect(response.json().sites_without_keys).toContain(stage.siteId);
});

describe('SY-05 after a hello both sides know the same', () => {
  test('what is open is sent at once', async () => {
    await put('{ "a": 1 }');
    await edge.take('document');
    await hear();
    await edge.take('document');
  });

  test('a site that has lost what it had gets it again', async () => {
    const text = '{ "a": 1 }';
    await put(text);
    await edge.take('document');
    await report(1, text, 'active');
    await hear({ documentKind: 'site', version: 1, digest: sha256(text) });
    expect([await standing(), edge.heard('document')]).toEqual(['1 active', 1]);
    await hear();
    await edge.take('document');
    expect(await standing()).toBe('1 open');
  });

  test('a hello tells what is in force, also what was made on site', async () => {
    const digest = sha256('x');
    await edge.publish('hello', {
      v: 1,
      siteId: stage.siteId,
      connectionEpoch: edge.connectionEpoch,
      storeEpoch: edge.storeEpoch,
      software: 'test',
      at: edge.stamp(),
      streams: [],
      runningSessions: [],
      documents: [{ documentKind: 'tariffs', version: 3, digest }],
    });
    await edge.take('welcome');
    await expect
      .poll(async () => (await known()).in_force)
      .toMatchObject([{ document_kind: 'tariffs', version: 3, digest }]);
  });
});

describe('XC-04 XC-08 what is not good does not go out', () => {
  const schedule = (change: object = {}) => ({
    version: 4,
    currency: 'CNY',
    bounds: { leastPriceE4: 1000, mostPriceE4: 30_000 },
    tariffs: [{ from: '2026-01-01T00:00:00+08:00', until: null, tariff: exampleTariff }],
    ...change,
  });

  test('a good schedule goes out under the version that it states', async () => {
    expect((await put(JSON.stringify(schedule()), 'tariffs')).body).toMatchObject({ version: 4, status: 'open' });
    expect((await edge.take('document')).version).toBe(4);
    const older = JSON.stringify({ ...schedule({ version: 3 }) });
    expect(await put(older, 'tariffs')).toMatchObject({
      status: 409,
      body: { detail: 'version 4 is known; the next is 5' },
    });
  });

  test.each<[string, string, string]>([
    ['no JSON', '{ "version": ', '#/text'],
    ['an unknown key', JSON.stringify(schedule({ bound: 1 })), '#/text/bound'],
    ['an absurd price', JSON.stringify(schedule({ bounds: { leastPriceE4: 1, mostPriceE4: 2 } })), '#/text/tariffs/0'],
  ])('%s is refused with its path', async (_, text, pointer) => {
    const { status, body } = await put(text, 'tariffs');
    expect(status).toBe(400);
    expect(body.errors.map((error: { pointer: string }) => error.pointer).join()).toContain(pointer);
    expect((await known()).documents).toEqual([]);
  });

  test('a site that does not exist, and a document that is too large', async () => {
    const response = await cloud.app.inject({
      method: 'POST',
      url: '/staff/v1/sites/nowhere/documents',
      headers: { authorization: `Bearer ${cloud.staffToken}`, 'content-type': 'application/json' },
      payload: JSON.stringify({ document_kind: 'site', text: '{}', requested_by: 'x' }),
    });
    expect(response.statusCode).toBe(404);
    expect((await put(`{ "a": "${'x'.repeat(600_000)}" }`)).status).toBe(400);
  });
});
