import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type InputFacts, inputObjection, inputResetRefusal, newInput } from './input.ts';
import { door, emergencyStop, InputRig } from './testing.ts';

const objection = ({ state, facts }: InputRig) => inputObjection(state, facts);
const PRESSED = 'alarm emergency-stop E1 is pressed; latch E1';
const LOST = 'alarm emergency-stop E1 cannot be seen';

describe('ED-21 an emergency stop counts when it is seen for more than 100 ms', () => {
  test('two looks in a row: the second one is asked more than 100 ms after the first was answered', () => {
    const rig = new InputRig().atRest().look(true);
    expect(rig.state.level).toBe('released');
    rig.pass(100).look(true);
    expect(rig.state.level).toBe('released');
    rig.pass(1).look(true);
    expect(rig.state).toMatchObject({ level: 'active', latched: true });
    expect(rig.stored).toEqual([PRESSED]);
    expect(objection(rig)).toEqual({
      isStop: true,
      objection: { fault: 'site-emergency-stop', detail: 'emergency-stop E1 is pressed' },
    });
  });

  test('a bounce between them begins the count again', () => {
    const rig = new InputRig().atRest().look(true).pass(60).look(false).pass(60).look(true).pass(60).look(true);
    expect(rig.state.level).toBe('released');
    expect(rig.stored).toEqual([]);
  });

  test('a look that was lost in between does not: it may have shown it', () => {
    const rig = new InputRig().atRest().look(true).pass(200).send({ kind: 'look-failed' }).pass(10).look(true);
    expect(rig.state.level).toBe('active');
  });

  test('it is told once, however often it is pressed before the reset', () => {
    const rig = new InputRig().atRest().looks(true, 4).looks(false, 5).looks(true, 4);
    expect(rig.stored).toEqual([PRESSED]);
  });
});

describe('ED-21 a release counts when every look for more than 500 ms shows it', () => {
  test('stable for longer than that', () => {
    const rig = new InputRig().atRest().looks(true, 3).look(false);
    rig.pass(500).look(false);
    expect(rig.state.level).toBe('active');
    rig.pass(1).look(false);
    expect(rig.state.level).toBe('released');
  });

  test.each<[string, (rig: InputRig) => InputRig]>([
    ['a look that shows it pressed', (rig) => rig.look(true)],
    ['a look that does not come', (rig) => rig.send({ kind: 'look-failed' })],
  ])('%s begins the count again', (_, disturb) => {
    const rig = disturb(new InputRig().atRest().looks(true, 3).look(false).pass(300)).pass(300).look(false);
    expect(rig.state.level).toBe('active');
    rig.pass(501).look(false);
    expect(rig.state.level).toBe('released');
  });
});

describe('ED-21 the latch', () => {
  const pressed = () => new InputRig().atRest().looks(true, 3);

  test('stays after the release, and only a technician ends it', () => {
    const rig = pressed().looks(false, 6);
    expect(rig.state).toMatchObject({ level: 'released', latched: true });
    expect(objection(rig)).toEqual({
      isStop: true,
      objection: { fault: 'site-emergency-stop', detail: "emergency-stop E1 waits for a technician's reset" },
    });
    expect(inputResetRefusal(rig.state, rig.facts)).toBeNull();
    rig.send({ kind: 'reset' });
    expect(objection(rig)).toBeNull();
    expect(rig.stored).toEqual([PRESSED, 'unlatch E1']);
  });

  test.each<[string, () => InputRig, string]>([
    ['while it is pressed', pressed, 'emergency-stop E1 is pressed still: release it first'],
    [
      'before the release counts',
      () => pressed().look(false).pass(100).look(false),
      'emergency-stop E1 is pressed still: release it first',
    ],
    [
      'while nobody sees it',
      () => pressed().looks(false, 6).pass(3000).send({ kind: 'tick' }),
      'emergency-stop E1 cannot be seen, so nobody knows that it is released',
    ],
    ['when nothing is latched', () => new InputRig().atRest(), 'emergency-stop E1 is not latched'],
  ])('is not reset %s', (_, prepare, refusal) => {
    const rig = prepare();
    const { latched } = rig.state;
    expect(inputResetRefusal(rig.state, rig.facts)).toBe(refusal);
    rig.stored.length = 0;
    rig.send({ kind: 'reset' });
    expect(rig.state.latched).toBe(latched);
    expect(rig.stored).toEqual([]);
  });

  test('survives a restart: in force before the first look, and no second alarm after it', () => {
    const rig = new InputRig(emergencyStop, true);
    expect(objection(rig)?.isStop).toBe(true);
    rig.looks(true, 4).looks(false, 6);
    expect(objection(rig)?.isStop).toBe(true);
    expect(rig.stored).toEqual([]);
  });
});

