import { expect, test } from 'vitest';
import type { LineConfig } from '../config/site.ts';
import { devicesOf } from '../config/site-devices.ts';
import { loadProfiles, packagedProfiles } from '../devices/load-profiles.ts';
import { planSite } from './plan-site.ts';
import { pileAt, serialLine, siteOf, tcpLine } from './testing.ts';

const profiles = loadProfiles(packagedProfiles);
const planOf = (site: ReturnType<typeof siteOf>) => planSite(site, devicesOf(site, profiles));
const keba = (readsCards: boolean) =>
  planOf(siteOf(tcpLine, 0, { piles: [pileAt(255, { profile: 'keba-p30', readsCards })] })).lines[0]?.devices[0];

test('ED-04 ED-10 a pile whose cards are read is asked for them at each poll, and any other is not', () => {
  const without = keba(false)?.polls.map(({ what }) => what);
  expect(keba(true)?.polls.map(({ what }) => what)).toEqual([...(without ?? []), '03 1500+2']);
  expect(without).not.toContain('03 1500+2');
});

test('ED-04 ED-10 the line of a card reader is not planned, and a wrong setting of it is noted', () => {
  const line: LineConfig = { ...serialLine(19_200, '/dev/ttyUSB3'), lineId: 'C1' };
  const readers = [{ readerId: 'R1', profile: 'em4100-stx-etx', lineId: 'C1', connectorIds: ['P255-1'] }];
  const piles = [pileAt(255, { profile: 'keba-p30' })];
  const plan = planOf(siteOf(tcpLine, 0, { lines: [tcpLine, line], piles, readers }));
  expect(plan.lines.map(({ lineId }) => lineId)).toEqual(['L1']);
  expect(plan.notes).toContain(
    'R1: em4100-stx-etx is delivered with 9600 baud, parity none, 1 stop bit; set it to 19200 baud, parity even, 1 stop bit',
  );
  expect(plan.notes.some((note) => note.startsWith('C1: /dev/ttyUSB3 may name another adapter'))).toBe(true);
});
