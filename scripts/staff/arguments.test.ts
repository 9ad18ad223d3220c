import { expect, test } from 'vitest';
import { callOf, type Route, readWish } from './arguments.ts';

const routes: readonly Route[] = [
  { method: 'GET', path: '/staff/v1/alarms', action: null },
  { method: 'GET', path: '/staff/v1/audit', action: null },
  { method: 'GET', path: '/staff/v1/audit/verify', action: null },
  { method: 'GET', path: '/staff/v1/rollouts/:rollout_id', action: null },
  { method: 'GET', path: '/staff/v1/rollouts/summary', action: null },
  { method: 'GET', path: '/staff/v1/sites/:site_id/credentials', action: null },
  { method: 'POST', path: '/staff/v1/sites/:site_id/credentials/revoke', action: 'site.revoke' },
  { method: 'POST', path: '/staff/v1/maintenance', action: 'connector.maintain' },
  { method: 'DELETE', path: '/staff/v1/sessions/current', action: 'session.end' },
  { method: 'DELETE', path: '/staff/v1/sessions/all', action: 'session.end' },
];
const call = (...args: string[]) =>
  callOf(
    routes,
    readWish(args, (path) => `text of ${path}`),
  );

test('XC-01 an action takes the places of its address from the fields, and sends the rest', () => {
  expect(call('site.revoke', 'site_id=EAST/1', 'reason=it was stolen = gone')).toEqual({
    method: 'POST',
    path: '/staff/v1/sites/EAST%2F1/credentials/revoke',
    body: { reason: 'it was stolen = gone' },
  });
  expect(() => call('site.revoke', 'reason=x')).toThrow('site.revoke needs site_id=…');
  expect(() => call('site.revoke', 'EAST')).toThrow('"EAST" is no field');
});

test('XC-01 a field is text, JSON, or what is in a file', () => {
  const { body } = call('connector.maintain', 'a=12', 'b:=12', 'c:=["x"]', 'd=@notes', 'e=');
  expect(body).toEqual({ a: '12', b: 12, c: ['x'], d: 'text of notes', e: '' });
  expect(() => call('connector.maintain', 'a:={')).toThrow('a is no JSON');
});

test('XC-01 an action with several addresses is told apart by its last word', () => {
  expect(call('session.end', 'all')).toEqual({ method: 'DELETE', path: '/staff/v1/sessions/all', body: null });
  expect(() => call('session.end')).toThrow('say which: current, all');
});

test('XC-01 what can be read is named by the words of its address, with its query as fields', () => {
  expect(call('alarms', 'limit=5')).toEqual({ method: 'GET', path: '/staff/v1/alarms?limit=5', body: null });
  expect(call('audit', 'verify').path).toBe('/staff/v1/audit/verify');
  expect(call('sites', 'EAST', 'credentials').path).toBe('/staff/v1/sites/EAST/credentials');
  expect(call('rollouts/summary').path).toBe('/staff/v1/rollouts/summary');
  expect(call('rollouts', '7').path).toBe('/staff/v1/rollouts/7');
  for (const words of [['alarm'], ['audit', 'x', 'y'], ['site.unknown', 'a=b']])
    expect(() => call(...words)).toThrow('nothing is called');
});