describe('ED-21 an input that nobody sees', () => {
  test('refuses before the first looks agree, and stops nothing yet', () => {
    const rig = new InputRig();
    const unseen = { fault: 'site-input-lost', detail: 'emergency-stop E1 has not been seen yet' };
    expect(objection(rig)).toEqual({ isStop: false, objection: unseen });
    rig.looks(false, 2);
    expect(objection(rig)).toEqual({ isStop: false, objection: unseen });
    rig.looks(false, 2);
    expect(objection(rig)).toBeNull();
  });

  test('counts as active after 3 s, is told once, and is free again when it is seen released', () => {
    const rig = new InputRig().atRest();
    const { seenMonoMs } = rig.state;
    rig.monoMs = seenMonoMs + 2999;
    expect(objection(rig.send({ kind: 'look-failed' }))).toBeNull();
    rig.pass(1).send({ kind: 'tick' });
    expect(objection(rig)).toEqual({
      isStop: true,
      objection: { fault: 'site-input-lost', detail: 'emergency-stop E1 cannot be seen' },
    });
    rig.pass(10_000).send({ kind: 'tick' }).send({ kind: 'look-failed' });
    expect(rig.stored).toEqual([LOST]);
    rig.look(false);
    expect(objection(rig)?.isStop).toBe(true);
    rig.pass(501).look(false);
    expect(objection(rig)).toBeNull();
    expect(rig.state).toMatchObject({ lost: false, latched: false });
  });

  test('an answer that is old when it comes does not make it seen', () => {
    const rig = new InputRig().atRest();
    const askedMonoMs = rig.monoMs;
    rig.pass(3500).send({ kind: 'look', isActive: false, askedMonoMs }).send({ kind: 'tick' });
    expect(rig.state.lost).toBe(true);
  });

  test('one that is pressed when it comes back is an emergency stop', () => {
    const rig = new InputRig().atRest().pass(4000).send({ kind: 'tick' }).looks(true, 3);
    expect(rig.state).toMatchObject({ level: 'active', latched: true, lost: false });
    expect(rig.stored).toEqual([LOST, PRESSED]);
  });
});

describe('ED-21 what each kind has against a charge', () => {
  test.each<[InputFacts['kind'], string, string]>([
    ['emergency-stop', 'site-emergency-stop', 'is pressed'],
    ['fire', 'fire', 'has gone off'],
    ['smoke', 'smoke', 'has gone off'],
    ['flood', 'flood', 'has gone off'],
  ])('%s stops, and latches', (kind, fault, text) => {
    const rig = new InputRig({ ...emergencyStop, kind, inputId: 'X' }).atRest().looks(true, 3);
    expect(objection(rig)).toEqual({ isStop: true, objection: { fault, detail: `${kind} X ${text}` } });
    expect(rig.stored).toEqual([`alarm ${kind} X ${text}; latch X`]);
  });

  test('a door refuses new charges while it is open, and is free when it is closed', () => {
    const rig = new InputRig(door).atRest().looks(true, 3);
    expect(objection(rig)).toEqual({ isStop: false, objection: { fault: 'door-open', detail: 'door D1 is open' } });
    rig.looks(false, 5);
    expect(objection(rig)).toBeNull();
    expect(rig.stored).toEqual(['alarm door D1 is open']);
    rig.pass(4000).send({ kind: 'tick' });
    expect(objection(rig)?.isStop).toBe(false);
  });

  test('a door may be told to stop, and to latch', () => {
    const rig = new InputRig({ ...door, stops: true, latches: true }).atRest().looks(true, 3).looks(false, 5);
    expect(objection(rig)?.isStop).toBe(true);
    expect(rig.stored).toEqual(['alarm door D1 is open; latch D1']);
  });

  test('the alarm names the site, no pile', () => {
    const { state } = new InputRig().atRest().look(true).pass(200);
    expect(newInput(true, 0)).toMatchObject({ level: 'unknown', latched: true, lost: false });
    expect(state.change).toMatchObject({ to: 'active' });
  });
});

test('ED-21 whatever the looks show, in whatever order: once active, nothing but a reset frees it', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('look' as const), isActive: fc.boolean() }),
    fc.constantFrom({ kind: 'look-failed' as const }, { kind: 'tick' as const }),
  );
  const steps = fc.array(fc.tuple(step, fc.integer({ min: 0, max: 1200 })), { maxLength: 40 });
  fc.assert(
    fc.property(steps, (taken) => {
      const rig = new InputRig().atRest();
      let wasActive = false;
      for (const [event, ms] of taken) {
        rig.pass(ms);
        if (event.kind === 'look') rig.look(event.isActive);
        else rig.send(event);
        wasActive ||= rig.state.level === 'active';
        if (wasActive) expect(objection(rig)?.isStop).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});
