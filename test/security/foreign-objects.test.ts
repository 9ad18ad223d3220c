import { afterAll, beforeEach, expect, test } from 'vitest';
import { createApplicant, examplePdf, exampleRegistration } from '../../cloud/testing/applicant.ts';
import { type ChargingSite, openChargingSite } from '../../cloud/testing/charging-site.ts';
import { type Stage, setTheStage, staffPost } from '../../cloud/testing/fixtures.ts';
import { type Answer, createPartnerClient, type PartnerClient } from '../../cloud/testing/partner-client.ts';
import { createTestClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { everyOperation, filled, idsInBody, placesOf } from './described.ts';

/**
 * OWASP API1:2023, broken object level authorization. Each object of somebody else, asked for by each route that has a place for it, is answered
 * exactly as one that there is not: who asks learns nothing, not even that it exists.
 */

const clock = createTestClock();
const EVERYTHING = ['read', 'control', 'orders', 'settlement', 'keys'];
let cloud: TestCloud;
/** Whose things they are: of the sandbox, and of the live environment. */
let victim: ChargingSite;
let live: Stage;
/** Who asks for them: another partner, and the victim itself by a live key. */
let askers: { name: string; client: PartnerClient }[] | undefined;
const everyAsker = () => askers ?? [];
/** What the victim has, by the names that places and fields have. */
const foreign = new Map<string, string>();

/** What there is not, in the form of what there is. */
const unknown: Readonly<Record<string, string>> = {
  order_id: '00000000-0000-4000-8000-000000000001',
  operation_id: '00000000-0000-4000-8000-000000000002',
  reservation_id: '00000000-0000-4000-8000-000000000004',
  endpoint_id: `we_${'0'.repeat(32)}`,
  delivery_id: 'wd_999999999',
  event_id: `msg_${'0'.repeat(32)}`,
  key_id: 'pk_sandbox_000000000000000000000000',
  site_id: 'no-such-site',
  pile_id: 'no-such-pile',
  connector_id: 'no-such-connector',
  tariff_id: 'no-such-tariff',
  code: 'NO-SUCH-CODE',
};
/** Places that name nothing that belongs to somebody. */
const SHARED = new Set(['version', 'currency', 'document_kind']);
/** Needs a pile that is simulated: the folder of the sandbox asks for one of somebody else itself. */
const isElsewhere = ({ path }: { path: string }) => path.startsWith('/v1/sandbox/');

const keyFor = async (partnerId: string, environment: 'sandbox' | 'live') =>
  staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${partnerId}/keys`, { environment, scopes: EVERYTHING });

beforeEach(async () => {
  if (askers !== undefined) return;
  cloud = await startTestCloud({ clock });
  victim = await openChargingSite(cloud, 'victim');
  live = await setTheStage(cloud, { name: 'live', environment: 'live', tariff: null });
  const other = await setTheStage(cloud, { name: 'other', tariff: null });
  const { partnerId, siteId } = victim.stage;
  // The victim's station is for the victim alone.
  for (const id of [other.partnerId, live.partnerId])
    await staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${id}/access`, NO_STATIONS);
  const started = (await victim.start()).body;
  await victim.begin(await victim.takeStart());
  const [, second = ''] = victim.stage.connectorIds;
  await victim.plugIn(second, { status: 'available', plugged: false });
  const until = new Date(clock.wallMs() + 1_800_000).toISOString();
  const wish = { request_id: 'mine', connector_id: second, until };
  const reserved = (await victim.stage.partner.call('POST', '/v1/operations/reserve', wish)).body;
  const key = await keyFor(partnerId, 'sandbox');
  const own = createPartnerClient(cloud.app, clock, key);
  const endpoint = (await own.call('POST', '/v1/webhook-endpoints', { url: 'https://8.8.8.8/hook' })).body;
  await own.call('POST', `/v1/webhook-endpoints/${endpoint.endpoint_id}/test`);
  const delivery = (await own.call('GET', '/v1/webhook-deliveries')).body.deliveries[0];
  for (const [name, id] of Object.entries({
    order_id: started.order_id,
    operation_id: started.operation_id,
    reservation_id: reserved.reservation_id,
    endpoint_id: endpoint.endpoint_id,
    delivery_id: delivery.delivery_id,
    event_id: delivery.event_id ?? delivery.webhook_id,
    key_id: key.key_id,
    site_id: siteId,
    pile_id: `${victim.connectorId()}-pile`,
    connector_id: victim.connectorId(),
    tariff_id: 'example',
    code: (await own.call('GET', `/v1/connectors/${victim.connectorId()}`)).body.pile_code ?? victim.connectorId(),
  })) {
    if (typeof id !== 'string') throw new Error(`the victim has no ${name}`);
    foreign.set(name, id);
  }
  askers = [
    {
      name: 'another partner',
      client: createPartnerClient(cloud.app, clock, await keyFor(other.partnerId, 'sandbox')),
    },
    {
      name: 'the same partner, by a live key',
      client: createPartnerClient(cloud.app, clock, await keyFor(partnerId, 'live')),
    },
  ];
});
afterAll(async () => {
  await victim?.edge.close();
  await cloud?.stop();
});

