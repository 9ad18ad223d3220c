import { afterAll, beforeAll, expect, test } from 'vitest';
import { scopes } from '../../cloud/partners/caller.ts';
import { accountRoles, roleMay } from '../../cloud/staff/roles.ts';
import type { StaffRoute } from '../../cloud/staff/route-table.ts';
import { type Stage, setTheStage, staffPost } from '../../cloud/testing/fixtures.ts';
import { createPartnerClient } from '../../cloud/testing/partner-client.ts';
import { askAsStaff, StaffPerson } from '../../cloud/testing/staff-person.ts';
import { createTestClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { everyOperation, filled } from './described.ts';

/** OWASP API5:2023, broken function level authorization, and API2:2023, broken authentication: every route with every kind of credential. */

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;
let owner: StaffPerson;
let table: StaffRoute[];

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  stage = await setTheStage(cloud, { name: 'rights' });
});
afterAll(() => cloud?.stop());

const anything = (name: string): string => (name === 'version' ? '1' : name === 'currency' ? 'CNY' : 'x');

test('API5:2023 OP-06 of every route of partners it is described which scope it wants, and each key with one scope is let in by that alone', async () => {
  const routes = everyOperation(cloud.app).filter(({ path }) => path.startsWith('/v1/'));
  expect(routes.length).toBeGreaterThan(30);
  for (const scope of scopes) {
    const wish = { environment: 'sandbox', scopes: [scope] };
    const key = await staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${stage.partnerId}/keys`, wish);
    const client = createPartnerClient(cloud.app, clock, key);
    for (const route of routes) {
      expect(route.scopes.length, `${route.method} ${route.path} wants no scope`).toBeGreaterThan(0);
      const path = filled(route.path, anything);
      const { body } = await client.call(route.method as 'GET', path, route.body === null ? undefined : {});
      expect(body?.code === 'auth.forbidden', `${scope}: ${route.method} ${route.path}`).toBe(
        !route.scopes.includes(scope),
      );
    }
  }
});

test('API5:2023 OP-06 what moves energy or money wants the scope for it, and reading is not enough', () => {
  const changing = everyOperation(cloud.app).filter(({ path, method }) => path.startsWith('/v1/') && method !== 'GET');
  for (const { method, path, scopes: wanted } of changing)
    expect(wanted, `${method} ${path}`).toEqual([path.startsWith('/v1/keys') ? 'keys' : 'control']);
});

test('API2:2023 OP-07 without a credential, or with one for another door, no route lets anybody in', async () => {
  const open = new Set([
    '/healthz',
    '/readyz',
    '/metrics',
    '/errors',
    '/errors/{code}',
    '/fault-codes',
    '/fault-codes/{code}',
    '/onboarding/v1/applications',
    '/site/v1/claims',
  ]);
  open.add('/staff/v1/sessions').add('/staff/v1/invitations/begin').add('/staff/v1/invitations/finish');
  const routes = everyOperation(cloud.app);
  expect(
    routes
      .filter(({ door }) => door === 'open')
      .map(({ path }) => path)
      .filter((path) => !open.has(path)),
  ).toEqual([]);
  const staff = createPartnerClient(cloud.app, clock, stage.key);
  for (const { method, path, door } of routes.filter((route) => route.door !== 'open')) {
    const url = filled(path, anything);
    for (const headers of [
      {},
      { authorization: 'Bearer ' },
      { authorization: 'Basic eDp5' },
      { cookie: 'session=1' },
    ]) {
      const answer = await cloud.app.inject({ method: method as 'GET', url, headers });
      expect(answer.statusCode, `${method} ${path}`).toBe(401);
      expect(['auth.missing', 'auth.unknown_key']).toContain(answer.json().code);
    }
    if (door === 'staff') {
      const signed = await staff.call(method as 'GET', url);
      expect([signed.status, signed.body.code], `${method} ${path}`).toEqual([401, 'auth.missing']);
    }
    if (door === 'partner') {
      const headers = { authorization: `Bearer ${cloud.staffToken}` };
      const answer = await cloud.app.inject({ method: method as 'GET', url, headers });
      expect(answer.statusCode, `${method} ${path}`).toBe(401);
    }
  }
});

test('API5:2023 XC-01 every role is let in to every route of the staff that its table allows, and to no other', async () => {
  owner = await StaffPerson.firstOwner(cloud, clock, 'li-na');
  table = (await owner.ask('GET', '/actions')).body.routes;
  expect(table.length).toBeGreaterThan(50);
  // Whoever ends his own session has no other request.
  const guarded = table.filter(({ permission, path }) => permission !== 'none' && !path.includes('/sessions/'));
  for (const role of accountRoles) {
    const person = role === 'owner' ? owner : await owner.invite(`a-${role}`, role);
    const mine = (await person.ask('GET', '/actions')).body.routes as (StaffRoute & { allowed: boolean })[];
    for (const { method, path, permission } of guarded) {
      if (permission === 'none') continue;
      const url = path.replace('/staff/v1', '').replaceAll(/:([a-z_]+)/g, (_place, name: string) => anything(name));
      const body = method === 'GET' || method === 'DELETE' ? undefined : { nothing: 'of this kind' };
      const { body: told } = await person.ask(method, url, body);
      const may = roleMay(role, permission);
      expect(told?.code === 'staff.forbidden', `${role}: ${method} ${path}`).toBe(!may);
      expect(mine.find((route) => route.method === method && route.path === path)?.allowed).toBe(may);
    }
  }
  for (const { method, path } of guarded) {
    const url = path.replace('/staff/v1', '').replaceAll(/:[a-z_]+/g, 'x');
    const answer = await askAsStaff(cloud, { method, path: url, token: 'pgs_of-nobody' });
    expect([answer.status, answer.body.code]).toEqual([401, 'staff.session_over']);
  }
}, 120_000);
