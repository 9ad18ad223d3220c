import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { presentedCard } from '../access/card-reference.ts';
import { cardEntry } from './card-command.ts';

const KEY = 'a key for tests only, long enough';

function siteFile(access: object | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-card-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const site = {
    siteId: 'site-1',
    dataDir: 'data',
    supplyLimitMa: 63_000,
    cloud: { brokerUrl: 'mqtt://127.0.0.1:1883', shard: 7 },
    lines: [{ lineId: 'T1', transport: 'tcp', host: '127.0.0.1', port: 502 }],
    piles: [{ pileId: 'P1', connectorId: 'P1-1', profile: 'keba-p30', lineId: 'T1', unit: 255, limitMa: 16_000 }],
    access,
  };
  writeFileSync(join(folder, 'card.key'), `${KEY}\n`);
  writeFileSync(join(folder, 'site.json'), JSON.stringify(site));
  return join(folder, 'site.json');
}
const access = { keyFile: 'card.key', offline: { cards: 'listed' }, untrustedClock: 'refuse' };

test('XC-10 the entry of a card has its reference under the key of the site, and not its number', () => {
  const { isGood, text } = cardEntry(siteFile(access), 'd4:cd:76:50\n');
  const { reference } = presentedCard('D4CD7650', KEY);
  expect([isGood, JSON.parse(text)]).toEqual([true, { card: reference, lastFour: '7650', kind: 'card' }]);
  expect(text).not.toContain('D4CD');
});

test.each([
  ['no number', access, 'guest', 'not a card number'],
  ['a site that takes no cards', undefined, 'D4CD7650', 'the site takes no cards'],
  ['a key that is not there', { ...access, keyFile: 'nowhere' }, 'D4CD7650', 'nowhere'],
])('XC-08 %s is refused', (_name, given, number, reason) => {
  const { isGood, text } = cardEntry(siteFile(given), number);
  expect([isGood, text]).toEqual([false, expect.stringContaining(reason)]);
});
