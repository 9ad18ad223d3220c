import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { PinnedKeysFile } from './pinned-keys-file.ts';

const keys = { serial: 1, keys: [{ keyId: '0123456789abcdef', publicKey: Buffer.alloc(32, 7).toString('base64') }] };

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'pilegate-keys-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('SY-07 what is pinned is there after a restart', () => {
  const dataDir = folder();
  expect(new PinnedKeysFile(dataDir).read()).toEqual({ kind: 'none' });
  new PinnedKeysFile(dataDir).write(keys);
  expect(new PinnedKeysFile(dataDir).read()).toEqual({ kind: 'pinned', keys });
});

test('SY-07 half a file does not count as none: that would let the next sender pin his own', () => {
  const dataDir = folder();
  writeFileSync(join(dataDir, 'document-keys.json'), '{ "serial": 1, "ke');
  expect(new PinnedKeysFile(dataDir).read()).toMatchObject({ kind: 'unreadable' });
});

test('SY-07 the first list of the cloud is pinned, and one that nobody known has signed changes nothing', () => {
  const file = new PinnedKeysFile(folder());
  const log = pino({ level: 'silent' });
  file.follow({ text: JSON.stringify(keys), signatures: [] }, log);
  expect(file.keyIds()).toEqual(['0123456789abcdef']);
  const other = { serial: 2, keys: [{ ...keys.keys[0], keyId: 'fedcba9876543210' }] };
  file.follow({ text: JSON.stringify(other), signatures: [] }, log);
  expect(file.keyIds()).toEqual(['0123456789abcdef']);
});
