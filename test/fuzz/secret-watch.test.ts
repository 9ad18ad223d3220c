import { beforeEach, expect, test } from 'vitest';
import { SecretWatch } from './secret-watch.ts';

const ORDER = '7b3f0a52-7a64-4a0f-9a2e-0a5c8c1f4f10';
let watch: SecretWatch;
beforeEach(() => {
  watch = new SecretWatch();
});

test('a secret is told once: whoever tells it again, wherever in a body, is found out', () => {
  const told = { key_id: 'pk_1', secret: 'whsec_abcdefghijkl', recovery_codes: ['aaaaa-bbbbb-ccccc'] };
  expect(watch.complaints('p', 'POST /keys', JSON.stringify(told))).toEqual([]);
  watch.learn('p', { made: [told] });
  expect(watch.complaints('p', 'GET /keys', JSON.stringify({ a: { b: told.secret } }))).toEqual(['tells a secret']);
  expect(watch.complaints(null, 'GET /x', 'no such code: aaaaa-bbbbb-ccccc')).toEqual(['tells a secret']);
});

test('an id of one partner is not told to another, and may be told to itself and to staff', () => {
  watch.learn('one', { order_id: ORDER });
  const listed = JSON.stringify({ orders: [{ order_id: ORDER }] });
  expect(watch.complaints('other', 'GET /v1/orders', listed)).toEqual(['tells what belongs to another partner']);
  expect(watch.complaints('one', 'GET /v1/orders', listed)).toEqual([]);
  expect(watch.complaints(null, 'GET /staff/v1/exceptions', listed)).toEqual([]);
});

test('what is only read is learnt as no secret', () => {
  watch.learn(null, { detail: { confirmation: ORDER } }, 'ids');
  expect(watch.complaints(null, 'GET /staff/v1/audit', ORDER)).toEqual([]);
});

test('what a caller has said itself may come back', () => {
  watch.learn('one', { order_id: ORDER, token: 'pgs_0123456789ab' });
  expect(watch.complaints('other', `GET /v1/orders/${ORDER}`, `no order ${ORDER}`)).toEqual([]);
  expect(watch.complaints(null, 'name pgs_0123456789ab', 'name pgs_0123456789ab')).toEqual([]);
});

test('an address that names an id of another partner is seen', () => {
  watch.learn('one', { order_id: ORDER });
  expect(watch.isForeign('other', `/v1/orders/${ORDER}`)).toBe(true);
  expect([watch.isForeign('one', `/v1/orders/${ORDER}`), watch.isForeign(null, `/v1/orders/${ORDER}`)]).toEqual([
    false,
    false,
  ]);
  expect(watch.isForeign('other', '/v1/orders/7b3f0a52-0000-4a0f-9a2e-0a5c8c1f4f10')).toBe(false);
});

test('a secret may come back to whoever repeats the request that told it, and to nobody else', () => {
  const asked = 'POST /v1/webhook-endpoints {"request_id":"r-1"}';
  const told = { secret: 'whsec_abcdefghijkl' };
  const text = JSON.stringify(told);
  watch.learn('p', told, 'ids and secrets', asked);
  expect(watch.complaints('p', asked, text)).toEqual([]);
  expect(watch.complaints('p', asked.replace('r-1', 'r-2'), text)).toEqual(['tells a secret']);
  expect(watch.complaints('other', asked, text)).toEqual(['tells a secret']);
  watch.learn('p', { secret: 'whsec_mnopqrstuvwx' }, 'ids and secrets', 'POST /v1/x {}');
  expect(watch.complaints('p', 'POST /v1/x {}', 'whsec_mnopqrstuvwx')).toEqual(['tells a secret']);
});
