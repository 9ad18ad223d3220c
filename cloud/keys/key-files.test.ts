import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemRandom } from '../random.ts';
import { loadKeyFiles } from './key-files.ts';

test('OP-03 XC-07 processes that start together for the first time have the same keys, each of them whole', async () => {
  for (let n = 0; n < 20; n += 1) {
    const folder = await mkdtemp(join(tmpdir(), 'pilegate-keys-'));
    const all = await Promise.all(Array.from({ length: 4 }, () => loadKeyFiles(folder, systemRandom.bytes)));
    expect(new Set(all.map(({ staffToken }) => staffToken)).size).toBe(1);
    expect(new Set(all.map(({ masterKey }) => masterKey.toString('hex'))).size).toBe(1);
    expect(all[0]?.staffToken).toHaveLength(43);
    expect((await readdir(join(folder, 'keys'))).sort()).toEqual(['master.key', 'staff.token']);
    expect((await stat(join(folder, 'keys/master.key'))).mode & 0o777).toBe(0o600);
    await rm(folder, { recursive: true });
  }
});

test('OP-03 a first start that is killed before its keys are written leaves nothing that keeps the next one from making them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pilegate-keys-'));
  const killed = () => {
    throw new Error('killed');
  };
  await expect(loadKeyFiles(folder, killed)).rejects.toThrow('killed');
  expect((await loadKeyFiles(folder, systemRandom.bytes)).staffToken).toHaveLength(43);
  await rm(folder, { recursive: true });
});
