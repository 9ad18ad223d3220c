import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import { loadProfiles, packagedProfiles } from '../devices/load-profiles.ts';
import { loadSite } from './site.ts';
import { devicesOf } from './site-devices.ts';

const serial = { transport: 'serial', parity: 'none', stopBits: 1, baud: 9600 };
const access = { keyFile: 'card.key', offline: { cards: 'listed' }, untrustedClock: 'refuse' };
const reader = { readerId: 'R1', profile: 'em4100-stx-etx', lineId: 'C1', connectorIds: ['P1-1', 'P2-1'] };
const p1 = { pileId: 'P1', connectorId: 'P1-1', profile: 'keba-p30', lineId: 'T1', unit: 255, limitMa: 16_000 };
const p2 = { ...p1, pileId: 'P2', connectorId: 'P2-1', profile: 'heidelberg-energy-control', lineId: 'L1', unit: 1 };
const good = {
  siteId: 'site-1',
  dataDir: 'data',
  supplyLimitMa: 63_000,
  cloud: { brokerUrl: 'mqtt://127.0.0.1:1883', shard: 7 },
  lines: [
    { ...serial, lineId: 'C1', path: '/dev/ttyS8' },
    { ...serial, lineId: 'L1', path: '/dev/ttyS9' },
    { lineId: 'T1', transport: 'tcp', host: '127.0.0.1', port: 502 },
  ],
  piles: [{ ...p1, readsCards: true }, p2],
  readers: [reader],
  access,
};

function siteFile(document: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-access-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'site.json');
  writeFileSync(path, JSON.stringify(document));
  return path;
}

const profiles = loadProfiles(packagedProfiles);

function refusal(change: object): string {
  const path = siteFile({ ...good, ...change });
  try {
    devicesOf(loadSite(path), profiles);
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    return error.detail;
  }
  return 'taken';
}

test('ED-10 a site with card readers is taken; the key is found beside its file', () => {
  const path = siteFile(good);
  const site = loadSite(path);
  expect(site.access?.keyFile).toBe(join(dirname(path), 'card.key'));
  const [first] = devicesOf(site, profiles).readers;
  expect([first?.config.readerId, first?.line.lineId, first?.profile.kind]).toEqual(['R1', 'C1', 'card-reader']);
});

const open = { cards: 'all', afterMin: 30, limits: { energyWh: 20_000, durationMs: 7_200_000 } };

test.each<[string, object, string]>([
  ['readers, and nobody says who may', { access: undefined, piles: [p1, p2] }, 'access: needed where cards are read'],
  [
    'cards of a pile, and nobody says who may',
    { access: undefined, readers: [] },
    'access: needed where cards are read',
  ],
  ['no word on the clock', { access: { ...access, untrustedClock: undefined } }, 'access.untrustedClock'],
  ['no word on what happens offline', { access: { ...access, offline: undefined } }, 'access.offline'],
  [
    'strangers without a limit of time',
    { access: { ...access, offline: { ...open, limits: { energyWh: 20_000 } } } },
    'access.offline.limits.durationMs',
  ],
  [
    'strangers without a limit of energy',
    { access: { ...access, offline: { ...open, limits: { durationMs: 1 } } } },
    'access.offline.limits.energyWh',
  ],
  ['strangers at once', { access: { ...access, offline: { ...open, afterMin: 0 } } }, 'access.offline.afterMin'],
  [
    'a reader on the line of a pile',
    { readers: [{ ...reader, lineId: 'L1' }] },
    'readers.0.lineId: a reader speaks by itself: "L1" must be its alone',
  ],
  [
    'two readers on a line',
    { readers: [reader, { ...reader, readerId: 'R2' }] },
    'readers.1.lineId: a reader speaks by itself: "C1" must be its alone',
  ],
  [
    'a reader on a network',
    { readers: [{ ...reader, lineId: 'T1', connectorIds: ['P2-1'] }], piles: [p2] },
    'readers.0.lineId: em4100-stx-etx is not reached over tcp, but over serial',
  ],
  [
    'a recording of card numbers',
    { lines: [{ ...good.lines[0], frameLog: { folder: 'frames', maxMb: 5 } }, ...good.lines.slice(1)] },
    'lines.0.frameLog: card numbers are not recorded',
  ],
  [
    'a connector that is not there',
    { readers: [{ ...reader, connectorIds: ['P9-1'] }] },
    'readers.0.connectorIds.0: no pile has the connector "P9-1"',
  ],
  [
    'a connector twice',
    { readers: [{ ...reader, connectorIds: ['P1-1', 'P1-1'] }] },
    'readers.0.connectorIds.1: "P1-1" is named twice',
  ],
  ['a reader of another kind', { readers: [{ ...reader, profile: 'bus-lock' }] }, '"bus-lock" is a parking-device'],
  [
    'cards of a pile that has no reader',
    { piles: [p1, { ...p2, readsCards: true }] },
    'piles.1.readsCards: heidelberg-energy-control has no register that tells a card',
  ],
])('XC-08 ED-10 %s: refused with path and reason', (_name, change, reason) => {
  expect(refusal(change)).toContain(reason);
});

test('ED-10 a site that lets strangers in says how far', () => {
  expect(refusal({ access: { ...access, offline: open } })).toBe('taken');
});
