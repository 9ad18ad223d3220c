import { describe, expect, test } from 'vitest';
import { sessionOf } from '../control/connector.ts';
import { noInfluence } from '../control/influence.ts';
import { Rig, START_WALL_MS, startCommand } from '../control/testing.ts';
import { loopRig } from './testing.ts';

type Loop = ReturnType<typeof loopRig>;
const start = () => startCommand({ expiresAtMs: START_WALL_MS + 600_000, ttlMs: 60_000 });
const ceiling = (rig: Loop, ceilingMa: number | null) =>
  rig.loop.dispatch({ kind: 'influenced', influence: { ...noInfluence, ceilingMa } });
const writtenSince = (rig: Loop, before: number) => rig.pile.written.slice(before).map(({ what }) => what);
const offerOf = (rig: Loop) => (rig.loop.state.phase.kind === 'charging' ? rig.loop.state.phase.offer : null);

async function charging(rig: Loop) {
  rig.loop.start();
  await rig.time.pass(2000);
  rig.loop.dispatch({ kind: 'command', command: start() });
  await rig.time.pass(3000);
  rig.loop.dispatch({ kind: 'acknowledged', id: sessionOf(rig.loop.state.phase)?.sessionId ?? '' });
  expect(rig.loop.state.phase.kind).toBe('charging');
}

/** The pile restarts in a blink and comes back at rest; the loop has told it to go on and `ms` have passed since. */
async function goesOn(rig: Loop, before: number): Promise<void> {
  rig.pile.holding.set(257, 60_000).set(259, 0);
  for (let ms = 0; ms < 60_000 && !writtenSince(rig, before).includes('259=1'); ms += 5) await rig.time.pass(5);
}

describe('ED-06 what is told last is what the pile ends up with', () => {
  test('a pause that comes while a pile is told to go on: no step of that goes out after it', async () => {
    const rig = loopRig({ setupProof: [{ point: 'watchdogTimeout', in: [15_000] }] });
    await charging(rig);
    await rig.time.pass(20_000);
    const before = rig.pile.written.length;
    await goesOn(rig, before);
    ceiling(rig, 0);
    await rig.time.pass(3000);
    expect(writtenSince(rig, before).slice(-2)).toEqual(['259=1', '261=0']);
    expect(rig.pile.holding.get(261)).toBe(0);
    expect(offerOf(rig)).toMatchObject({ limitMa: 0, pending: null });
    ceiling(rig, 8000);
    await rig.time.pass(10_000);
    expect(rig.pile.holding.get(261)).toBe(80);
    expect(rig.pile.isCharging).toBe(true);
    await rig.end();
  });

  test('two lowerings, the first taken and the second refused: the second is told until it is taken', async () => {
    const rig = loopRig();
    await charging(rig);
    const before = rig.pile.written.length;
    ceiling(rig, 10_000);
    await rig.time.pass(5);
    ceiling(rig, 6000);
    for (let ms = 0; ms < 2000 && rig.pile.holding.get(261) !== 100; ms += 5) await rig.time.pass(5);
    rig.pile.refusesWrites = true;
    await rig.time.pass(3000);
    rig.pile.refusesWrites = false;
    await rig.time.pass(20_000);
    expect(writtenSince(rig, before).slice(0, 2)).toEqual(['261=100', '261=60']);
    expect(rig.pile.holding.get(261)).toBe(60);
    expect(offerOf(rig)).toMatchObject({ limitMa: 6000, pending: null });
    expect(rig.loop.state.latched).toEqual([]);
    await rig.end();
  });

  test('a limit that has not gone out when a newer one comes does not go out at all', async () => {
    const rig = loopRig();
    await charging(rig);
    const before = rig.pile.written.length;
    ceiling(rig, 10_000);
    ceiling(rig, 8000);
    ceiling(rig, 6000);
    await rig.time.pass(3000);
    const told = writtenSince(rig, before);
    expect(told.at(-1)).toBe('261=60');
    expect(told).not.toContain('261=80');
    expect(offerOf(rig)).toMatchObject({ limitMa: 6000, pending: null });
    await rig.end();
  });
});

test('ED-09 the first limit after a restart is not above what is in force, while the rules have not been looked at', async () => {
  const before = new Rig().toCharging().acknowledge();
  before.send({ kind: 'influenced', influence: { ...noInfluence, ceilingMa: 6000 } });
  const session = sessionOf(before.state.phase);
  const rig = loopRig({ session });
  rig.pile.holding.set(259, 1).set(261, 60);
  const refuse = [{ fault: 'site-rules-failed' as const, detail: 'nothing yet' }];
  rig.loop.dispatch({ kind: 'influenced', influence: { ...noInfluence, refuse } });
  rig.loop.start();
  await rig.time.pass(90_000);
  const limits = rig.pile.written.map(({ what }) => what).filter((what) => what.startsWith('261='));
  expect(new Set(limits)).toEqual(new Set(['261=60']));
  rig.loop.dispatch({ kind: 'influenced', influence: noInfluence });
  await rig.time.pass(3000);
  expect(rig.pile.holding.get(261)).toBe(160);
  await rig.end();
});

test('ED-06 a pile that restarts under a ceiling and charges on by its own limit is told the ceiling, and latches nothing', async () => {
  const rig = loopRig({ setupProof: [{ point: 'watchdogTimeout', in: [15_000] }] });
  await charging(rig);
  ceiling(rig, 6000);
  await rig.time.pass(10_000);
  rig.pile.deafToReads = true;
  await rig.time.pass(1500);
  rig.pile.deafToReads = false;
  rig.pile.holding.set(257, 60_000).set(261, 160);
  await rig.time.pass(10_000);
  expect(rig.pile.holding.get(261)).toBe(60);
  expect(rig.pile.holding.get(257)).toBe(15_000);
  expect(rig.loop.state.phase.kind).toBe('charging');
  expect(rig.loop.state.latched).toEqual([]);
  await rig.end();
});
