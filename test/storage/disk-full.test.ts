import { test } from 'vitest';
import { pass, Stand, until } from '../stand/stand.ts';
import { ACTS_WITHIN_MS, beginCharge, expectOnce, expectTrueCdr, stopTakesMs } from './charges.ts';
import { SmallDisk, whyNoMount } from './small-disk.ts';

/**
 * Goal: somebody else fills the disk under running charges. Method: the data folder on a small file system in memory, the real
 * edge on it, and a foreign file that takes everything that is free.
 */

/** The storage is looked at every 5 s. */
const SEEN_WITHIN_MS = 15_000;
/** A disk that said it is full counts as full for a minute. */
const FORGIVEN_WITHIN_MS = 80_000;

const noMount = whyNoMount();
if (noMount !== null && process.env.CI === 'true') throw new Error(`nothing can be mounted here: ${noMount}`);
if (noMount !== null) process.stderr.write(`disk-full.test.ts does not run here: nothing can be mounted: ${noMount}\n`);

test
  .runIf(noMount === null)
  .concurrent(
    'ED-11 ED-05.p a disk that fills up under charges: new ones are refused by name, those that run end with their record, and room brings everything back',
    { timeout: 240_000 },
    async ({ expect, onTestFinished }) => {
      const disk = new SmallDisk('12m');
      onTestFinished(() => disk.remove());
      const storage = { ballastMb: 2, ledgerMaxMb: 8, samplesMaxMb: 1, sampleEverySeconds: 1 };
      const stand = await Stand.open({ site: (site) => ({ ...site, dataDir: disk.dataDir, storage }) });
      onTestFinished(() => stand.close());
      const pilectl = async (...args: string[]) => (await stand.pilectl('--data', disk.dataDir, ...args)).stdout;
      const { pid } = stand.edge;

      const [a, b] = [await beginCharge(stand, 'A1'), await beginCharge(stand, 'B1')];
      await stand.plug('C1');
      expect(await pilectl('storage')).toMatch(/level +ample\ncharges +may begin\n.*\n.*\n.*\nballast +held/);

      disk.fill();
      await until('new charges are refused', SEEN_WITHIN_MS, () => stand.view('C1')?.faults.includes('storage-full'));
      const refused = await stand.outcome(stand.start('C1'), SEEN_WITHIN_MS);
      expect(refused).toMatchObject({ status: 'failed', code: 'connector.faulted' });
      expect(refused.detail).toMatch(/^storage-full: .* MB are free on the disk$/);
      expect(await pilectl('storage')).toMatch(
        /level +critical: .* MB are free on the disk\ncharges +no new one may begin\n.*\n.*\n.*\nballast +given back/,
      );
      expect(await pilectl('status')).toMatch(/A1-1 .*charging .*storage-full\n[\s\S]*C1-1 .*storage-full\n/);

      // What the ballast gave back is gone as well before the first charge ends: its record has the WAL and little else.
      expect(await stopTakesMs(stand, 'A1', () => stand.stop('A1'))).toBeLessThan(ACTS_WITHIN_MS);
      expect(await expectTrueCdr(stand, a)).toMatchObject({ stopReason: 'partner', marks: [] });
      expect(stand.view('B1')?.status).toBe('charging');
      expect(await stopTakesMs(stand, 'B1', () => stand.stop('B1'))).toBeLessThan(ACTS_WITHIN_MS);
      expect(await expectTrueCdr(stand, b)).toMatchObject({ stopReason: 'partner', marks: [] });
      expect((await stand.station.pile('C1')).contactorEvents).toEqual([]);

      disk.clear();
      await until('the ballast is back', FORGIVEN_WITHIN_MS, async () =>
        /ballast +held/.test(await pilectl('storage')),
      );
      await until('charges may begin', FORGIVEN_WITHIN_MS, () => stand.view('C1')?.faults.length === 0);
      const c = await beginCharge(stand, 'C1');
      stand.stop('C1');
      await stand.cdr('C1');
      expect(c.before.contactorEvents).toEqual([]);
      expectOnce(stand, [refused.commandId]);
      expect(stand.cdrs()).toHaveLength(3);
      expect(stand.edge.pid).toBe(pid);
      expect(stand.edge.isRunning).toBe(true);
      expect(stand.cloud.complaints).toEqual([]);
    },
  );

test
  .runIf(noMount === null)
  .concurrent(
    'ED-11 ED-08 a disk that takes nothing at all, the ballast gone as well: stops act, no pile is started, and each record comes once there is room',
    { timeout: 240_000 },
    async ({ expect, onTestFinished }) => {
      const disk = new SmallDisk('12m');
      onTestFinished(() => disk.remove());
      const storage = { ballastMb: 1, ledgerMaxMb: 8, samplesMaxMb: 1, sampleEverySeconds: 1 };
      const stand = await Stand.open({ site: (site) => ({ ...site, dataDir: disk.dataDir, storage }) });
      onTestFinished(() => stand.close());
      const { pid } = stand.edge;
      const [a, b] = [await beginCharge(stand, 'A1'), await beginCharge(stand, 'B1')];
      await stand.plug('C1');

      // Whoever fills it takes also what the ballast gives back, and goes on.
      disk.fill();
      const filling = setInterval(() => disk.fill(), 100);
      onTestFinished(() => clearInterval(filling));
      await until('the ballast is gone', SEEN_WITHIN_MS, () => stand.view('C1')?.faults.includes('storage-full'));
      const inVain: string[] = [];
      for (let n = 0; n < 200 && !isUnstored(stand); n += 1) {
        inVain.push(stand.start('C1'));
        await pass(50);
      }
      expect(isUnstored(stand)).toBe(true);
      expect(await stopTakesMs(stand, 'A1', () => stand.stop('A1'))).toBeLessThan(ACTS_WITHIN_MS);
      expect(
        await stopTakesMs(
          stand,
          'B1',
          () => void stand.pilectl('--data', disk.dataDir, 'disable', 'B1-1', '--stop-running'),
        ),
      ).toBeLessThan(ACTS_WITHIN_MS);
      await pass(6000);
      expect(stand.cdrs()).toEqual([]);

      clearInterval(filling);
      disk.clear();
      expect(await expectTrueCdr(stand, a)).toMatchObject({ stopReason: 'partner' });
      expect(await expectTrueCdr(stand, b)).toMatchObject({ stopReason: 'staff' });
      expect((await stand.station.pile('C1')).contactorEvents).toEqual([]);
      expectOnce(stand, inVain);
      expect(stand.cdrs()).toHaveLength(2);
      await until('charges may begin', FORGIVEN_WITHIN_MS, () => stand.view('C1')?.faults.length === 0);
      expect(stand.edge.pid).toBe(pid);
      expect(stand.edge.isRunning).toBe(true);
    },
  );

/** The edge has said that it could not store what came. */
const isUnstored = ({ cloud }: Stand) => cloud.complaints.some((complaint) => complaint.includes('store.unavailable'));
