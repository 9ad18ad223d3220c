import { expect, vi } from 'vitest';
import { connectorStateSchema } from '#shared/wire/messages.ts';
import type { SiteShape } from './fault-site.ts';
import { onSite } from './shared-line.ts';

/** Goal: what a vehicle tells its pile reaches the live view. Method: the edge on the line of a simulated DC pile, beside an AC pile. */

vi.setConfig({ testTimeout: 60_000 });

const both: SiteShape = {
  lines: [{ lineId: 'rtu1', transport: 'serial', baud: 19_200, parity: 'none', stopBits: 1, turnaroundMs: 8 }],
  piles: [
    { pileId: 'A', model: 'generic-dc', lineId: 'rtu1', unit: 1, initialRegisterWh: 1_234_567.9 },
    { pileId: 'B', model: 'heidelberg-energy-control', lineId: 'rtu1', unit: 2, initialRegisterWh: 407_118.2 },
  ],
};

onSite(
  'OP-18 ED-01 the live view of a charge has the state of charge of a DC pile, and none of an AC pile',
  both,
  async (site) => {
    await site.charge('A', 'B');
    const view = site.edge.view('A');
    expect(connectorStateSchema.parse(view)).toMatchObject({ status: 'charging' });
    // It may have been a percent less when the pile was looked at.
    const nowPercent = Math.floor(site.truth('A').soc * 100);
    expect([nowPercent, nowPercent - 1]).toContain(view.socPercent);
    expect(site.edge.view('B')).not.toHaveProperty('socPercent');
    await site.stop('A');
    expect(site.edge.view('A')).not.toHaveProperty('socPercent');
  },
);
