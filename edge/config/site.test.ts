import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import { loadProfiles, packagedProfiles } from '../devices/load-profiles.ts';
import { loadSite, profileOf } from './site.ts';

const serial = { lineId: 'L1', transport: 'serial', path: '/dev/ttyS9', baud: 19_200, parity: 'even', stopBits: 1 };
const tcp = { lineId: 'T1', transport: 'tcp', host: '127.0.0.1', port: 502 };
const p1 = {
  pileId: 'P1',
  connectorId: 'P1-1',
  profile: 'heidelberg-energy-control',
  lineId: 'L1',
  unit: 1,
  limitMa: 16_000,
};
const p2 = { pileId: 'P2', connectorId: 'P2-1', profile: 'keba-p30', lineId: 'T1', unit: 255, limitMa: 32_000 };
const good = {
  siteId: 'site-1',
  dataDir: 'data',
  cloud: { brokerUrl: 'mqtt://127.0.0.1:1883', shard: 7, passwordFile: 'secret/broker' },
  lines: [serial, tcp],
  piles: [p1, p2],
};

function siteFile(document: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-site-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'site.json');
  writeFileSync(path, typeof document === 'string' ? document : JSON.stringify(document));
  return path;
}

const profiles = loadProfiles(packagedProfiles);

/** Loads a site and checks its piles, as the edge does; says why it is refused, without the file's own name. */
function refusal(document: unknown): string {
  const path = siteFile(document);
  try {
    const site = loadSite(path);
    site.piles.forEach((_, i) => {
      profileOf(site, i, profiles);
    });
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    expect(error.code).toBe('config.invalid');
    expect(error.detail, 'the file is named').toContain(path);
    return error.detail.replace(`${path}: `, '');
  }
  return 'taken';
}

test('ED-15 a good site is taken; paths in it are relative to the file', () => {
  const path = siteFile(good);
  const site = loadSite(path);
  expect(site.dataDir).toBe(join(dirname(path), 'data'));
  expect(site.cloud.passwordFile).toBe(join(dirname(path), 'secret', 'broker'));
  expect(site.piles.map((_, i) => profileOf(site, i, profiles).profileId)).toEqual([p1.profile, p2.profile]);
});

describe('XC-08, ED-15 a bad site is refused with file, path and reason', () => {
  test.each<[string, object, string]>([
    ['an unknown key', { dataDirr: 'x' }, 'dataDirr: unknown key'],
    ['an unknown key of a line', { lines: [{ ...serial, bauds: 9600 }, tcp] }, 'lines.0.bauds: unknown key'],
    ['an unknown key of a pile', { piles: [{ ...p1, limitA: 16 }] }, 'piles.0.limitA: unknown key'],
    ['an unknown key of the cloud', { cloud: { ...good.cloud, broker: 1 } }, 'cloud.broker: unknown key'],
    [
      'a baud rate that is none',
      { lines: [{ ...serial, baud: 19_201 }, tcp] },
      'lines.0.baud: Invalid input: expected 4800, or ',
    ],
    ['a transport nobody knows', { lines: [{ ...serial, transport: 'can' }, tcp] }, 'lines.0.transport: '],
    ['a port out of range', { lines: [serial, { ...tcp, port: 0 }] }, 'lines.1.port: '],
    ['a shard that does not exist', { cloud: { ...good.cloud, shard: 64 } }, 'cloud.shard: '],
    ['a broker that is no broker', { cloud: { ...good.cloud, brokerUrl: 'http://x' } }, 'cloud.brokerUrl: '],
    ['a name that would break a topic', { siteId: 'site/1' }, 'siteId: letters, digits'],
    ['no lines', { lines: [] }, 'lines: '],
    ['a line named twice', { lines: [serial, { ...tcp, lineId: 'L1' }] }, 'lines.1.lineId: "L1" is lines.0 already'],
    [
      'two lines on one serial port',
      { lines: [serial, { ...serial, lineId: 'L2' }, tcp] },
      'lines.1: /dev/ttyS9 belongs to lines.0: one owner per port',
    ],
    [
      'two lines on one host and port',
      { lines: [serial, tcp, { ...tcp, lineId: 'T2', transport: 'rtu-over-tcp', gatewayBaud: 9600 }] },
      'lines.2: 127.0.0.1:502 belongs to lines.1',
    ],
    ['a pile named twice', { piles: [p1, { ...p2, pileId: 'P1' }] }, 'piles.1.pileId: "P1" is piles.0 already'],
    [
      'a connector named twice',
      { piles: [p1, { ...p2, connectorId: 'P1-1' }] },
      'piles.1.connectorId: "P1-1" is piles.0 already',
    ],
    [
      'two piles on one unit',
      { piles: [p1, { ...p1, pileId: 'P3', connectorId: 'P3-1' }] },
      'piles.1.unit: unit 1 on L1 is piles.0 already',
    ],
    ['unit 0, which is broadcast', { piles: [{ ...p1, unit: 0 }] }, 'piles.0.unit: '],
    ['a line that is not there', { piles: [{ ...p1, lineId: 'L9' }] }, 'piles.0.lineId: no line is named "L9"'],
    [
      'a profile that is not there',
      { piles: [p1, { ...p2, profile: 'keba' }] },
      'piles.1.profile: no profile is named "keba"',
    ],
    [
      'a limit above the profile',
      { piles: [{ ...p1, limitMa: 16_001 }] },
      'piles.0.limitMa: 16001 is outside 6000 to 16000 of heidelberg',
    ],
    ['a limit below what a pile offers', { piles: [{ ...p1, limitMa: 5999 }] }, 'piles.0.limitMa: 5999 is outside'],
    [
      'a profile on a line that it does not speak',
      { piles: [{ ...p1, lineId: 'T1', unit: 3 }] },
      'piles.0.lineId: heidelberg-energy-control is not reached over tcp',
    ],
  ])('%s', (_, change, complaint) => {
    expect(refusal({ ...good, ...change })).toContain(complaint);
  });

  test('a file that is no JSON', () => {
    expect(refusal('{ "siteId": ')).toMatch(/JSON/);
  });

  test('a file that is not there', () => {
    expect(() => loadSite('/nowhere/site.json')).toThrow('config.invalid: /nowhere/site.json: ENOENT');
  });

  test('every complaint is told at once', () => {
    const told = refusal({ ...good, dataDirr: 'x', cloud: { ...good.cloud, shard: 64 } });
    expect(told).toContain('cloud.shard');
    expect(told).toContain('dataDirr: unknown key');
  });
});
