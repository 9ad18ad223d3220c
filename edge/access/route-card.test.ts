import { expect, test } from 'vitest';
import { routeCard, type Standing } from './route-card.ts';

const at = (connectorId: string, is: Standing['is'], owner?: string): Standing => ({
  connectorId,
  is,
  charge: is === 'charging' || owner !== undefined ? chargeOf(connectorId, owner) : null,
});
const chargeOf = (connectorId: string, owner: string | undefined) => ({
  requestId: `charge at ${connectorId}`,
  startedBy: owner === undefined ? null : { kind: 'card' as const, reference: owner },
});

const meaning = (connectors: readonly Standing[], endsAnyAt: readonly string[] = []): string => {
  const route = routeCard('own', new Set(endsAnyAt), connectors);
  return route.kind === 'denied' ? route.code : `${route.kind} at ${route.connectorId}`;
};

test.each<[string, Standing[], string]>([
  ['the only one that waits', [at('A', 'waiting'), at('B', 'unplugged')], 'begin at A'],
  ['the one that waits beside a charge of others', [at('A', 'charging', 'other'), at('B', 'waiting')], 'begin at B'],
  ['its own charge, though another vehicle waits', [at('A', 'charging', 'own'), at('B', 'waiting')], 'end at A'],
  ['its own charge among others', [at('A', 'charging', 'other'), at('B', 'charging', 'own')], 'end at B'],
  ['one of two that wait', [at('A', 'waiting'), at('B', 'waiting')], 'access.several_waiting'],
  ['the one of two that may begin', [at('A', 'held'), at('B', 'waiting')], 'begin at B'],
  ['one that may not begin, which then says why', [at('A', 'held')], 'begin at A'],
  ['one of two charges of its own', [at('A', 'charging', 'own'), at('B', 'charging', 'own')], 'access.several_waiting'],
  ["somebody else's charge", [at('A', 'charging', 'other')], 'access.not_your_charge'],
  ['a charge of an order', [at('A', 'charging')], 'access.not_your_charge'],
  ['one that begins or ends', [at('A', 'busy', 'own')], 'connector.occupied'],
  [
    "its own that is ending, not the neighbour's car",
    [at('A', 'busy', 'own'), at('B', 'waiting')],
    'connector.occupied',
  ],
  ['nothing that is plugged in', [at('A', 'unplugged'), at('B', 'unseen')], 'connector.not_plugged'],
  ['nothing that answers', [at('A', 'unseen')], 'connector.offline'],
])('OP-17 ED-10 a card means %s', (_name, connectors, route) => {
  expect(meaning(connectors)).toBe(route);
});

test.each<[string, Standing[], string]>([
  ['ends a charge of others', [at('A', 'charging', 'other')], 'end at A'],
  ['ends a charge of an order', [at('A', 'charging')], 'end at A'],
  ['begins where somebody waits', [at('A', 'charging', 'other'), at('B', 'waiting')], 'begin at B'],
  ['does not choose among charges', [at('A', 'charging'), at('B', 'charging')], 'access.several_waiting'],
])("OP-17 a technician's card %s", (_name, connectors, route) => {
  expect(meaning(connectors, ['A', 'B'])).toBe(route);
});

test("OP-17 a technician's card that is for some connectors ends charges of others there, and nowhere else", () => {
  const both = [at('A', 'charging', 'other'), at('B', 'charging', 'other')];
  expect(meaning(both, ['B'])).toBe('end at B');
  expect(meaning(both.slice(0, 1), ['B'])).toBe('access.not_your_charge');
});
