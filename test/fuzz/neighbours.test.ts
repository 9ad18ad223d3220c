import { expect, test } from 'vitest';
import { Dice } from '../sim/dice.ts';
import type { Operation } from './api-document.ts';
import { exactly, neighbourOf, PLANNED, plannedNeighbour } from './neighbours.ts';

const operation: Operation = {
  api: 'staff',
  method: 'POST',
  path: '/staff/v1/things/{thing_id}/move',
  door: 'staff',
  scopes: [],
  parameters: [{ in: 'query', name: 'limit', schema: { type: 'integer' } }],
  body: { type: 'object' },
  responses: {},
};
const wish = { path: { thing_id: 'a/b' }, query: { limit: 5 }, body: { to: { place: 'x' }, parts: [1, 2] } };

test('a wish goes as it is, and one that leaves out a place of the path does not go', () => {
  const drawn = exactly(operation, wish);
  expect(drawn.target).toBe('/staff/v1/things/a%2Fb/move?limit=5');
  expect(drawn.headers).toEqual({ 'content-type': 'application/json' });
  expect(JSON.parse(drawn.body.toString())).toEqual(wish.body);
  expect(() => exactly(operation, { body: {} })).toThrow('thing_id');
});

test('a neighbour differs from the wish in one thing: a place, a query, a field however deep, one too many, or the text', () => {
  const good = exactly(operation, wish);
  const dice = new Dice(1, 'neighbours');
  const all = Array.from({ length: 300 }, () => neighbourOf(operation, wish, dice));
  const ofTarget = all.filter(({ target }) => target !== good.target);
  const ofBody = all.filter(({ body }) => !body.equals(good.body));
  expect(ofTarget.length).toBeGreaterThan(30);
  expect(ofBody.length).toBeGreaterThan(100);
  expect(all.filter((one) => ofTarget.includes(one) && ofBody.includes(one))).toEqual([]);
  expect(all.filter(({ hasUnknownField }) => hasUnknownField).length).toBeGreaterThan(10);
  const deep = ofBody.map(({ document }) => document as typeof wish.body | undefined).filter((one) => one?.to);
  expect(deep.some((one) => one?.to.place !== 'x')).toBe(true);
  expect(deep.some((one) => one !== undefined && JSON.stringify(one.parts) !== '[1,2]')).toBe(true);
  expect(wish.body).toEqual({ to: { place: 'x' }, parts: [1, 2] });
});

test('what is planned changes every free text, or every number, and nothing where there is none', () => {
  const body = { reason: 'fuzz', parts: [{ note: 'fuzz', n: 1 }], id: 'a' };
  const changed = Array.from(
    { length: PLANNED },
    (_, number) => plannedNeighbour(operation, { ...wish, body }, number)?.document,
  );
  expect(changed).toMatchObject([
    { reason: 'fu\u0000zz', parts: [{ note: 'fu\u0000zz', n: 1 }], id: 'a' },
    { reason: 'ß'.repeat(220), parts: [{ note: 'ß'.repeat(220), n: 1 }], id: 'a' },
    { reason: 'fuzz', parts: [{ note: 'fuzz', n: 2 ** 53 - 1 }], id: 'a' },
  ]);
  expect(plannedNeighbour(operation, { ...wish, body: { id: 'a' } }, 0)).toBeNull();
  expect(plannedNeighbour(operation, { path: wish.path }, 0)).toBeNull();
});
