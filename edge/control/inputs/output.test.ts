import { describe, expect, test } from 'vitest';
import { outputObjection, restoreRefusal } from './output.ts';
import { held, OutputRig, pulsed, shuntTrip } from './testing.ts';

const TRIPPED = 'alarm trip output T1: why; latch T1';
const trip = { kind: 'trip', because: 'why' } as const;
const objection = ({ state, facts }: OutputRig) => outputObjection(state, facts)?.fault ?? null;

describe('ED-07 what is cut off stays cut off', () => {
  test.each([
    ['a shunt trip', shuntTrip, true],
    ['an under-voltage release', held, false],
  ])('%s: told and stored once, at the order, and refused from then on', (_, facts, level) => {
    const rig = new OutputRig(facts).look(!level);
    expect(objection(rig)).toBeNull();
    rig.send(trip);
    expect(objection(rig)).toBe('site-tripped');
    expect(rig.stored).toEqual([TRIPPED]);
    rig.send({ kind: 'write-ended' }).pass(250).look(level).send(trip);
    expect(rig.stored).toEqual([TRIPPED]);
    expect(rig.write).toBeNull();
  });

  test('a look that was asked for before the write, or during it, says nothing', () => {
    const rig = new OutputRig().look(false).send(trip).look(false);
    expect(rig.write).toBeNull();
    const askedMonoMs = rig.monoMs;
    rig.pass(50).send({ kind: 'write-ended' }).look(false, askedMonoMs);
    expect(rig.write).toBeNull();
  });

  test('a board that has lost its trip is told again, and the supply counts as cut off all the while', () => {
    const rig = new OutputRig().look(false).send(trip).send({ kind: 'write-ended' }).pass(999).look(false);
    expect(rig.write).toBeNull();
    expect(rig.pass(1).look(false).write).toBe(true);
    expect(objection(rig)).toBe('site-tripped');
    const release = new OutputRig(held).look(true).send(trip).send({ kind: 'write-ended' }).pass(1000).look(true);
    expect(release.write).toBe(false);
  });

  test('after a restart the first action is a look: tripped as the ledger has it, whatever the relay shows', () => {
    const rig = new OutputRig(shuntTrip, true);
    expect(objection(rig)).toBe('site-tripped');
    expect(rig.write).toBeNull();
    rig.look(false);
    expect(rig.write).toBe(true);
    expect(rig.stored).toEqual([]);
  });

  test('one that is found tripped counts as tripped, and is told', () => {
    for (const [facts, isOn] of [
      [shuntTrip, true],
      [held, false],
    ] as const) {
      const rig = new OutputRig(facts).look(isOn);
      expect(objection(rig)).toBe('site-tripped');
      expect(rig.stored).toEqual(['alarm trip output T1: it was found tripped; latch T1']);
      expect(rig.write).toBeNull();
    }
  });
});

describe('ED-07 a pulse', () => {
  test('ends after its time, and the output stays tripped', () => {
    const rig = new OutputRig(pulsed).look(false).send(trip).send({ kind: 'write-ended' });
    rig.pass(499).look(true);
    expect(rig.write).toBeNull();
    rig.pass(1).look(true);
    expect(rig.write).toBe(false);
    rig.send({ kind: 'writing' }).send({ kind: 'write-ended' }).pass(250).look(false);
    expect(rig.write).toBeNull();
    expect(objection(rig)).toBe('site-tripped');
  });

  test('that was cut short by a restart ends after its time as well', () => {
    const rig = new OutputRig(pulsed).look(true);
    expect(rig.write).toBeNull();
    expect(objection(rig)).toBe('site-tripped');
    expect(rig.pass(500).look(true).write).toBe(false);
  });
});

describe('ED-07 only a technician puts a supply back', () => {
  const tripped = () => new OutputRig().look(false).send(trip).send({ kind: 'write-ended' }).pass(100).look(true);

  test('and then it is stored', () => {
    const rig = tripped();
    expect(restoreRefusal(rig.state, rig.facts)).toBeNull();
    rig
      .send({ kind: 'writing' })
      .look(false)
      .send({ kind: 'restored' })
      .send({ kind: 'write-ended' })
      .pass(1)
      .look(false);
    expect(objection(rig)).toBeNull();
    expect(rig.stored).toEqual([TRIPPED, 'unlatch T1']);
    expect(rig.write).toBeNull();
  });

  test('a write that came to nothing leaves it tripped', () => {
    const rig = tripped().send({ kind: 'writing' }).send({ kind: 'write-ended' }).pass(1).look(true);
    expect(objection(rig)).toBe('site-tripped');
    expect(rig.write).toBeNull();
  });

  test.each<[string, () => OutputRig, string]>([
    ['is not tripped', () => new OutputRig().look(false), 'T1 is not tripped'],
    ['is being written', () => tripped().send(trip), 'T1 is being written: try again'],
    ['was never seen', () => new OutputRig(shuntTrip, true), 'the board of T1 does not answer'],
    ['is not seen any more', () => tripped().pass(3000).send({ kind: 'tick' }), 'the board of T1 does not answer'],
  ])('not one that %s', (_, prepare, refusal) => {
    const { state, facts } = prepare();
    expect(restoreRefusal(state, facts)).toBe(refusal);
  });
});

test('ED-07 ED-21 an output that nobody sees refuses new charges behind it: a way to stop is missing', () => {
  const rig = new OutputRig();
  expect(objection(rig)).toBe('site-input-lost');
  rig.look(false).pass(2999).send({ kind: 'tick' });
  expect(objection(rig)).toBeNull();
  rig.pass(1).send({ kind: 'tick' }).pass(1000).send({ kind: 'tick' });
  expect(objection(rig)).toBe('site-input-lost');
  expect(rig.stored).toEqual(['alarm trip output T1 cannot be seen']);
  expect(objection(rig.look(false))).toBeNull();
});
