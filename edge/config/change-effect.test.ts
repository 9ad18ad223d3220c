import { describe, expect, test } from 'vitest';
import { describeDifference, differencesBetween } from '../documents/differences.ts';
import { describeObstacles, effectOf, obstaclesTo } from './change-effect.ts';
import { readSite, type SiteConfig } from './site.ts';
import { richSite } from './testing-broken-sites.ts';

type Rich = typeof richSite;
const siteOf = (document: object): SiteConfig => readSite(JSON.stringify(document), 'site.json', 'site.json').site;
const before = siteOf(richSite);

function changed(change: (site: Rich) => object) {
  const after = siteOf(change(structuredClone(richSite)));
  const changes = differencesBetween(before, after);
  const sites = { before, after };
  return {
    told: changes.map(describeDifference),
    effects: changes.map((one) => effectOf(one, sites).toSorted().join()),
    obstacles: (...charging: string[]) => obstaclesTo(changes, sites, new Set(charging)),
  };
}

const pile = (site: Rich, i: number, change: object) => ({
  ...site,
  piles: site.piles.map((one, p) => (p === i ? { ...one, ...change } : one)),
});
const line = (site: Rich, i: number, change: object) => ({
  ...site,
  lines: site.lines.map((one, l) => (l === i ? { ...one, ...change } : one)),
});

describe('ED-15 a difference is told by path, old and new', () => {
  test('nothing has changed, whatever the order of the keys', () => {
    expect(changed(({ siteId, ...site }) => ({ ...site, siteId })).told).toEqual([]);
  });

  test('members of lists go by their names, whatever their order', () => {
    const { told } = changed((site) => ({ ...pile(site, 1, { limitMa: 20_000 }), lines: site.lines.toReversed() }));
    expect(told).toEqual(['piles[B1].limitMa: 32000 → 20000']);
  });

  test('what is new and what is gone', () => {
    const { told } = changed(({ rules: _, ...site }) => ({
      ...site,
      charge: { maxDurationMin: 600 },
      supplyLimitMa: 200_000,
    }));
    expect(told).toEqual([
      'supplyLimitMa: 125000 → 200000',
      'charge.maxEnergyWh: 90000 → (nothing)',
      expect.stringMatching(/^rules: ".*rules\.json" → \(nothing\)$/),
    ]);
  });

  test('secrets are left out', () => {
    const { told } = changed((site) => ({
      ...site,
      cloud: { ...site.cloud, brokerUrl: 'mqtts://me:pw1@other.example:1' },
    }));
    expect(told).toEqual(['cloud.brokerUrl: "mqtts://broker.example:8883" → "mqtts://***@other.example:1"']);
  });
});

describe('ED-15 what may change while charges run, and what waits for whom', () => {
  const every = 'EAST-A1,EAST-B1';
  test.each<[string, (site: Rich) => object, string]>([
    ['the limit of a pile', (site) => pile(site, 0, { limitMa: 10_000 }), ''],
    ['the supply', (site) => ({ ...site, supplyLimitMa: 100_000 }), ''],
    ['how the supply is shared', (site) => ({ ...site, power: { ...site.power, turnMinutes: 20 } }), ''],
    ['storage', (site) => ({ ...site, storage: { ...site.storage, keepDays: 100 } }), ''],
    ['rules', (site) => ({ ...site, rules: 'other.json' }), ''],
    ['a recording', (site) => line(site, 0, { frameLog: { folder: 'frames', maxMb: 20 } }), ''],
    ['a charge limit that tightens', (site) => ({ ...site, charge: { ...site.charge, maxEnergyWh: 50_000 } }), ''],
    ['a charge limit that loosens', (site) => ({ ...site, charge: { ...site.charge, maxEnergyWh: 95_000 } }), every],
    ['the unit of a pile', (site) => pile(site, 1, { unit: 1 }), 'EAST-B1'],
    ['a line, for its pile', (site) => line(site, 2, { port: 503 }), 'EAST-B1'],
    ['a line, for the pile that a meter on it bills', (site) => line(site, 3, { port: 4197 }), 'EAST-A1'],
    ['a line, for all that its board watches over', (site) => line(site, 1, { baud: 19_200 }), every],
    [
      'a billing meter',
      (site) => ({ ...site, meters: [{ ...site.meters[0], address: '000000000162' }, site.meters[1]] }),
      'EAST-A1',
    ],
    ['a grid meter', (site) => ({ ...site, meters: [site.meters[0], { ...site.meters[1], unit: 21 }] }), ''],
    ['a ground lock', (site) => ({ ...site, parking: [{ ...site.parking[0], address: 5 }] }), 'EAST-A1'],
    ['the broker', (site) => ({ ...site, cloud: { ...site.cloud, shard: 8 } }), every],
  ])('%s', (_, change, waitsFor) => {
    const { effects } = changed(change);
    expect(effects).toEqual([waitsFor]);
  });

  test('a line is changed when nothing on it charges', () => {
    const { obstacles } = changed((site) => line(site, 2, { port: 503 }));
    expect(obstacles('EAST-A1')).toEqual([]);
    expect(describeObstacles(obstacles('EAST-A1', 'EAST-B1'))).toBe(
      'waits for the end of the charge at EAST-B1: lines[box2].port change',
    );
  });
});
