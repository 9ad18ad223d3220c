import { expect, test } from 'vitest';
import { readSite } from '../config/site.ts';
import { richSite } from '../config/testing-broken-sites.ts';
import { expectedOf, judgeTrial, TRIAL_AT_LEAST_MS, TRIAL_AT_MOST_MS } from './site-trial.ts';

const siteOf = (change: object = {}) =>
  readSite(JSON.stringify({ ...richSite, ...change }), 'site.json', 'site.json').site;
const former = siteOf();
const before = { lineIds: ['rtu1', 'box2'], connectorIds: ['EAST-A1'], isLinkUp: true };
const all = {
  openLineIds: new Set(['rtu1', 'rtu2', 'box2', 'gate']),
  answeringIds: new Set(['EAST-A1', 'EAST-B1']),
  isLinkUp: true,
};
const nothing = { openLineIds: new Set<string>(), answeringIds: new Set<string>(), isLinkUp: false };

test('ED-15 what worked before has to work again; what was broken before may stay so', () => {
  expect(expectedOf(before, former, siteOf())).toEqual({
    lineIds: ['rtu1', 'box2'],
    connectorIds: ['EAST-A1'],
    isLinkUp: true,
  });
});

test('ED-15 a line that is changed or new has to open, unless nobody asks anything on it; a recording is no change', () => {
  const [rtu1, rtu2, box2, gate] = richSite.lines;
  const lines = [
    { ...rtu1, frameLog: undefined },
    rtu2,
    box2,
    { ...gate, port: 4197 },
    { ...box2, lineId: 'box3', port: 503 },
  ];
  expect(expectedOf(null, former, siteOf({ lines })).lineIds).toEqual(['gate']);
  const [a1, b1] = richSite.piles;
  const piles = [a1, { ...b1, lineId: 'box3' }];
  expect(expectedOf(null, former, siteOf({ lines, piles })).lineIds).toEqual(['gate', 'box3']);
});

test('ED-15 what is no longer part of the site is not missed', () => {
  const { piles, power: _power, io: _io, parking: _parking, meters, ...rest } = richSite;
  const without = readSite(JSON.stringify({ ...rest, piles: piles.slice(1), meters: meters.slice(1) }), 's', 's').site;
  expect(expectedOf(before, former, without).connectorIds).toEqual([]);
});

test('ED-15 a version is proven when everything is there, and watched for a while first', () => {
  const expected = expectedOf(before, former, siteOf());
  expect(judgeTrial(expected, all, TRIAL_AT_LEAST_MS - 1)).toEqual({ kind: 'going-on' });
  expect(judgeTrial(expected, all, TRIAL_AT_LEAST_MS)).toEqual({ kind: 'proven' });
});

test.each([
  ['a line', { ...all, openLineIds: new Set(['box2']) }, 'line rtu1 does not open'],
  ['a pile', { ...all, answeringIds: new Set<string>() }, 'EAST-A1 answered before, and does not'],
  ['the cloud', { ...all, isLinkUp: false }, 'the cloud was there before, and is not'],
])('ED-15 %s that does not come back in time: the version has failed', (_, health, reason) => {
  const expected = expectedOf(before, former, siteOf());
  expect(judgeTrial(expected, health, TRIAL_AT_MOST_MS - 1)).toEqual({ kind: 'going-on' });
  expect(judgeTrial(expected, health, TRIAL_AT_MOST_MS)).toEqual({ kind: 'failed', reason: `after 60 s: ${reason}` });
});

test('ED-15 a site of which nothing is known, and nothing new, needs only to stay up', () => {
  expect(judgeTrial(expectedOf(null, former, siteOf()), nothing, TRIAL_AT_LEAST_MS)).toEqual({ kind: 'proven' });
});
