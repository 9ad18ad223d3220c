import { test } from 'vitest';
import { expectUntouched, FaultSite, type SiteShape } from './fault-site.ts';

/** Two wall boxes on one serial line: A suffers, B charges all the time. */
export const twoOnOneLine = (line: SiteShape['lines'][number] = serialLine): SiteShape => ({
  lines: [line],
  piles: [
    { pileId: 'A', model: 'heidelberg-energy-control', lineId: line.lineId, unit: 1, initialRegisterWh: 81_234.6 },
    { pileId: 'B', model: 'heidelberg-energy-control', lineId: line.lineId, unit: 2, initialRegisterWh: 407_118.2 },
  ],
});

const serialLine = {
  lineId: 'rtu1',
  transport: 'serial',
  baud: 19_200,
  parity: 'even',
  stopBits: 1,
  turnaroundMs: 8,
} as const;

/** One test on lines of its own, at the same time as the others of its file. */
export function onSite(name: string, shape: SiteShape, body: (site: FaultSite) => Promise<void>): void {
  test.concurrent(name, async () => {
    const site = await FaultSite.open(shape);
    try {
      await body(site);
    } finally {
      await site.close();
    }
  });
}

/** A fault at A, while B charges on the same line and is not to notice: its energy is exact, and nothing stops it. */
export function besideAnother(
  name: string,
  body: (site: FaultSite) => Promise<void>,
  shape: SiteShape = twoOnOneLine(),
): void {
  onSite(name, shape, async (site) => {
    await site.charge('A', 'B');
    await body(site);
    expectUntouched(await site.stop('B'));
  });
}
