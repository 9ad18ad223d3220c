import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import type { PileProfile } from '../devices/profile/pile-profile.ts';
import { pileAt, pileProfile, serialLine, siteOf, tcpLine, tokenWatchdog } from '../planner/testing.ts';
import { runPilectl } from './run-pilectl.ts';

const EDGE = join(import.meta.dirname, '..', 'main.ts');

async function type(...words: string[]) {
  let [stdout, stderr] = ['', ''];
  const status = await runPilectl(words, {
    stdin: Readable.from([]),
    technician: 'wang',
    out: (text) => {
      stdout += text;
    },
    err: (text) => {
      stderr += text;
    },
  });
  return { status, stdout, stderr };
}

function beginEdge(...words: string[]) {
  return spawnSync(process.execPath, [EDGE, ...words], { encoding: 'utf8', timeout: 20_000 });
}

/** A site that does not exist: so many piles on one line of 9600 baud, and one on a network. All of one profile. */
function siteWith(piles: number, profile: PileProfile = pileProfile()): { file: string; profiles: string } {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-plan-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { file: _, ...site } = siteOf(serialLine(9600), 0, {
    supplyLimitMa: 63_000,
    lines: [serialLine(9600, '/dev/ttyS9'), { ...tcpLine, lineId: 'T1' }],
    piles: [...Array.from({ length: piles }, (_, i) => pileAt(i + 1)), pileAt(255, { lineId: 'T1', limitMa: 32_000 })],
  });
  const profiles = join(folder, 'profiles');
  mkdirSync(profiles);
  writeFileSync(join(profiles, `${profile.profileId}.json`), JSON.stringify(profile));
  writeFileSync(join(folder, 'site.json'), JSON.stringify(site));
  return { file: join(folder, 'site.json'), profiles };
}

test('ED-15 ED-16 pilectl plan shows the numbers of a site that can be run, without a running edge', async () => {
  const { file, profiles } = siteWith(2);
  const { status, stdout, stderr } = await type('plan', file, '--profiles', profiles);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout.split('\n\n')).toEqual([
    'site bench can be run',
    [
      'line L1: serial, 9600 baud',
      '  taken at the usual pace       26.4 %',
      '  every device once             0.36 s',
      '  a fault is read within        1.00 s',
      '  a stop is written within      0.11 s',
      '  with a dead unit within       0.59 s',
      '  all piles (2) are stopped in  0.09 s',
      '  device  address  profile     one poll       every   watchdog  feed',
      '  P1      unit 1   bench-pile  2 in 131.7 ms  1.00 s  600.00 s  1 in 46.4 ms',
      '  P2      unit 2   bench-pile  2 in 131.7 ms  1.00 s  600.00 s  1 in 46.4 ms',
    ].join('\n'),
    [
      'line T1: tcp',
      '  taken at the usual pace       4.0 %',
      '  every device once             0.06 s',
      '  a fault is read within        1.00 s',
      '  a stop is written within      0.04 s',
      '  with a dead unit within       0.52 s',
      '  all piles (1) are stopped in  0.02 s',
      '  device  address   profile     one poll      every   watchdog  feed',
      '  P255    unit 255  bench-pile  2 in 40.0 ms  1.00 s  600.00 s  1 in 20.0 ms',
    ].join('\n'),
    [
      'supply, per phase',
      '  carries                       63.0 A',
      '  all piles without the edge    0.0 A',
      '  all piles at their limits     64.0 A',
      '  pile  without the edge  because',
      '  P1    0.0 A             it stops',
      '  P2    0.0 A             it stops',
      '  P255  0.0 A             it stops',
    ].join('\n'),
    [
      'notes',
      '  L1: /dev/ttyS9 may name another adapter after a restart; prefer a path below /dev/serial/by-id/',
      '  supply: all piles at their limits take 64.0 A, the supply carries 63.0 A: they share it',
      '',
    ].join('\n'),
  ]);
});

test('ED-15 XC-08 a site that cannot be run: pilectl tells it, and the edge does not start', async () => {
  const { file, profiles } = siteWith(16, pileProfile({ watchdog: tokenWatchdog(5000) }));
  const told = await type('plan', file, '--profiles', profiles);
  expect(told.status).toBe(1);
  expect(told.stdout).toContain('site bench must not be run: 1 problem');
  expect(told.stdout).toMatch(/watchdog-starved at lines\.0\n {2}L1 needs 2\.85 s .*6\.24 s.*1\.67 s.*5\.00 s/);
  const edge = beginEdge('--site', file, '--profiles', profiles);
  expect(edge.status).toBe(2);
  expect(edge.stderr).toMatch(/^site\.infeasible: .*无法安全运行。\n.*site\.json:1:\d+: lines\.0: L1 needs 2\.85 s/);
  expect(edge.stderr).toMatch(/线路 L1 .*看门狗/);
  expect(edge.stderr).toContain('pilectl plan shows the whole calculation');
  expect(existsSync(join(file, '..', 'data')), 'nothing is made').toBe(false);
});

test('ED-15 piles without a watchdog count with their limits', async () => {
  const { file, profiles } = siteWith(2, pileProfile({ watchdog: null }));
  const { status, stdout } = await type('plan', file, '--profiles', profiles);
  expect(status).toBe(1);
  expect(stdout).toMatch(/fallback-above-supply at supplyLimitMa\n.* 64\.0 A .*63\.0 A/);
  expect(stdout).toMatch(/P255 +32\.0 A +it has no watchdog; its limit counts/);
});

test('XC-08 a file that is refused is named, with what to do; words that make no sense get the usage', async () => {
  expect(await type('plan', '/nowhere/site.json')).toMatchObject({
    status: 1,
    stdout: expect.stringMatching(
      /^config\.invalid: .*配置无效。\n\/nowhere\/site\.json: ENOENT.*\nCorrect it at the named place\. /,
    ),
  });
  const { file } = siteWith(1);
  const nonsense = [
    ['plan'],
    ['plan', file, 'x'],
    ['--data', 'd', 'plan', file],
    ['--data', 'd', 'status', '--profiles', 'p'],
  ];
  for (const words of nonsense) {
    const { status, stderr } = await type(...words);
    expect({ words, status, isUsage: stderr.startsWith('pilectl --data') }).toEqual({
      words,
      status: 2,
      isUsage: true,
    });
  }
});
