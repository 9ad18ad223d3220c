import { expect, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import { loadProfiles, packagedProfiles } from '../devices/load-profiles.ts';
import { textOf } from '../documents/read-text.ts';
import { checkedSite } from '../planner/checked-site.ts';
import { type BrokenSite, brokenSites, richSite, write } from './testing-broken-sites.ts';

const profiles = loadProfiles(packagedProfiles);
const check = (bytes: Uint8Array) => {
  const name = 'site.json';
  return checkedSite(textOf(bytes, name), { file: name, name, profiles });
};

/** Everything that is said against a file, as line and path; "taken" when nothing is. */
function saidOf({ bytes }: BrokenSite): { readonly places: readonly string[]; readonly detail: string } {
  try {
    check(bytes);
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    const places = error.complaints.map(({ line, path }) => `${line ?? '-'} ${path}`);
    return { places, detail: error.detail };
  }
  return { places: ['taken'], detail: 'taken' };
}

test('ED-15 the site that the broken ones are made of is good', () => {
  expect(check(Buffer.from(write(richSite).text)).site.siteId).toBe('east-gate');
});

test('ED-15 XC-08 hundreds of broken site files: each is refused, at the line and path of its mistake', () => {
  const broken = brokenSites();
  expect(broken.length).toBeGreaterThan(300);
  const wrong = broken.flatMap((site) => {
    const { places, detail } = saidOf(site);
    const isNamed = places.some((place) =>
      site.line === null ? place.endsWith(` ${site.path}`) : place === `${site.line} ${site.path}`,
    );
    return isNamed ? [] : [`${site.what} (line ${site.line}, ${site.path}): ${detail.slice(0, 300)}`];
  });
  expect(wrong).toEqual([]);
});

test('XC-08 everything that is wrong is said at once', () => {
  const text = write(richSite)
    .text.replace('"shard": 7', '"shard": 64')
    .replace('"siteId"', '"siteld"')
    .replace('"unit": 20', '"unit": 300');
  expect(saidOf({ what: '', bytes: Buffer.from(text), line: null, path: '' }).places).toEqual([
    '2 siteId',
    '3 siteld',
    '12 cloud.shard',
    '80 meters.1.unit',
    '80 meters.1.unit',
  ]);
});
