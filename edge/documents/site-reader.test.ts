import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import { richSite, write } from '../config/testing-broken-sites.ts';
import { loadProfiles, packagedProfiles } from '../devices/load-profiles.ts';
import { type SiteIdentity, siteReader } from './site-reader.ts';

const { power: _power, ...withoutPower } = richSite;
const profiles = loadProfiles(packagedProfiles);

function folderWithSecret(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-site-reader-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'secret'));
  writeFileSync(join(folder, 'secret', 'broker'), 'word');
  return folder;
}

function readerIn(folder: string, identity: SiteIdentity | null = null) {
  return siteReader({ file: join(folder, 'site.json'), profiles, identity });
}

function complaintsIn(read: () => unknown) {
  try {
    read();
  } catch (error) {
    if (isPilegateError(error)) return error.complaints.map(({ line, path, reason }) => `${line} ${path}: ${reason}`);
    throw error;
  }
  return [];
}

test('ED-15 a configuration never changes which site it is, or where its memory lies', () => {
  const folder = folderWithSecret();
  const reader = readerIn(folder, { siteId: 'west-gate', dataDir: join(folder, 'elsewhere') });
  expect(complaintsIn(() => reader.read(write(richSite).text, 'x'))).toEqual([
    '3 siteId: found "east-gate"; a site keeps its name, "west-gate"',
    `4 dataDir: found ${join(folder, 'data')}; a site keeps its folder, ${join(folder, 'elsewhere')}`,
  ]);
  expect(
    complaintsIn(() =>
      readerIn(folder, { siteId: null, dataDir: join(folder, 'data') }).read(write(richSite).text, 'x'),
    ),
  ).toEqual([]);
});

test('ED-15 a password that cannot be read is a mistake before anything stops', () => {
  const folder = folderWithSecret();
  rmSync(join(folder, 'secret'), { recursive: true });
  expect(complaintsIn(() => readerIn(folder).read(write(richSite).text, 'x'))).toEqual([
    expect.stringMatching(/^13 cloud\.passwordFile: ENOENT/),
  ]);
});

test('ED-15 a site that cannot be run is refused with the numbers, at the place', () => {
  const [a1, b1] = richSite.piles;
  const text = write({
    ...withoutPower,
    supplyLimitMa: 5000,
    piles: [a1, { ...b1, profile: 'alfen-ng9xx', unit: 1 }],
  }).text;
  const [told] = complaintsIn(() => readerIn(folderWithSecret()).read(text, 'x'));
  expect(told).toMatch(/^5 supplyLimitMa: Without the edge .*供电仅允许 5\.0 A/);
});

test('ED-15 what would change is told with what it waits for', () => {
  const reader = readerIn(folderWithSecret());
  const before = reader.read(write(richSite).text, 'x');
  const [a1, b1] = richSite.piles;
  const after = reader.read(
    write({
      ...richSite,
      piles: [
        { ...a1, limitMa: 10_000 },
        { ...b1, unit: 1 },
      ],
    }).text,
    'y',
  );
  expect(reader.differences?.(before, after)).toEqual([
    'piles[A1].limitMa: 16000 → 10000  [at once]',
    'piles[B1].unit: 255 → 1  [when EAST-B1 has no charge]',
  ]);
});

test('XC-10 what is shown of a configuration has no password in it', () => {
  const reader = readerIn(folderWithSecret());
  const secret = { ...richSite, cloud: { ...richSite.cloud, brokerUrl: 'mqtts://me:pw1@broker.example:8883' } };
  const shown = reader.show?.(reader.read(write(secret).text, 'x')) ?? '';
  expect([shown.includes('pw1'), shown.includes('mqtts://***@broker.example:8883')]).toEqual([false, true]);
});

test.each<[string, (pile: (typeof richSite.piles)[number]) => object, object]>([
  ['a profile of its own', (pile) => ({ ...pile, profile: { interlocks: {} } }), {}],
  ['a profile out of a file', (pile) => ({ ...pile, profile: '../profiles/mine.json' }), {}],
  ['limits of an interlock', (pile) => ({ ...pile, interlocks: { overTemperatureC: 200 } }), {}],
  ['more current than the profile allows', (pile) => ({ ...pile, limitMa: 640_000 }), {}],
  ['a folder of profiles', (pile) => pile, { profiles: '/tmp/profiles' }],
])('SY-07 XC-08 no configuration loosens an interlock: %s is refused', (_, change, added) => {
  const folder = folderWithSecret();
  const good = readerIn(folder);
  expect(complaintsIn(() => good.read(write(richSite).text, 'x'))).toEqual([]);
  const [first, ...others] = richSite.piles;
  const { text } = write({
    ...richSite,
    ...added,
    piles: [...(first === undefined ? [] : [change(first)]), ...others],
  });
  expect(complaintsIn(() => good.read(text, 'x'))).not.toEqual([]);
});
