import { expect, test } from 'vitest';
import { problemOf } from '../../cloud/http/problem.ts';
import { type ApiDocument, operationsOf } from './api-document.ts';
import type { Drawn } from './draw-request.ts';
import { Judge } from './judge-answer.ts';
import type { Answered } from './send.ts';

const json = (schema: object) => ({ content: { 'application/json': { schema } } });
const problem = { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } };
const strict = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false };
const document: ApiDocument = {
  paths: {
    '/v1/things/{id}': {
      post: {
        requestBody: json(strict),
        responses: { 200: json(strict), 204: {}, 400: problem, 429: problem, 503: problem },
      },
    },
  },
  components: { schemas: { Problem: { type: 'object', required: ['code', 'status'] } } },
};
const judge = new Judge({ api: document });
const [operation] = operationsOf('api', document);
if (operation === undefined) throw new Error('nothing is described');

const drawn: Drawn = {
  operation,
  method: 'POST',
  target: '/v1/things/1',
  headers: {},
  body: Buffer.from('{"a":1}'),
  document: { a: 1 },
  isAsDescribed: true,
  hasUnknownField: false,
};
const answer = (status: number, body: object | null, change: Partial<Answered> = {}): Answered => ({
  status,
  headers: {
    'content-type': status < 400 ? 'application/json' : 'application/problem+json',
    'retry-after': '1',
    'pilegate-correlation': 'p/1',
  },
  body: Buffer.from(body === null ? '' : JSON.stringify(body)),
  elapsedMs: 1,
  ...change,
});
const refusal = (code: Parameters<typeof problemOf>[0]['code']) => {
  const told = problemOf({ code, detail: 'd' });
  return answer(told.status, told);
};
const judged = (one: Answered, change: Partial<Drawn> = {}) => judge.judge({ ...drawn, ...change }, one).join();

test('what is answered as it is described, and what is refused as it should be, is left alone', () => {
  for (const one of [
    answer(200, { a: 2 }),
    answer(204, null),
    refusal('request.invalid'),
    refusal('platform.unavailable'),
  ])
    expect(judged(one)).toBe('');
});

test('each thing that an answer must not be is seen', () => {
  const { headers, ...internal } = refusal('platform.internal');
  expect(judged({ ...internal, headers })).toContain('answers 500');
  expect(judged({ ...refusal('platform.unavailable'), headers })).not.toContain('Retry-After');
  const withoutWait = { 'content-type': 'application/problem+json', 'pilegate-correlation': 'p/1' };
  expect(judged({ ...refusal('platform.unavailable'), headers: withoutWait })).toContain('answers 503');
  expect(judged({ ...refusal('request.too_many'), headers: withoutWait })).toContain('no Retry-After');
  expect(judged(answer(200, { a: 2 }, { elapsedMs: 5_001 }))).toContain('after more than 5000 ms');
  expect(judged(answer(200, { a: 2 }, { headers: { 'content-type': 'application/json' } }))).toContain('Correlation');
  expect(judged(answer(200, { a: 'x' }))).toContain('otherwise than declared');
  expect(judged(answer(200, { a: 1, more: 1 }))).toContain('otherwise than declared');
  expect(judged(answer(201, { a: 1 }))).toContain('201, which is not declared');
  expect(judged(refusal('order.unknown'))).toContain('404, which is not declared');
  expect(judged(answer(400, { message: 'no' }))).toContain('half a problem');
  expect(judged(answer(400, { code: 'request.odd', status: 400 }))).toContain('of no catalogue');
  expect(judged(answer(400, { code: 'order.unknown', status: 404 }))).toContain('says 404');
  expect(judged(answer(400, { code: 'request.invalid', status: 400, detail: 'Error\n    at handler' }))).toContain(
    'inside',
  );
  expect(judged(answer(204, { a: 1 }))).toContain('a body that is not declared');
});

test('what is taken and should have been refused is seen', () => {
  expect(judged(answer(200, { a: 2 }), { document: { a: 'x' } })).toContain('its own document refuses');
  expect(judged(answer(200, { a: 2 }), { hasUnknownField: true })).toContain('nobody knows');
  expect(judged(refusal('order.unknown'), { isAsDescribed: false })).toBe('');
});
