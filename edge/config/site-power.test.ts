import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import { loadProfiles, packagedProfiles } from '../devices/load-profiles.ts';
import { loadSite, type SiteConfig } from './site.ts';
import { devicesOf } from './site-devices.ts';

const serial = { lineId: 'L1', transport: 'serial', path: '/dev/ttyS9', baud: 19_200, parity: 'even', stopBits: 1 };
const pile = (n: number, profile: string) => ({
  pileId: `P${n}`,
  connectorId: `P${n}-1`,
  profile,
  lineId: 'L1',
  unit: n,
  limitMa: 16_000,
});
const power = {
  timezone: 'Europe/Berlin',
  site: {
    limitMa: { L1: 60_000, L2: 60_000, L3: 50_000 },
    timeOfDay: [
      { from: '00:00', limitMa: 60_000 },
      { from: '17:00', limitMa: 32_000 },
    ],
  },
  nodes: [
    { nodeId: 'F1', limitMa: 40_000 },
    { nodeId: 'F2', parent: 'F1', limitMa: 32_000 },
  ],
  outlets: [
    { connectorId: 'P1-1', node: 'F2', phases: 'L2L3L1', priority: 1 },
    { connectorId: 'P2-1', phases: 'L3' },
  ],
  gridMeter: { meterId: 'GM', fallbackLimitMa: 12_000 },
};
const good = {
  siteId: 'site-1',
  dataDir: 'data',
  supplyLimitMa: 63_000,
  cloud: { brokerUrl: 'mqtt://127.0.0.1:1883', shard: 7 },
  lines: [serial],
  piles: [pile(1, 'heidelberg-energy-control'), pile(2, 'heidelberg-energy-control')],
  meters: [{ meterId: 'GM', profile: 'eastron-sdm630', lineId: 'L1', unit: 20 }],
  power,
};

const profiles = loadProfiles(packagedProfiles);

function load(document: object): SiteConfig {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-power-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'site.json');
  writeFileSync(path, JSON.stringify(document));
  const site = loadSite(path);
  devicesOf(site, profiles);
  return site;
}

function refusal(document: object): string {
  try {
    load(document);
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    return error.detail;
  }
  return 'taken';
}

test('ED-14 ED-15 a site says where its piles hang, on which phases, and what measures the rest', () => {
  expect(load(good).power).toMatchObject({
    nodes: [{ parent: 'site' }, { parent: 'F1' }],
    outlets: [
      { node: 'F2', priority: 1 },
      { node: 'site', priority: 0 },
    ],
    gridMeter: { node: 'site', currentRatio: 1 },
    turnMinutes: 15,
    lowestVoltageV: 207,
  });
  expect(load({ ...good, power: undefined }).power).toBeUndefined();
});

describe('ED-14 XC-08 a network that cannot be is refused with path and reason', () => {
  const [first, second] = power.outlets;
  const [f1, f2] = power.nodes;
  test.each<[string, object, string]>([
    ['an unknown key', { outlet: [] }, 'power.outlet: unknown key'],
    ['a connector that is left out', { outlets: [first] }, 'power.outlets: "P2-1" is missing'],
    [
      'a connector told twice',
      { outlets: [first, second, second] },
      'power.outlets.2.connectorId: "P2-1" is power.outlets.1',
    ],
    [
      'a connector of no pile',
      { outlets: [first, second, { ...second, connectorId: 'X' }] },
      'no pile has the connector "X"',
    ],
    [
      'an outlet at no node',
      { outlets: [first, { ...second, node: 'F9' }] },
      'power.outlets.1.node: no node is named "F9"',
    ],
    [
      'an order of phases that is none',
      { outlets: [first, { ...second, phases: 'L1L1L2' }] },
      'power.outlets.1.phases: ',
    ],
    ['a priority that is none', { outlets: [first, { ...second, priority: 10 }] }, 'power.outlets.1.priority: '],
    ['a node named twice', { nodes: [f1, f2, f1] }, 'power.nodes.2.nodeId: "F1" is power.nodes.0 already'],
    [
      'a node with the name of the supply',
      { nodes: [f1, f2, { nodeId: 'site', limitMa: 1 }] },
      '"site" is the supply itself',
    ],
    [
      'a parent that does not exist',
      { nodes: [f1, { ...f2, parent: 'F8' }] },
      'power.nodes.1.parent: no node is named "F8"',
    ],
    ['a node below itself', { nodes: [{ ...f1, parent: 'F2' }, f2] }, 'power.nodes.0.parent: "F1" hangs below itself'],
    [
      'more than the supply carries',
      { site: { limitMa: 63_001 } },
      'power.site.limitMa: not above supplyLimitMa, 63000',
    ],
    ['a phase without a limit', { nodes: [{ ...f1, limitMa: { L1: 1, L2: 1 } }, f2] }, 'power.nodes.0.limitMa'],
    [
      'a day that begins late',
      { site: { timeOfDay: [{ from: '01:00', limitMa: 1 }] } },
      'power.site.timeOfDay.0.from: the first band begins at 00:00',
    ],
    [
      'bands out of order',
      { site: { timeOfDay: [...power.site.timeOfDay, { from: '16:00', limitMa: 1 }] } },
      'power.site.timeOfDay.2.from: later than 17:00',
    ],
    [
      'a time that is none',
      { site: { timeOfDay: [{ from: '24:00', limitMa: 1 }] } },
      'power.site.timeOfDay.0.from: a time of day',
    ],
    ['times without a zone', { timezone: undefined }, 'power.timezone: needed'],
    ['a zone that does not exist', { timezone: 'Europe/Nowhere' }, 'power.timezone: an IANA time zone'],
    [
      'a grid meter that does not exist',
      { gridMeter: { ...power.gridMeter, meterId: 'M9' } },
      'power.gridMeter.meterId: no meter is named "M9"',
    ],
    ['a grid meter without a fallback', { gridMeter: { meterId: 'GM' } }, 'power.gridMeter.fallbackLimitMa: '],
    [
      'a grid meter at no node',
      { gridMeter: { ...power.gridMeter, node: 'F9' } },
      'power.gridMeter.node: no node is named "F9"',
    ],
    [
      'a grid meter over piles whose phases nobody knows',
      { outlets: [first, { ...second, phases: 'unknown' }] },
      'power.outlets.1.phases: needed: the grid meter tells phase by phase',
    ],
    ['a turn of no time', { turnMinutes: 4 }, 'power.turnMinutes: '],
  ])('%s', (_name, change, reason) => {
    expect(refusal({ ...good, power: { ...power, ...change } })).toContain(reason);
  });

  test('what the profiles know: single-phase piles, DC piles, meters without currents', () => {
    const dc = { ...pile(2, 'generic-dc'), limitMa: 60_000 };
    expect(refusal({ ...good, piles: [pile(1, 'heidelberg-energy-control'), dc] })).toContain(
      'power.outlets.1.phases: generic-dc takes three phases',
    );
    const dlt = { meterId: 'GM', profile: 'dlt645-2007', lineId: 'L1', address: '000000000161' };
    expect(refusal({ ...good, meters: [dlt] })).toContain(
      'power.gridMeter.meterId: dlt645-2007 is not asked for the current of each phase',
    );
    const billing = { ...pile(1, 'heidelberg-energy-control'), meterId: 'GM' };
    expect(refusal({ ...good, piles: [billing, pile(2, 'heidelberg-energy-control')] })).toContain(
      'power.gridMeter.meterId: "GM" bills for piles.0',
    );
  });
});
