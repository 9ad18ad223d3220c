import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { CloudConfig } from '../config.ts';
import { type ChargingSite, openChargingSite } from './charging-site.ts';
import type { TestClock } from './test-clock.ts';
import { startTestCloud, type TestCloud } from './test-cloud.ts';

/**
 * A cloud for all tests of a file, and a fresh site for each of them.
 *
 * @param name what the sites are called, before the number of the test
 * @param take hears of both before each test, and which test it is, from 1 on
 */
export function onChargingSites(
  name: string,
  clock: TestClock,
  take: (cloud: TestCloud, site: ChargingSite, run: number) => void,
  config: Partial<CloudConfig> = {},
): void {
  let cloud: TestCloud | undefined;
  let site: ChargingSite | undefined;
  let runs = 0;
  beforeAll(async () => {
    cloud = await startTestCloud({ clock, config });
  });
  afterAll(() => cloud?.stop());
  beforeEach(async () => {
    if (cloud === undefined) throw new Error('there is no cloud');
    runs += 1;
    site = await openChargingSite(cloud, `${name}${runs}`);
    take(cloud, site, runs);
  });
  afterEach(() => site?.edge.close());
}
