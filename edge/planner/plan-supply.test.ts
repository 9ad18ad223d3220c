import { describe, expect, test } from 'vitest';
import type { SiteConfig } from '../config/site.ts';
import { devicesOf } from '../config/site-devices.ts';
import { type PowerConfig, powerSchema } from '../config/site-power.ts';
import { loadProfiles, type Profile, packagedProfiles } from '../devices/load-profiles.ts';
import { describePlan } from './describe-plan.ts';
import { planSite } from './plan-site.ts';
import { library, limits, pileAt, pileProfile, serialLine, siteOf, tcpLine } from './testing.ts';

const lasting = pileProfile({ watchdog: null, limits: { ...limits, phases: 1 } });
const plan = (site: SiteConfig, profiles: ReadonlyMap<string, Profile> = library(lasting)) =>
  planSite(site, devicesOf(site, profiles));

/** Three piles of 16 A without a watchdog; two of them on L2 behind a feeder. */
const power = (change: object = {}): PowerConfig =>
  powerSchema.parse({
    nodes: [{ nodeId: 'F1', limitMa: { L1: 40_000, L2: 32_000, L3: 40_000 } }],
    outlets: [
      { connectorId: 'P1-1', node: 'F1', phases: 'L2' },
      { connectorId: 'P2-1', node: 'F1', phases: 'L2' },
      { connectorId: 'P3-1', phases: 'L1' },
    ],
    ...change,
  });
const site = (change: object = {}, of: Partial<SiteConfig> = {}) =>
  siteOf(tcpLine, 3, { supplyLimitMa: 32_000, power: power(change), ...of });

describe('ED-14 what the piles take without the edge fits every phase of every node', () => {
  test('piles on different phases do not add up, and those on one do', () => {
    const { supply, problems } = plan(site());
    expect(problems).toEqual([]);
    expect(supply.nodes.map(({ nodeId, fallbackMa }) => [nodeId, fallbackMa])).toEqual([
      ['site', [16_000, 32_000, 0]],
      ['F1', [0, 32_000, 0]],
    ]);
  });

  test('a feeder that carries less is refused, with phase, piles and numbers', () => {
    const nodes = [{ nodeId: 'F1', limitMa: { L1: 40_000, L2: 31_000, L3: 40_000 } }];
    const { problems } = plan(site({ nodes }));
    expect(problems).toMatchObject([{ code: 'fallback-above-supply', path: 'power.nodes.0.limitMa' }]);
    expect(problems[0]?.en).toMatch(/32\.0 A on L2 \(P1 16\.0 A, P2 16\.0 A\), but F1 carries 31\.0 A/);
    expect(problems[0]?.zh).toMatch(/L2 最多可用 32\.0 A.*F1仅允许 31\.0 A/);
  });

  test('a pile whose phases nobody knows counts on all of them', () => {
    const outlets = power().outlets.map((outlet) => ({ ...outlet, node: 'site', phases: 'unknown' as const }));
    const { problems, notes } = plan(site({ outlets }));
    expect(problems[0]?.en).toMatch(/48\.0 A per phase .*the supply carries 32\.0 A/);
    expect(notes).toContain('P1-1: nobody knows its phases: it counts on all three');
  });
});

describe('ED-14 the grid meter', () => {
  const profiles = new Map([...loadProfiles(packagedProfiles), ...library(lasting)]);
  const meters = [{ meterId: 'GM', profile: 'eastron-sdm630', lineId: 'L1', unit: 20 }];
  const metered = (fallbackLimitMa: number, baud: number, piles = 3) =>
    siteOf(serialLine(baud), piles, {
      supplyLimitMa: 1_000_000,
      meters,
      power: powerSchema.parse({
        outlets: Array.from({ length: piles }, (_, i) => ({ connectorId: `P${i + 1}-1`, phases: 'L1' })),
        gridMeter: { meterId: 'GM', fallbackLimitMa },
      }),
    });

  test('without the edge nobody reads it: the fallback is all that the piles have', () => {
    expect(plan(metered(48_000, 9600), profiles).problems).toEqual([]);
    const { problems } = plan(metered(47_000, 9600), profiles);
    expect(problems).toMatchObject([{ path: 'power.gridMeter.fallbackLimitMa' }]);
    expect(problems[0]?.en).toMatch(/48\.0 A on L1 .*without the grid meter only 47\.0 A of the supply are theirs/);
  });

  test('it is read every second, and one lost look is not the end of it', () => {
    const quick = plan(metered(48_000, 9600), profiles);
    expect(quick.gridMeter).toMatchObject({ lineId: 'L1', seenWithinMs: 1000 });
    expect(quick.gridMeter?.twoLooksMs).toBe(1000 + Math.max(1000, quick.lines[0]?.lostCycleMs ?? 0));
    expect(quick.notes).not.toContain('GM: bills for no connector');
    expect(describePlan(quick)).toMatch(/grid meter GM is read every\s*1\.00 s/);
    const slow = plan(metered(1_000_000, 2400, 12), profiles);
    expect(slow.problems.map(({ code }) => code)).toContain('grid-meter-too-slow');
    expect(slow.problems.find(({ code }) => code === 'grid-meter-too-slow')?.en).toMatch(
      /GM shares L1 .* lost after 5\.00 s/,
    );
  });
});

test('ED-14 who shares, and whose charge ends where nothing is left, is told', () => {
  const endless = { ...lasting, zeroMeans: 'end-session' as const };
  const { notes } = plan(
    siteOf(tcpLine, 2, { supplyLimitMa: 32_000, piles: [pileAt(1), pileAt(2)] }),
    library(endless),
  );
  expect(notes.filter((note) => /share|pause/.test(note))).toEqual([]);
  const { notes: shared } = plan(siteOf(tcpLine, 3, { supplyLimitMa: 40_000 }), library(endless));
  expect(shared).toContain('supply: all piles at their limits take 48.0 A, the supply carries 40.0 A: they share it');
  expect(shared).toContain('P1 (bench-pile): cannot pause; where the supply leaves less than 6.0 A its charge ends');
});
