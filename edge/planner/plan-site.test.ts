import { describe, expect, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import type { SiteConfig } from '../config/site.ts';
import { devicesOf } from '../config/site-devices.ts';
import { loadProfiles, type Profile, packagedProfiles } from '../devices/load-profiles.ts';
import { planSite as planDevices, refuseInfeasible, type SitePlan } from './plan-site.ts';
import { library, limits, pileAt, pileProfile, serialLine, siteOf, tcpLine, timing, tokenWatchdog } from './testing.ts';

const planSite = (site: SiteConfig, profiles: ReadonlyMap<string, Profile>) =>
  planDevices(site, devicesOf(site, profiles));

const withGaps = { ...timing, gapMs: 100 };
const codes = (plan: SitePlan) => plan.problems.map(({ code, path }) => `${code} ${path}`);
const lineOf = (plan: SitePlan) => {
  const [line] = plan.lines;
  if (line === undefined) throw new Error('no line');
  return line;
};
const stopOf = (plan: SitePlan) => {
  const { stop } = lineOf(plan);
  if (stop === null) throw new Error('no piles');
  return stop;
};

describe('ED-04 the cycle of N piles, each two reads of ten registers and a token', () => {
  const cycleS = (baud: number, piles: number, gapMs: number) => {
    const profile = pileProfile({ timing: { ...timing, gapMs } });
    return lineOf(planSite(siteOf(serialLine(baud), piles), library(profile))).saturatedCycleMs / 1000;
  };
  test.each([
    { piles: 1, expected: [0.18, 0.12, 0.08, 0.48, 0.42] },
    { piles: 4, expected: [0.71, 0.48, 0.31, 1.91, 1.68] },
    { piles: 8, expected: [1.42, 0.95, 0.63, 3.82, 3.35] },
    { piles: 16, expected: [2.85, 1.9, 1.25, 7.65, 6.7] },
    { piles: 32, expected: [5.7, 3.81, 2.51, 15.3, 13.41] },
  ])('N = $piles', ({ piles, expected }) => {
    const speeds = [
      [9600, 0],
      [19_200, 0],
      [115_200, 0],
      [9600, 100],
      [19_200, 100],
    ] as const;
    const found = speeds.map(([baud, gapMs]) => cycleS(baud, piles, gapMs));
    found.forEach((seconds, i) => {
      expect(Math.abs(seconds - (expected[i] ?? 0)), `column ${i}: ${seconds}`).toBeLessThanOrEqual(0.005_01);
    });
  });
});

describe('ED-04 what is polled and how much of the line it takes', () => {
  test('set-up points are not polled; a feed counts once every third of its watchdog', () => {
    const profile = pileProfile({ watchdog: tokenWatchdog(6000) });
    const line = lineOf(planSite(siteOf(serialLine(9600), 2), library(profile)));
    expect(line.devices.map(({ deviceId }) => deviceId)).toEqual(['P1', 'P2']);
    expect(line.devices[0]?.polls.map(({ what }) => what)).toEqual(['04 0+10', '04 100+10']);
    expect(line.devices[0]?.feeds.map(({ what }) => what)).toEqual(['06 302']);
    // Two piles, each (2 × 65.83 ms) / 1 s + 46.35 ms / 2 s.
    expect(line.utilisation).toBeCloseTo(2 * (0.131_667 + 0.023_177), 4);
  });

  test('a socket moves the registers, and the piles on other lines are not counted', () => {
    const profile = pileProfile({ sockets: { count: 4, stride: 1000 } });
    const piles = [pileAt(1, { socket: 2 }), pileAt(2, { socket: 1, lineId: 'L2' })];
    const lines = [serialLine(9600), { ...tcpLine, lineId: 'L2' }];
    const plan = planSite(siteOf(serialLine(9600), 0, { lines, piles }), library(profile));
    expect(plan.lines.map(({ devices }) => devices.map(({ address }) => address))).toEqual([
      ['unit 1 socket 2'],
      ['unit 2 socket 1'],
    ]);
    expect(plan.lines[0]?.devices[0]?.polls.map(({ what }) => what)).toEqual(['04 2000+10', '04 2100+10']);
    expect(plan.lines[1]?.saturatedCycleMs).toBe(60);
  });

  test('a DL/T 645 meter takes one question for each of its values', () => {
    const site = siteOf(serialLine(2400), 0, {
      meters: [{ meterId: 'M1', profile: 'dlt645-2007', lineId: 'L1', address: '000000000161' }],
    });
    const meter = lineOf(planSite(site, loadProfiles(packagedProfiles))).devices[0];
    expect(meter?.address).toBe('address 000000000161');
    const energy = meter?.polls.find(({ what }) => what === '00010000');
    // 4 × FE and 16 bytes there; up to 4 × FE, 16 bytes and 4 of data back; two silences; the meter's turnaround.
    expect(energy?.busyMs).toBeCloseTo((44 * 11_000) / 2400 + (7 * 11_000) / 2400 + turnaroundOfMeter(), 3);
  });
});

test('ED-03 ED-04 a ground lock is one question a poll; its moves can be in the way of a stop only', () => {
  const profiles = new Map([...loadProfiles(packagedProfiles), ...library(pileProfile())]);
  const parking = [{ deviceId: 'G1', profile: 'bus-lock', lineId: 'L1', address: 4, connectorId: 'P1-1' }];
  const line = lineOf(planSite(siteOf(serialLine(9600), 1, { parking }), profiles));
  const lock = line.devices[1];
  expect([lock?.part, lock?.deviceId, lock?.address]).toEqual(['parking', 'G1', 'address 4']);
  expect(lock?.polls.map(({ what }) => what)).toEqual(['query']);
  expect(lock?.occasional.map(({ what }) => what)).toEqual(['raise', 'lower']);
  const pileMs = 2 * 65.8333 + 46.3542;
  expect(line.saturatedCycleMs).toBeCloseTo(pileMs + takenMs(lock?.polls), 2);
});

const takenMs = (transactions: readonly { busyMs: number; gapMs: number }[] = []) =>
  transactions.reduce((sum, { busyMs, gapMs }) => sum + busyMs + gapMs, 0);

function turnaroundOfMeter(): number {
  const meter = loadProfiles(packagedProfiles).get('dlt645-2007');
  return meter?.kind === 'dlt645-meter' ? meter.timing.turnaroundMs : Number.NaN;
}

describe('ED-07 how long a stop waits for its line', () => {
  test('at 9600 baud with a response timeout of 500 ms: 0.65 s at most, 3.1 s with one of 3 s', () => {
    const half = stopOf(planSite(siteOf(serialLine(9600), 8), library(pileProfile())));
    expect(half.deadUnitMs).toBeCloseTo(37.8125 + 4.0104 + 500 + 46.3542, 3);
    expect(half.deadUnitMs).toBeLessThanOrEqual(650);
    const slow = { ...timing, responseTimeoutMs: 3000, slowestReplyMs: 3000 };
    const long = stopOf(planSite(siteOf(serialLine(9600), 8), library(pileProfile({ timing: slow }))));
    expect(long.deadUnitMs / 1000).toBeCloseTo(3.1, 1);
  });

  test('with every unit answering: the longest transaction in flight, the gap, and the write', () => {
    const stop = stopOf(planSite(siteOf(serialLine(9600), 8), library(pileProfile({ timing: withGaps }))));
    expect(stop.healthyMs).toBeCloseTo(65.8333 + 100 + 46.3542, 3);
    expect(stop.isOnTarget).toBe(true);
  });

  test('what is read at set-up only can be in the way as well', () => {
    const plate = { fc: 4, address: 200, type: 'utf16', words: 50, unit: 'none', read: 'set-up' };
    const profile = pileProfile({ maxReadRegisters: 50, plate });
    const stop = stopOf(planSite(siteOf(serialLine(9600), 1), library(profile)));
    // 50 registers: 113 characters.
    expect(stop.healthyMs).toBeCloseTo((113 * 11_000) / 9600 + 8.0208 + 20 + 46.3542, 2);
  });

  test('a meter on the line is waited for as well', () => {
    const meters = [{ meterId: 'M1', profile: 'dlt645-2007', lineId: 'L1', address: '000000000161' }];
    const profiles = new Map([...loadProfiles(packagedProfiles), ...library(pileProfile())]);
    const alone = stopOf(planSite(siteOf(serialLine(9600), 1), profiles));
    const together = stopOf(planSite(siteOf(serialLine(9600), 1, { meters }), profiles));
    expect(together.healthyMs).toBeGreaterThan(alone.healthyMs);
    expect(together.piles).toBe(1);
  });

  test.each([
    [0, 1.48],
    [100, 4.68],
  ])('32 piles in turn with gaps of %i ms: %f s', (gapMs, expectedS) => {
    const profile = pileProfile({ timing: { ...timing, gapMs } });
    const { allPilesMs, piles } = stopOf(planSite(siteOf(serialLine(9600), 32), library(profile)));
    expect({ piles, allPilesS: Math.round(allPilesMs / 10) / 100 }).toEqual({ piles: 32, allPilesS: expectedS });
  });

  test('a fault is read within the poll period, or the cycle where that is longer', () => {
    const detection = (piles: number) =>
      stopOf(planSite(siteOf(serialLine(9600), piles), library(pileProfile()))).detectionMs;
    expect(detection(2)).toBe(1000);
    expect(detection(16)).toBeCloseTo(2848.3, 0);
  });

  test('a line that cannot keep the target of 1 s says so', () => {
    const slow = { ...timing, turnaroundMs: 500, responseTimeoutMs: 800, slowestReplyMs: 800 };
    const plan = planSite(siteOf(serialLine(9600), 1), library(pileProfile({ timing: slow })));
    expect(stopOf(plan).isOnTarget).toBe(false);
    expect(plan.notes).toEqual([
      'L1: asked for 109 % of its time; each device is polled every 1.62 s at best',
      'L1: a stop may wait 1.07 s for the line; the target is 1.00 s',
    ]);
    expect(plan.problems).toEqual([]);
  });
});

describe('ED-04 a watchdog that the line cannot feed in time is refused with the numbers', () => {
  const compact = (gapMs: number) => pileProfile({ timing: { ...timing, gapMs }, watchdog: tokenWatchdog(5000) });

  test('a token of 5 s on 16 piles with gaps of 100 ms', () => {
    const plan = planSite(siteOf(serialLine(9600), 16), library(compact(100)));
    expect(codes(plan)).toEqual(['watchdog-starved lines.0']);
    const [{ en, zh } = { en: '', zh: '' }] = plan.problems;
    // Lost: two cycles, and 541.8 ms in which the answer to a read could still have come.
    for (const number of ['devices (16)', '9600 baud', '7.65 s', '15.84 s', '5.00 s', '1.67 s', 'P1'])
      expect(en).toContain(number);
    for (const number of ['16 台', '9600 波特', '7.65 s', '15.84 s', '1.67 s', '5.00 s']) expect(zh).toContain(number);
  });

  test('a cycle has to fit into a third of the watchdog', () => {
    // 0.178 s a pile: nine need 1.60 s, ten 1.78 s; a third of 5 s is 1.67 s.
    expect(codes(planSite(siteOf(serialLine(9600), 9), library(compact(0))))).toEqual([]);
    expect(codes(planSite(siteOf(serialLine(9600), 10), library(compact(0))))).toEqual(['watchdog-starved lines.0']);
  });

  test('a lost cycle and the next have to fit into the whole of it', () => {
    const patient = (slowestReplyMs: number) =>
      pileProfile({ timing: { ...timing, slowestReplyMs }, watchdog: tokenWatchdog(5000) });
    // Nine piles: two cycles of 1.602 s, and 0.042 s more than the slowest reply.
    expect(codes(planSite(siteOf(serialLine(9600), 9), library(patient(1740))))).toEqual([]);
    expect(codes(planSite(siteOf(serialLine(9600), 9), library(patient(1760))))).toEqual(['watchdog-starved lines.0']);
  });

  test('16 Heidelberg piles with their 15 s run on one line of 19200 baud', () => {
    const piles = Array.from({ length: 16 }, (_, i) => pileAt(i + 1, { profile: 'heidelberg-energy-control' }));
    const plan = planSite(siteOf(serialLine(19_200), 0, { piles }), loadProfiles(packagedProfiles));
    expect(plan.problems).toEqual([]);
  });

  test('a pile that shares its line with slow meters is refused for the whole cycle', () => {
    const profiles = new Map([...loadProfiles(packagedProfiles), ...library(compact(0))]);
    const meters = [1, 2, 3, 4, 5].map((n) => ({
      meterId: `M${n}`,
      profile: 'dlt645-2007',
      lineId: 'L1',
      address: `00000000016${n}`,
    }));
    const site = siteOf(serialLine(2400), 1, { meters });
    expect(codes(planSite({ ...site, meters: [] }, profiles))).toEqual([]);
    expect(codes(planSite(site, profiles))).toEqual(['watchdog-starved lines.0']);
  });
});

describe('ED-14 what the piles take without the edge has to be what the supply carries', () => {
  const safe = (currentMa: number) =>
    pileProfile({
      watchdog: { timeoutMs: 60_000, refreshedBy: 'reads', fallback: { kind: 'safe-current', currentMa } },
    });

  test('safe currents add up: six piles at 6 A fit 36 A, not 35 A', () => {
    const plan = (supplyLimitMa: number) =>
      planSite(siteOf(serialLine(19_200), 6, { supplyLimitMa }), library(safe(6000)));
    expect(plan(36_000).supply.nodes).toMatchObject([
      { fallbackMa: [36_000, 36_000, 36_000], limitMa: [36_000, 36_000, 36_000], fullMa: [96_000, 96_000, 96_000] },
    ]);
    expect(codes(plan(36_000))).toEqual([]);
    expect(codes(plan(35_000))).toEqual(['fallback-above-supply supplyLimitMa']);
    expect(plan(35_000).problems[0]?.en).toMatch(/may take 36\.0 A per phase \(P1 6\.0 A, .*carries 35\.0 A/);
    expect(plan(35_000).problems[0]?.zh).toMatch(/36\.0 A.*P6 6\.0 A.*35\.0 A/);
  });

  test.each([
    ['without a watchdog', pileProfile({ watchdog: null }), 'no-watchdog', 64_000],
    [
      'that fall back to full power',
      pileProfile({ watchdog: tokenWatchdog(60_000, 'full-power') }),
      'full-power',
      64_000,
    ],
    ['that stop', pileProfile(), 'stop', 0],
  ] as const)('piles %s', (_, profile, because, fallbackMa) => {
    const { supply, problems } = planSite(siteOf(tcpLine, 4, { supplyLimitMa: 63_000 }), library(profile));
    expect(supply.piles.map((pile) => pile.because)).toEqual([because, because, because, because]);
    expect(supply.nodes[0]?.fallbackMa).toEqual([fallbackMa, fallbackMa, fallbackMa]);
    expect(problems.map(({ code }) => code)).toEqual(fallbackMa === 0 ? [] : ['fallback-above-supply']);
  });

  test('single-phase piles are assumed to hang on one phase', () => {
    const profile = pileProfile({ watchdog: null, limits: { ...limits, phases: 1 } });
    expect(planSite(siteOf(tcpLine, 3, { supplyLimitMa: 47_000 }), library(profile)).problems).toHaveLength(1);
    expect(planSite(siteOf(tcpLine, 3, { supplyLimitMa: 48_000 }), library(profile)).problems).toHaveLength(0);
  });
});

test('ED-15 a technician is told of what nothing forbids', () => {
  const profile = pileProfile({ watchdog: null, hardStop: null, timing: { ...timing, pollMs: 30_000 } });
  const line = serialLine(19_200, '/dev/ttyUSB0');
  const meters = [{ meterId: 'M1', profile: 'dlt645-2007', lineId: 'L1', address: '000000000161' }];
  const site = siteOf(line, 1, { meters, supplyLimitMa: 16_000 });
  const { notes } = planSite(site, new Map([...loadProfiles(packagedProfiles), ...library(profile)]));
  expect(notes).toEqual([
    'L1: /dev/ttyUSB0 may name another adapter after a restart; prefer a path below /dev/serial/by-id/',
    'P1: bench-pile is delivered with 9600 baud, parity even, 1 stop bit; set it to 19200 baud, parity even, 1 stop bit',
    'M1: dlt645-2007 is delivered with 2400 baud, parity even, 1 stop bit; set it to 19200 baud, parity even, 1 stop bit',
    'P1 (bench-pile): has no second way to stop; the site needs a trip output for it',
    'P1 (bench-pile): has no watchdog; without the edge its last limit stays, counted as 16.0 A',
    'P1 (bench-pile): is polled every 30.00 s as its profile asks; a fault is seen that late',
    'M1: bills for no connector',
  ]);
});

test('ED-15 XC-08 an infeasible site is refused with file, place and both languages', () => {
  const site = siteOf(tcpLine, 4, { supplyLimitMa: 63_000 });
  const plan = planSite(site, library(pileProfile({ watchdog: null })));
  try {
    refuseInfeasible('site.json', plan);
    expect.unreachable();
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    expect(error.code).toBe('site.infeasible');
    expect(error.detail).toMatch(/^site\.json: supplyLimitMa: Without the edge .*64\.0 A.* 控制器失联时.*63\.0 A/);
    expect(error.complaints).toEqual([
      { path: 'supplyLimitMa', reason: `${plan.problems[0]?.en} ${plan.problems[0]?.zh}` },
    ]);
  }
  refuseInfeasible('site.json', planSite(site, library(pileProfile())));
});