const NO_STATIONS = { environment: 'sandbox', stations: 'listed', site_ids: [], reason: 'its own alone' };

/** What an answer tells, without the ids that were asked for and those of the request itself. */
function told({ status, headers, body }: Answer, ids: readonly string[]): string {
  const plain = (text: string) => ids.filter((id) => id !== '').reduce((rest, id) => rest.replaceAll(id, 'ID'), text);
  const said = typeof body === 'object' && body !== null ? { ...body, request_id: undefined } : body;
  return plain(JSON.stringify([status, headers['content-type'], headers['retry-after'] ?? null, said]));
}

/** A body that is good but for what it names. */
const bodyOf = (named: Readonly<Record<string, string>>, requestId: string): object => ({
  request_id: requestId,
  ...named,
  reason: 'found',
  overlap_s: 3600,
  hold_minor: 100_000,
});

let requests = 0;

test('API1:2023 OP-22 what belongs to somebody else is answered as what there is not, by every route with a place for it', async () => {
  const routes = everyOperation(cloud.app).filter(({ door }) => door === 'partner');
  const withPlaces = routes.filter((route) => !isElsewhere(route) && placesOf(route).some((name) => !SHARED.has(name)));
  expect(withPlaces.length).toBeGreaterThan(12);
  const missing = withPlaces.flatMap(placesOf).filter((name) => !SHARED.has(name) && unknown[name] === undefined);
  expect(missing, 'a new kind of thing needs one of somebody else here').toEqual([]);
  for (const { name, client } of everyAsker())
    for (const route of withPlaces) {
      const ask = (ids: (place: string) => string | undefined) =>
        client.call(
          route.method as 'GET',
          filled(route.path, (place) => ids(place) ?? (place === 'currency' ? 'CNY' : '1')),
          route.body === null ? undefined : onlyKnown(route.body, bodyOf({}, `r-${++requests}`)),
        );
      const [theirs, nobodys] = [await ask((place) => foreign.get(place)), await ask((place) => unknown[place])];
      const ids = [...foreign.values(), ...Object.values(unknown)];
      expect(told(theirs, ids), `${name}: ${route.method} ${route.path}`).toBe(told(nobodys, ids));
      expect(theirs.status, `${name}: ${route.method} ${route.path}`).toBe(404);
    }
});

