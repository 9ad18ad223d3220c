import { afterAll, beforeAll, expect, test } from 'vitest';
import { errorCatalogue } from '#shared/errors.ts';
import { readinessOf } from './readiness.ts';
import { exampleTariff, type Stage, setTheStage } from './testing/fixtures.ts';
import { startTestCloud, type TestCloud } from './testing/test-cloud.ts';

let cloud: TestCloud;
let stage: Stage;

beforeAll(async () => {
  cloud = await startTestCloud();
  stage = await setTheStage(cloud, { name: 'app', connectors: 3 });
});
afterAll(() => cloud?.stop());

const staff = (path: string, payload: string, headers: Record<string, string> = {}) =>
  cloud.app.inject({
    method: 'POST',
    url: path,
    headers: { authorization: `Bearer ${cloud.staffToken}`, 'content-type': 'application/json', ...headers },
    payload,
  });

test('XC-08 OP-22 bad input gets a problem that names every bad field', async () => {
  const answer = await stage.partner.call('POST', '/v1/operations/start', { request_id: 'a b', conector_id: 'typo' });
  expect(answer.status).toBe(400);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  expect(answer.body).toMatchObject({
    type: '/errors/request.invalid',
    title: errorCatalogue['request.invalid'].en,
    title_zh: errorCatalogue['request.invalid'].zh,
    what_to_do: errorCatalogue['request.invalid'].doEn,
    what_to_do_zh: errorCatalogue['request.invalid'].doZh,
    code: 'request.invalid',
    fault: 'caller',
    status: 400,
    request_id: 'a b',
  });
  expect(answer.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual(
    expect.arrayContaining(['#/request_id', '#/connector_id']),
  );
});

test('XC-08 OP-22 a field that nobody knows is named by its pointer, and what is wrong as a whole by that of the whole', async () => {
  const start = async (body: unknown) => {
    const answer = await stage.partner.call('POST', '/v1/operations/start', body as object);
    return (answer.body.errors ?? []).map((error: { pointer: string }) => error.pointer).sort();
  };
  const good = { request_id: 'p-1', connector_id: stage.connectorIds[0] };
  expect(await start({ ...good, colour: 'red', limits: { energy_wh: 1, depth: 2 } })).toEqual([
    '#/colour',
    '#/limits/depth',
  ]);
  expect(await start({ ...good, 'a/b~c d': 1 })).toEqual(['#/a~1b~0c%20d']);
  expect(await start([])).toEqual(['#']);
  const many = Object.fromEntries(Array.from({ length: 900 }, (_, n) => [`k${n}`, n]));
  expect(await start({ ...good, ...many })).toHaveLength(50);
  const query = await stage.partner.call('GET', '/v1/stations?colour=red');
  expect(query.body.errors).toMatchObject([{ pointer: '#/colour' }]);
});

test('OP-08 whoever takes a minute to send a request holds no connection any longer', () => {
  expect(cloud.app.server.requestTimeout).toBe(60_000);
});

test('XC-08 what is not JSON, too large, elsewhere or by another method says so', async () => {
  const cases: [Promise<{ statusCode: number; json(): { code: string } }>, number, string][] = [
    [staff('/staff/v1/partners', '{"a":'), 400, 'request.not_json'],
    [staff('/staff/v1/partners', ''), 400, 'request.invalid'],
    [staff('/staff/v1/partners', JSON.stringify({ name: 'x'.repeat(70_000) })), 413, 'request.too_large'],
    [staff('/staff/v1/partners', '<a/>', { 'content-type': 'text/xml' }), 415, 'request.method'],
    [cloud.app.inject('/v1/nothing'), 404, 'request.not_found'],
    [cloud.app.inject({ method: 'PUT', url: '/v1/operations/start' }), 405, 'request.method'],
    [cloud.app.inject('/v1/stations/%zz'), 400, 'request.invalid'],
  ];
  for (const [request, status, code] of cases) {
    const response = await request;
    expect([response.statusCode, response.json().code]).toEqual([status, code]);
  }
  const wrongMethod = await cloud.app.inject({ method: 'PUT', url: '/v1/operations/start' });
  expect(wrongMethod.headers.allow).toContain('POST');
});

test('XC-08 every answer tells the id that the log has of it, also where the address is refused before anything is looked up', async () => {
  const targets = [
    '/healthz',
    '/v1/nothing',
    '/v1/stations/%zz',
    '/v1/stations/%00',
    `/v1/stations/${'a'.repeat(300)}`,
  ];
  for (const target of targets) {
    const { headers } = await cloud.app.inject(target);
    expect(headers['pilegate-correlation'], target.slice(0, 20)).toMatch(/.\/req-/);
  }
});

test('XC-08 a cursor that was not given here is refused', async () => {
  for (const cursor of ['x', 'WzEsIngiXQ!', Buffer.from('[1]').toString('base64url')]) {
    expect(await stage.partner.call('GET', `/v1/orders?cursor=${cursor}`)).toMatchObject({
      status: 400,
      body: { code: 'request.invalid' },
    });
  }
  const notUuid = Buffer.from('[1,"x"]').toString('base64url');
  expect((await stage.partner.call('GET', `/v1/orders?cursor=${notUuid}`)).status).toBe(400);
  expect((await stage.partner.call('GET', '/v1/orders?limit=0')).status).toBe(400);
  expect((await stage.partner.call('GET', '/v1/orders/not-a-uuid')).status).toBe(400);
});

test('a failure of ours is told without its inside', async () => {
  const { db } = cloud.context;
  const broken = {
    ...cloud.context,
    db: new Proxy(db, {
      get: () => {
        throw new Error('secret table name');
      },
    }),
  };
  const { buildApp } = await import('./app.ts');
  const app = await buildApp({
    context: broken,
    staffToken: 't',
    publicUrl: null,
    readiness: () => readinessOf(broken, null),
  });
  const response = await app.inject({ url: '/staff/v1/alarms', headers: { authorization: 'Bearer t' } });
  expect(response.statusCode).toBe(500);
  expect(response.json()).toMatchObject({ code: 'platform.internal', fault: 'platform' });
  expect(response.body).not.toContain('secret');
  expect((await app.inject('/readyz')).statusCode).toBe(503);
  await app.close();
});

test('XC-04 a version of a tariff never changes', async () => {
  const same = { site_ids: [stage.siteId], tariff: exampleTariff };
  expect((await staff('/staff/v1/tariffs', JSON.stringify(same))).statusCode).toBe(201);
  const changed = { ...same, tariff: { ...exampleTariff, currency: 'EUR' } };
  expect((await staff('/staff/v1/tariffs', JSON.stringify(changed))).json()).toMatchObject({ status: 409 });
  const gap = { ...same, tariff: { ...exampleTariff, version: 2, bands: exampleTariff.bands.slice(1) } };
  const refused = await staff('/staff/v1/tariffs', JSON.stringify(gap));
  expect(refused.json()).toMatchObject({ status: 400, errors: [{ pointer: '#/tariff/bands/0/startMinute' }] });
});

test('a site, a connector or a partner is created once', async () => {
  const site = {
    site_id: 'another-site',
    name: 'x',
    environment: 'live',
    timezone: 'Asia/Shanghai',
    connectors: [{ connector_id: stage.connectorIds[0], pile_id: 'p', model: 'm', max_power_w: 1 }],
  };
  expect((await staff('/staff/v1/sites', JSON.stringify(site))).statusCode).toBe(409);
  expect((await staff('/staff/v1/sites', JSON.stringify({ ...site, site_id: stage.siteId }))).statusCode).toBe(409);
  expect(
    (await staff('/staff/v1/partners', JSON.stringify({ partner_id: stage.partnerId, name: 'x' }))).statusCode,
  ).toBe(409);
  expect((await staff('/staff/v1/sites', JSON.stringify({ ...site, timezone: 'Mars/Base' }))).statusCode).toBe(400);
});

test('OP-23 the API describes itself from its own schemas, errors included', async () => {
  const document = (await cloud.app.inject('/openapi.json')).json();
  expect(document.openapi).toBe('3.1.0');
  expect(document.info.description).toContain('Pilegate-Signature');
  const start = document.paths['/v1/operations/start'].post;
  expect(start.requestBody.content['application/json'].schema.required).toEqual(['request_id', 'connector_id']);
  expect(Object.keys(start.responses)).toEqual(
    expect.arrayContaining(['202', '400', '401', '403', '404', '409', '413', '422', '503']),
  );
  expect(start.responses[409].description).toContain('connector.occupied');
  expect(start.responses[409].content['application/problem+json'].schema).toEqual({
    $ref: '#/components/schemas/Problem',
  });
  expect(start.security).toEqual([{ key: ['control'], timestamp: [], nonce: [], signature: [] }]);
  expect(Object.keys(document.paths).filter((path) => path.startsWith('/staff'))).toEqual([]);
  const undocumented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.values(methods as Record<string, { responses: object }>)
      .filter((one) => path.startsWith('/v1') && !('401' in one.responses))
      .map(() => path),
  );
  expect(undocumented).toEqual([]);
});

test('OP-23 what a document refers to is in it, and nothing else: partners read nothing of the side of staff', async () => {
  const documents = [(await cloud.app.inject('/openapi.json')).json(), cloud.app.describeStaffApi()];
  for (const document of documents) {
    const names = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name = '']) => name,
    );
    expect(names.length).toBeGreaterThan(10);
    // A schema that contains itself is referred to under a name that is not there.
    expect(names.filter((name) => !(name in document.components.schemas))).toEqual([]);
    expect(Object.keys(document.components.schemas).filter((name) => !names.includes(name))).toEqual([]);
  }
});

test('OP-23 the page about the API works without the internet', async () => {
  const page = await cloud.app.inject('/docs/');
  expect(page.statusCode).toBe(200);
  expect(page.body).not.toMatch(/(src|href)="https?:/);
});
