import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { leaveClaim } from './claim-command.ts';

const CODE = 'AB1DE-00000-ZZZZZ-99999';

function siteFile(cloud: object): { file: string; claim: string } {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-claim-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const site = {
    siteId: 'a',
    dataDir: 'data',
    supplyLimitMa: 16_000,
    cloud: { brokerUrl: 'mqtts://broker.example', shard: 7, ...cloud },
    lines: [{ lineId: 'l', transport: 'tcp', host: '127.0.0.1', port: 502 }],
    piles: [{ pileId: 'p', connectorId: 'c', profile: 'x', lineId: 'l', unit: 1, limitMa: 16_000 }],
  };
  const file = join(folder, 'site.json');
  writeFileSync(file, JSON.stringify(site));
  return { file, claim: join(folder, 'data', 'identity', 'claim') };
}
const identity = { kind: 'certificate', claimUrl: 'https://cloud.example' };

test('SY-06 a code that is typed waits for the edge in its folder', () => {
  const { file, claim } = siteFile({ identity });
  expect(leaveClaim(file, ` ${CODE}\n`)).toMatchObject({
    isGood: true,
    text: expect.stringContaining('https://cloud.example'),
  });
  expect(readFileSync(claim, 'utf8')).toBe(`${CODE}\n`);
});

test('SY-06 what is no code, or for a site with a password of its own, is refused', () => {
  const { file, claim } = siteFile({ identity });
  expect(leaveClaim(file, 'hello')).toMatchObject({ isGood: false, text: expect.stringContaining('no claim code') });
  expect(() => readFileSync(claim)).toThrow('ENOENT');
  expect(leaveClaim(siteFile({}).file, CODE)).toMatchObject({
    isGood: false,
    text: expect.stringContaining('cloud.identity'),
  });
  expect(leaveClaim(join(claim, 'nowhere.json'), CODE).isGood).toBe(false);
});