test('API1:2023 OP-22 nor does what a body or a query names make a difference', async () => {
  const routes = everyOperation(cloud.app).filter(({ door }) => door === 'partner');
  const named = routes.flatMap((route) => idsInBody(route).map(([field]) => ({ route, field })));
  expect(named.map(({ field }) => field)).toEqual(expect.arrayContaining(['connector_id', 'order_id']));
  for (const { name, client } of everyAsker()) {
    for (const { route, field } of named.filter(({ route: { path } }) => !path.includes('{'))) {
      expect([foreign.has(field), unknown[field] !== undefined], field).toEqual([true, true]);
      const send = (id: string) =>
        client.call(
          route.method as 'POST',
          route.path,
          onlyKnown(route.body, bodyOf({ [field]: id }, `b-${++requests}`)),
        );
      const [theirs, nobodys] = [await send(foreign.get(field) ?? ''), await send(unknown[field] ?? '')];
      const ids = [foreign.get(field) ?? '', unknown[field] ?? '', `b-${requests}`, `b-${requests - 1}`];
      expect(told(theirs, ids), `${name}: ${route.path} ${field}`).toBe(told(nobodys, ids));
      expect(theirs.status).toBeGreaterThanOrEqual(400);
    }
    const queried = routes.flatMap((route) =>
      route.parameters
        .filter((one) => one.in === 'query' && foreign.has(one.name))
        .map((one) => ({ route, field: one.name })),
    );
    expect(queried.length).toBeGreaterThan(1);
    for (const { route, field } of queried.filter(({ route: { path } }) => !path.includes('{'))) {
      const ask = (id: string) => client.call('GET', `${route.path}?${field}=${id}`);
      const ids = [foreign.get(field) ?? '', unknown[field] ?? ''];
      const [theirs, nobodys] = [await ask(ids[0] ?? ''), await ask(ids[1] ?? '')];
      expect(told(theirs, ids), `${name}: ${route.path} ${field}`).toBe(told(nobodys, ids));
    }
  }
});

test('API1:2023 lists have nothing of somebody else in them, and nothing of the victim has changed', async () => {
  const routes = everyOperation(cloud.app).filter(
    ({ door, method, path }) => door === 'partner' && method === 'GET' && !path.includes('{'),
  );
  const secret = ['order_id', 'operation_id', 'endpoint_id', 'delivery_id', 'key_id', 'site_id', 'connector_id'];
  for (const { client } of everyAsker())
    for (const { path } of routes) {
      const { body } = await client.call('GET', path.endsWith('/operations') ? `${path}?request_id=r-1` : path);
      const text = JSON.stringify(body);
      for (const name of secret) expect(text, `${path} ${name}`).not.toContain(foreign.get(name));
    }
  const { body } = await victim.stage.partner.call('GET', `/v1/orders/${foreign.get('order_id')}`);
  expect(body.state).toBe('charging');
  const own = createPartnerClient(cloud.app, clock, victim.stage.key);
  expect((await own.call('GET', `/v1/webhook-endpoints/${foreign.get('endpoint_id')}`)).body.status).toBe('enabled');
});

test("API1:2023 another applicant's application and files are not there for somebody with a token of his own", async () => {
  const registration = { ...exampleRegistration, callback_url: 'https://8.8.8.8/' };
  const theirs = await createApplicant(cloud.app, registration);
  const { files } = (await theirs.upload(examplePdf, 'application/pdf')).body;
  const mine = await createApplicant(cloud.app, registration);
  const routes = everyOperation(cloud.app).filter(({ door }) => door === 'applicant');
  expect(routes.length).toBeGreaterThan(4);
  for (const { method, path } of routes) {
    const ask = async (applicationId: string, fileId: string) => {
      const url = filled(path, (name) => (name === 'file_id' ? fileId : applicationId));
      const response = await cloud.app.inject({
        method: method as 'GET',
        url: path.endsWith('/files') ? `${url}?purpose=other&name=x` : url,
        headers: { authorization: `Bearer ${mine.token}` },
      });
      return [response.statusCode, response.json().code, Object.keys(response.json()).sort()];
    };
    const none = await ask('pa_000000000000000000000000', '00000000-0000-4000-8000-000000000001');
    expect(await ask(theirs.applicationId, files[0].file_id), `${method} ${path}`).toEqual(none);
    expect(none[0]).toBe(404);
  }
  const ownPath = `/files/${files[0].file_id}`;
  expect((await mine.call('DELETE', ownPath)).status, 'a file of theirs under an application of mine').toBe(404);
});

const onlyKnown = (schema: { properties?: object } | null, body: object): object =>
  Object.fromEntries(Object.entries(body).filter(([name]) => name in (schema?.properties ?? {})));
