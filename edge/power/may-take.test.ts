import { describe, expect, test } from 'vitest';
import { noInfluence } from '../control/influence.ts';
import { charging, plugged, Rig, restartFromDisk, stopCommand } from '../control/testing.ts';
import { demandOf, mayTakeMa } from './may-take.ts';
import { outlet } from './testing.ts';

const at = outlet('P1-1');
const lasting = outlet('P1-1', { fallback: { afterMs: null, currentMa: 16_000 } });
const safe = outlet('P1-1', { fallback: { afterMs: 15_000, currentMa: 8000 } });
const takes = (rig: Rig, of = at, beforeMa: number | null = 0) => mayTakeMa(rig.state, of, beforeMa, rig.monoMs);
const running = () => new Rig().toCharging().acknowledge();
const less = (rig: Rig, ceilingMa: number) => {
  rig.send({ kind: 'influenced', influence: { ...noInfluence, grantMa: ceilingMa } });
  return rig;
};

describe('ED-14 a connector counts with what may flow there', () => {
  test('nothing where nothing is offered and nothing flows', () => {
    const rig = new Rig();
    rig.see(plugged);
    expect(takes(rig)).toBe(0);
  });

  test('a charge with its old limit until the pile has taken the lower one and the vehicle had its 5 s', () => {
    const rig = less(running(), 8000);
    expect(takes(rig)).toBe(16_000);
    rig.pass(500).answerLimit('written');
    rig.pass(4999);
    expect(takes(rig)).toBe(16_000);
    rig.pass(1).see({ ...charging, currentMa: 7900 });
    expect(takes(rig)).toBe(8000);
  });

  test('with what it is seen to take, where that is more', () => {
    const rig = less(running(), 8000);
    rig.answerLimit('written');
    rig.pass(6000).see({ ...charging, currentMa: 8400 });
    expect(takes(rig)).toBe(8000);
    rig.see({ ...charging, currentMa: 12_000 });
    expect(takes(rig)).toBe(12_000);
  });

  test('a start with the most that it was told', () => {
    const rig = new Rig();
    rig.toStarting();
    expect(takes(rig)).toBe(16_000);
  });

  test('a start with the most that it was told, when a lower one is told after it', () => {
    const rig = new Rig().toStarting();
    rig.answerLimit('write-failed');
    less(rig, 8000);
    rig.pass(2000).see(plugged);
    expect([rig.offering.limitMa, takes(rig)]).toEqual([8000, 16_000]);
    rig.answerLimit('written');
    rig.pass(1000).see(charging);
    expect([rig.phase, takes(rig)]).toEqual(['charging', 16_000]);
  });

  test('a stop with what was told last, also when nobody has looked at it in between', () => {
    const rig = running().acknowledge();
    rig.command(stopCommand(rig.session.sessionId));
    rig.lose();
    expect(takes(rig, at, 0)).toBe(16_000);
  });

  test('a stop with what was offered before it, until it is proven', () => {
    const rig = running();
    // A vehicle at rest may take it all again.
    rig.pass(1000).see(plugged);
    rig.command(stopCommand(rig.session.sessionId));
    expect(rig.phase).toBe('stopping');
    expect(takes(rig, at, 16_000)).toBe(16_000);
    rig.pass(100).send({ kind: 'written', write: rig.rung });
    rig.pass(500).see(plugged);
    expect(takes(rig, at, 16_000)).toBe(0);
  });

  test('a stop that is under way makes nobody give way; one that is not proven in time, or cannot be seen, does', () => {
    const rig = running();
    rig.command(stopCommand(rig.session.sessionId));
    const floorMa = () => demandOf(rig.state, at, takes(rig, at, 16_000), rig.monoMs).floorMa;
    expect([takes(rig, at, 16_000), floorMa()]).toEqual([16_000, 0]);
    rig.pass(4999).see(charging);
    expect(floorMa()).toBe(0);
    rig.pass(1).see(charging);
    expect(floorMa()).toBe(16_000);
    const unseen = running();
    unseen.command(stopCommand(unseen.session.sessionId));
    unseen.lose();
    expect(demandOf(unseen.state, at, takes(unseen, at, 16_000), unseen.monoMs).floorMa).toBe(16_000);
  });

  test('one that delivers by itself with its whole limit, or more where more is seen', () => {
    const rig = new Rig();
    rig.see({ ...charging, currentMa: 9000 });
    expect(takes(rig)).toBe(16_000);
    rig.see({ ...charging, currentMa: 31_000 });
    expect(takes(rig)).toBe(31_000);
  });

  test('a silent one with its own fallback, 10 s before its watchdog can end', () => {
    const rig = new Rig();
    rig.see(plugged);
    rig.pass(4999).lose();
    expect(takes(rig, safe)).toBe(0);
    rig.pass(1).lose();
    expect(takes(rig, safe)).toBe(8000);
    expect(takes(rig, lasting)).toBe(0);
  });

  test('after a restart the most that its session may have; one that was never seen its limit until it has fallen back', () => {
    const rig = restartFromDisk(less(running(), 8000), 1000);
    expect([rig.phase, takes(rig, at, null)]).toEqual(['adopting', 16_000]);
    const unseen = new Rig();
    expect([takes(unseen, at, null), takes(unseen, lasting, null)]).toEqual([16_000, 16_000]);
    unseen.pass(20_000);
    expect([takes(unseen, at, null), takes(unseen, safe, null), takes(unseen, lasting, null)]).toEqual([
      0, 8000, 16_000,
    ]);
  });
});

describe('ED-14 what a connector asks for', () => {
  const demand = (rig: Rig) => demandOf(rig.state, at, takes(rig), rig.monoMs);

  test('what does not follow cannot be taken away: a limit that is not taken for 2 s, a pile that is silent for 2 s', () => {
    const rig = less(running(), 8000);
    expect(demand(rig)).toMatchObject({ wants: 'charge', mayTakeMa: 16_000, floorMa: 0 });
    rig.pass(2000).see(charging);
    expect(demand(rig)).toMatchObject({ floorMa: 16_000 });
    const silent = running();
    silent.pass(1999).lose();
    expect(demand(silent)).toMatchObject({ floorMa: 0 });
    silent.pass(1).lose();
    expect(demand(silent)).toMatchObject({ floorMa: 16_000 });
  });

  test('no more than something else around it leaves', () => {
    const rig = running();
    rig.send({ kind: 'influenced', influence: { ...noInfluence, ceilingMa: 9000 } });
    expect(demand(rig)).toMatchObject({ maxMa: 9000 });
  });
});
