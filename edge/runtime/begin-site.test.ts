import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ManualTime } from '../bus/testing.ts';
import { richSite } from '../config/testing-broken-sites.ts';
import { uuid } from '../control/testing.ts';
import { packagedProfiles } from '../devices/load-profiles.ts';
import {
  changeBetween,
  type DocumentHistory,
  documentDigest,
  withActive,
  withTrial,
  withWaiting,
} from '../documents/document-history.ts';
import { at, standing, stored } from '../documents/testing.ts';
import { openLedger } from '../ledger/testing.ts';
import { beginSite } from './begin-site.ts';
import { beginsWith, storeBeginning } from './settle-site.ts';
import { StartCount } from './start-count.ts';

const { passwordFile: _passwordFile, ...cloud } = richSite.cloud;
const textOf = (change: object = {}) => JSON.stringify({ ...richSite, cloud, ...change }, null, 2);
const A = textOf();
const B = textOf({ supplyLimitMa: 100_000 });
const broken = A.replace('"supplyLimitMa"', '"suplyLimitMa"');

function folder() {
  const path = mkdtempSync(join(tmpdir(), 'pilegate-begin-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  const file = join(path, 'site.json');
  const dataDir = join(path, 'data');
  const begin = (content: string | Uint8Array) => {
    writeFileSync(file, content);
    return beginSite({ file, profilesFolder: packagedProfiles });
  };
  /** A ledger with these versions, as an earlier process has left it. */
  const leave = (history: DocumentHistory) => {
    mkdirSync(dataDir, { recursive: true });
    const { ledger, database } = openLedger(join(dataDir, 'ledger.db'));
    ledger.putDocuments(changeBetween('site', [], history), [], at);
    database.close();
  };
  return { file, dataDir, begin, leave };
}
const row = (version: number, text: string, change: object = {}) =>
  stored(version, { kind: 'site', text, digest: documentDigest(text), source: 'file', ...change });
const first = withActive([], row(1, A));
const trying = withTrial(withWaiting(first, row(2, B, { source: 'cloud' }), null), 2, null);

describe('ED-15 the first start', () => {
  test('begins with the file as version 1', async () => {
    const begun = await folder().begin(A);
    expect([begun.version, begun.isTrial, begun.checked.site.supplyLimitMa]).toEqual([1, false, 125_000]);
  });

  test('a file that is broken, missing, or in another encoding: nothing is made', async () => {
    for (const content of [broken, '', '{', Buffer.from(`\ufeff${A}`, 'utf16le')]) {
      const { begin, dataDir } = folder();
      await expect(begin(content)).rejects.toThrow('config.invalid');
      expect(existsSync(dataDir)).toBe(false);
    }
    const { file } = folder();
    await expect(beginSite({ file, profilesFolder: packagedProfiles })).rejects.toThrow('ENOENT');
  });
});

describe('ED-15 a later start', () => {
  test.each<[string, string | Uint8Array, number]>([
    ['a broken file', broken, 1],
    ['one cut off', A.slice(0, 200), 1],
    ['one in GBK', Buffer.concat([Buffer.from(A.slice(0, -1)), Buffer.from([0xb6, 0xab])]), 1],
  ])('%s is passed over for what is in force', async (_, content, version) => {
    const { begin, leave } = folder();
    leave(first);
    const begun = await begin(content);
    expect([begun.version, begun.isTrial, begun.refused.length]).toEqual([version, false, 1]);
  });

  test('a version in force goes on though a new one like it would be refused: its password goes unencrypted', async () => {
    const { begin, leave, dataDir } = folder();
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(join(dataDir, '..', 'broker.password'), 'secret');
    const plain = { ...cloud, brokerUrl: 'mqtt://192.168.1.10:1883', passwordFile: 'broker.password' };
    const former = textOf({ cloud: plain });
    await expect(folder().begin(former)).rejects.toThrow('unencrypted');
    leave(withActive([], row(1, former)));
    const begun = await begin(former);
    expect([begun.version, begun.isTrial, begun.checked.site.cloud.brokerUrl]).toEqual([1, false, plain.brokerUrl]);
  });

  test('a file of another site is refused', async () => {
    const { begin, leave } = folder();
    leave(first);
    const begun = await begin(textOf({ siteId: 'west-gate' }));
    expect([begun.version, begun.refused]).toEqual([
      1,
      [expect.stringContaining('siteId: found "west-gate"; a site keeps its name, "east-gate"')],
    ]);
  });

  test('each beginning with a version on trial is counted before anything else, and the fourth leaves it', async () => {
    const { begin, leave, dataDir } = folder();
    leave(trying);
    const versions: number[] = [];
    for (let start = 1; start <= 4; start += 1) {
      // Each in a folder that nobody holds: the lock of a process goes with the process.
      const other = folder();
      other.leave(trying);
      const count = new StartCount(other.dataDir);
      for (let before = 1; before < start; before += 1) count.add(2);
      const begun = await other.begin(A);
      versions.push(begun.version);
      expect(new StartCount(other.dataDir).of(2)).toBe(Math.min(start, 3));
    }
    expect(versions).toEqual([2, 2, 2, 1]);
    expect(existsSync(dataDir)).toBe(true);
    await begin(A);
    await expect(begin(A)).rejects.toThrow('another process works with');
  });

  test('what the opened ledger says decides, where the look before saw less', async () => {
    const { begin } = folder();
    const begun = await begin(A);
    const again = beginsWith(begun, { documents: trying, sessions: [] }, at);
    expect([begun.version, again.version, again.isTrial]).toEqual([1, 2, true]);
  });
});

test('ED-15 a disk that takes nothing holds a version on trial up for some seconds, and any other not at all', async () => {
  const time = new ManualTime();
  const ledger = { putDocuments: () => new Promise<void>(() => {}) };
  const deps = { ledger, newId: () => uuid(1), timers: time, log: pino({ level: 'silent' }) };
  const begun = { version: 2, isTrial: true, left: [], refused: [], history: trying };
  let isOver = false;
  const waiting = storeBeginning(begun, { documents: first }, deps).then(() => {
    isOver = true;
  });
  await time.pass(4900);
  expect(isOver).toBe(false);
  await time.pass(200);
  await waiting;
  await storeBeginning({ ...begun, isTrial: false }, { documents: [] }, deps);
  expect(standing(trying)).toBe('2 trying, 1 active');
});
