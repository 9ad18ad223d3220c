import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EdgeProcess } from '../stand/edge-process.ts';
import { Stand } from '../stand/stand.ts';
import { beginCharge, expectOnce, expectTrueCdr } from './charges.ts';

test('XC-06 ED-08 a second edge on the same data folder is refused by name, and the first one does not notice', {
  timeout: 120_000,
}, async () => {
  const stand = await Stand.open();
  onTestFinished(() => stand.close());
  const charge = await beginCharge(stand, 'A1');
  const second = new EdgeProcess({
    siteFile: join(stand.folder, 'site.json'),
    logFile: join(stand.folder, 'second.log'),
  });
  onTestFinished(() => second.kill('SIGKILL'));
  await expect(second.ready).rejects.toThrow(`another process works with ${stand.dataDir}: end that one first`);
  expect(await second.ended).toBe(2);
  expect(stand.view('A1')?.status).toBe('charging');
  stand.stop('A1');
  expect((await expectTrueCdr(stand, charge)).marks).toEqual([]);
  expectOnce(stand);
  expect(stand.cloud.complaints).toEqual([]);
});
