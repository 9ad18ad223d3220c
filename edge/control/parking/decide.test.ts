import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideParking } from './decide.ts';
import { blocksConnector, mayBeBarring, newParking, type ParkingFacts, positionToReport } from './parking.ts';
import type { ParkingReading } from './reading.ts';
import {
  barrierFacts,
  between,
  damaged,
  down,
  jammed,
  lockFacts,
  ParkingRig,
  up,
  withCar,
  withoutSight,
} from './testing.ts';

const OBSTACLE = (reason: string) => `alarm lock: broken off while barring the bay (${reason}), and freed again`;
const FAULTS = {
  silent: 'alarm lock: does not answer',
  damaged: 'alarm lock: arm or boom is damaged',
  jammed: 'alarm lock: jammed: an end was not reached',
  nonsense: 'alarm lock: tells a position or an alarm that has no meaning',
};

describe('ED-17 the lock is raised only over a bay that is seen to be empty', () => {
  test('two looks after the command, then the write, then the end is read back', () => {
    const rig = new ParkingRig().atRest().command('raise');
    expect(rig.orders()).toEqual(['query']);
    rig.pass(50).see(down);
    expect(rig.orders()).toEqual([]);
    rig.pass(500).see(down);
    expect(rig.orders()).toEqual(['write raise']);
    rig.pass(30).taken('raise');
    expect(rig.orders()).toEqual(['query']);
    rig.pass(100).see(between).pass(3000).see(up);
    expect(rig.orders()).toEqual(['c1 done']);
    expect(rig.state.task).toBeNull();
  });

  test('a look that was asked for before the command does not count', () => {
    const rig = new ParkingRig().atRest();
    const beforeMs = rig.monoMs;
    rig.pass(40).command('raise').pass(10).see(down, beforeMs).pass(500).see(down);
    expect(rig.orders()).toEqual(['query']);
  });

  test('a look that was lost in between begins the count again', () => {
    const rig = new ParkingRig().atRest().command('raise').see(down).lose().pass(500).see(down);
    expect(rig.orders()).toEqual(['query']);
    rig.pass(500).see(down);
    expect(rig.orders()).toEqual(['write raise']);
  });

  test.each<[string, ParkingReading, string]>([
    ['a car', withCar(down), 'c1 bay-occupied'],
    ['nobody knows', withoutSight(down), 'c1 bay-unknown'],
  ])('%s: not raised', (_name, reading, result) => {
    const rig = new ParkingRig().atRest().command('raise').see(down).pass(500).see(reading);
    expect(rig.orders()).toEqual(['query', result]);
    rig.pass(500).see(down).pass(500).see(down);
    expect(rig.orders()).toEqual([]);
  });

  test('a bay that cannot be looked at twice in ten seconds is not known', () => {
    const rig = new ParkingRig().atRest().command('raise');
    for (let i = 0; i < 4; i += 1) rig.pass(2400).see(down).lose();
    expect(rig.orders()).toEqual(['query', 'c1 bay-unknown']);
  });

  test('a lock that is up already is done at the first look', () => {
    const rig = new ParkingRig().atRest().command('raise').pass(50).see(up);
    expect(rig.orders()).toEqual(['query', 'c1 done']);
  });

  test('one command at a time', () => {
    const rig = new ParkingRig().raising().command('raise', 'c2');
    expect(rig.orders()).toEqual(['c2 busy']);
  });
});

describe('ED-17 an obstacle while it rises: lowered once, then stopped and told', () => {
  test.each<[string, ParkingReading, string]>([
    ['a car', withCar(between), 'bay-occupied'],
    ['a bay that is not known any more', withoutSight(between), 'bay-unknown'],
  ])('%s', (_name, reading, reason) => {
    const rig = new ParkingRig().raising().see(reading);
    expect(rig.orders()).toEqual(['write lower', OBSTACLE(reason), `c1 ${reason}`]);
    rig.taken('lower').pass(3000).see(withCar(down));
    expect(rig.orders()).toEqual(['query']);
    expect(rig.state).toMatchObject({ task: null, fault: null });
    expect(blocksConnector(rig.state)).toBe(false);
  });

  test('the device says that it jams: one alarm, its own', () => {
    const rig = new ParkingRig().raising().see(jammed(between));
    expect(rig.orders()).toEqual(['write lower', 'c1 end-not-reached', FAULTS.jammed]);
  });

  test('it does not arrive in time', () => {
    const rig = new ParkingRig().raising().pass(7000).see(between);
    expect(rig.orders()).toEqual([]);
    rig.pass(500).see(between);
    expect(rig.orders()).toEqual(['write lower', OBSTACLE('end-not-reached'), 'c1 end-not-reached']);
  });

  test('it cannot be seen any more', () => {
    const rig = new ParkingRig().raising().lose(2);
    expect(rig.orders()).toEqual([]);
    rig.lose();
    expect(rig.orders()).toEqual(['write lower', 'c1 no-answer', FAULTS.silent]);
  });

  test('an arm that does not come down either is not told again: it is a fault', () => {
    const rig = new ParkingRig().raising().see(withCar(between)).taken('lower');
    rig.orders();
    for (let ms = 0; ms < 60_000; ms += 500) rig.pass(500).see(withCar(between));
    expect(rig.orders()).toEqual([FAULTS.jammed]);
    expect(rig.state.fault).toBe('jammed');
    rig.see(down);
    expect(rig.state.fault).toBeNull();
  });
});

describe('ED-17 commands that the device does not take', () => {
  test('a raise that was lost is proven again before each of three writes; then the bay is freed, to be sure', () => {
    const rig = new ParkingRig().atRest().command('raise');
    const prove = () => rig.pass(500).see(down).pass(500).see(down);
    for (let i = 0; i < 3; i += 1) {
      prove();
      expect(rig.orders()).toEqual(['query', 'write raise']);
      rig.pass(200).lost('raise');
    }
    expect(rig.orders()).toEqual(['write lower', OBSTACLE('no-answer'), 'c1 no-answer']);
  });

  test('a raise whose answer was lost may be moving: a car that comes then has it lowered', () => {
    const rig = new ParkingRig().atRest().command('raise').see(down).pass(500).see(down).lost('raise');
    rig.orders();
    rig.pass(500).see(withCar(between));
    expect(rig.orders()).toEqual(['write lower', OBSTACLE('bay-occupied'), 'c1 bay-occupied']);
  });

  test('a raise that is refused is not tried again', () => {
    const rig = new ParkingRig().atRest().command('raise').see(down).pass(500).see(down).refused('raise');
    expect(rig.orders()).toEqual(['query', 'write raise', 'c1 refused']);
  });

  test('a raise that was not sent is proven again before each of three; then the command ends, and nothing was moved', () => {
    const rig = new ParkingRig().atRest().command('raise');
    for (let i = 0; i < 3; i += 1) {
      rig.pass(500).see(down).pass(500).see(down);
      expect(rig.orders()).toEqual(['query', 'write raise']);
      rig.pass(2100).withdrawn('raise');
    }
    expect(rig.orders()).toEqual(['c1 no-answer']);
    expect(rig.state.task).toBeNull();
  });

  test('a car that comes after a raise that was not sent: nothing has to be lowered', () => {
    const rig = new ParkingRig().atRest().command('raise').see(down).pass(500).see(down).withdrawn('raise');
    expect(mayBeBarring(rig.state, lockFacts)).toBe(false);
    rig.orders();
    rig.pass(500).see(withCar(down));
    expect(rig.orders()).toEqual(['c1 bay-occupied']);
  });

  test('a raise that was lost, then one that was not sent: it may be moving all the same', () => {
    const rig = new ParkingRig().atRest().command('raise').see(down).pass(500).see(down).lost('raise');
    rig.pass(500).see(down).pass(500).see(down).withdrawn('raise');
    rig.orders();
    rig.pass(500).see(withCar(between));
    expect(rig.orders()).toEqual(['write lower', OBSTACLE('bay-occupied'), 'c1 bay-occupied']);
  });

  test('a refusal of the first raise that was sent is certain', () => {
    const rig = new ParkingRig().atRest().command('raise').see(down).pass(500).see(down).withdrawn('raise');
    rig.pass(500).see(down).pass(500).see(down);
    rig.orders();
    rig.refused('raise');
    expect(rig.orders()).toEqual(['c1 refused']);
  });

  test('a refusal after a write that was lost: nobody knows which of them was taken', () => {
    const rig = new ParkingRig().atRest().command('raise').see(down).pass(500).see(down).lost('raise');
    rig.pass(500).see(down).pass(500).see(down);
    rig.orders();
    rig.refused('raise');
    expect(rig.orders()).toEqual(['write lower', OBSTACLE('refused'), 'c1 refused']);
  });

  test('a lowering is written three times, a second apart, and then it is a fault', () => {
    const rig = new ParkingRig().see(up).command('lower');
    expect(rig.orders()).toEqual(['write lower']);
    for (let i = 0; i < 2; i += 1) {
      rig.lost('lower').pass(900).see(up);
      expect(rig.orders()).toEqual([]);
      rig.pass(100).send({ kind: 'tick' });
      expect(rig.orders()).toEqual(['write lower']);
    }
    rig.lost('lower');
    expect(rig.orders()).toEqual(['c1 no-answer', FAULTS.jammed]);
    expect(blocksConnector(rig.state)).toBe(true);
    rig.pass(500).see(down);
    expect(blocksConnector(rig.state)).toBe(false);
  });

  test('a lowering that was taken and does not arrive is told again twice', () => {
    const rig = new ParkingRig().see(up).command('lower').taken('lower');
    rig.orders();
    for (let ms = 0; ms < 30_000; ms += 500) {
      rig.pass(500).see(up);
      if (rig.told.at(-1) === 'write lower') rig.taken('lower');
    }
    expect(rig.orders()).toEqual(['write lower', 'query', 'write lower', 'query', 'c1 end-not-reached', FAULTS.jammed]);
  });

  test('the end seen before the command was taken is no proof', () => {
    const rig = new ParkingRig().see(down).command('lower');
    const beforeMs = rig.monoMs;
    rig.pass(100).taken('lower').pass(10).see(down, beforeMs);
    expect(rig.orders()).toEqual(['write lower', 'query']);
    rig.pass(10).see(down);
    expect(rig.orders()).toEqual(['c1 done']);
  });

  test('the outcome of a write that was overtaken changes nothing', () => {
    const rig = new ParkingRig().atRest().command('raise').see(down).pass(500).see(down).command('lower', 'c2');
    expect(rig.orders()).toEqual(['query', 'write raise', 'write lower', 'c1 superseded']);
    rig.taken('raise');
    expect(rig.state.task).toMatchObject({ move: 'lower', takenMonoMs: null });
    rig.lost('raise');
    expect(rig.orders()).toEqual([]);
  });
});

describe('ED-17 unlocking by hand is always possible', () => {
  test.each<[string, (rig: ParkingRig) => ParkingRig]>([
    ['before the first look', (rig) => rig],
    ['while it is damaged', (rig) => rig.see(damaged(up))],
    ['while it is jammed', (rig) => rig.atRest().see(jammed(up))],
    ['while it does not answer', (rig) => rig.atRest().lose(5)],
    ['with a car above', (rig) => rig.see(withCar(up))],
    ['while it rises', (rig) => rig.raising()],
    ['while it is being lowered', (rig) => rig.raising().see(withCar(between))],
    ['while the bay is being looked at', (rig) => rig.atRest().command('raise')],
  ])('%s', (_name, prepare) => {
    const rig = prepare(new ParkingRig());
    rig.orders();
    rig.command('lower', 'hand');
    expect(rig.orders()[0]).toBe('write lower');
  });

  test('and it ends a raise that is being prepared', () => {
    const rig = new ParkingRig().atRest().command('raise').pass(50).see(down).command('lower', 'hand');
    expect(rig.orders()).toEqual(['query', 'write lower', 'c1 superseded']);
    rig.taken('lower').pass(500).see(down).pass(500).see(down);
    expect(rig.orders()).toEqual(['query', 'hand done']);
  });
});

describe('ED-17 power-up', () => {
  test.each<[string, ParkingReading, string[]]>([
    ['between its ends: lowered', between, ['write lower']],
    [
      'a position that is not known: lowered, and told',
      { ...down, position: 'unknown' },
      ['write lower', FAULTS.nonsense],
    ],
    ['up: left as it is', up, []],
    ['down: left as it is', down, []],
    ['damaged: it takes no command', damaged(between), [FAULTS.damaged]],
  ])('%s', (_name, reading, orders) => {
    expect(new ParkingRig().see(reading).orders()).toEqual(orders);
  });

  test('after silence it may have lost power as well', () => {
    const rig = new ParkingRig().atRest().lose(3);
    expect(rig.orders()).toEqual([FAULTS.silent]);
    rig.see(between);
    expect(rig.orders()).toEqual(['write lower']);
  });

  test('a raise that waits for its first look is not made on an arm that hangs between', () => {
    const rig = new ParkingRig().command('raise').see(between);
    expect(rig.orders()).toEqual(['query', 'write lower', 'c1 faulted']);
  });
});

describe('ED-17 a fault makes the connector unavailable, and is told once', () => {
  test.each<[string, (rig: ParkingRig) => ParkingRig, string, string]>([
    ['silent', (rig) => rig.lose(10), 'silent', FAULTS.silent],
    ['damaged', (rig) => rig.see(damaged(up)).pass(1000).see(damaged(up)), 'damaged', FAULTS.damaged],
    ['jammed', (rig) => rig.see(jammed(up)).pass(1000).see(jammed(up)), 'jammed', FAULTS.jammed],
    [
      'a code without a meaning',
      (rig) => rig.see({ ...down, alarm: 'unknown' }).see({ ...down, alarm: 'unknown' }),
      'not-detected',
      FAULTS.nonsense,
    ],
    [
      'moved by somebody, and left between its ends',
      (rig) => rig.see(between).pass(8000).send({ kind: 'tick' }).see(between),
      'jammed',
      FAULTS.jammed,
    ],
  ])('%s', (_name, prepare, fault, alarm) => {
    const rig = prepare(new ParkingRig().atRest());
    expect(rig.orders()).toEqual([alarm]);
    expect(rig.state.fault).toBe(fault);
    expect(blocksConnector(rig.state)).toBe(true);
    rig.command('raise');
    expect(rig.orders()).toEqual(['c1 faulted']);
    rig.see(down);
    expect(rig.state.fault).toBeNull();
    expect(blocksConnector(rig.state)).toBe(false);
  });

  test('a device that nobody has seen yet blocks as well', () => {
    expect(blocksConnector(new ParkingRig().state)).toBe(true);
  });

  test('the alarm names pile, connector and fault', () => {
    const event = { kind: 'reading', reading: damaged(up), requestedMonoMs: 0 } as const;
    const { orders } = decideParking(newParking, event, { facts: lockFacts, nowMonoMs: 0, newId: () => 'A1' });
    const record = {
      kind: 'alarm.raised',
      alarmId: 'A1',
      code: 'parking-lock-fault',
      severity: 'warning',
      pileId: 'P1',
      connectorId: 'P1-1',
      sessionId: null,
      detail: 'lock: arm or boom is damaged',
    };
    expect(orders).toEqual([{ kind: 'record', record }]);
  });
});

test('ED-17 it may be barring from the first write on, also while the bay is proven again', () => {
  const told = (rig: ParkingRig) => mayBeBarring(rig.state, lockFacts);
  const rig = new ParkingRig().atRest().command('raise').see(down);
  expect(told(rig)).toBe(false);
  expect(told(rig.pass(500).see(down))).toBe(true);
  expect(told(rig.lost('raise'))).toBe(true);
  expect(told(rig.command('lower', 'c2'))).toBe(false);
  expect(told(rig.taken('lower').pass(500).see(down))).toBe(false);
});

describe('ED-17 what is told of the position', () => {
  const told = (reading: ParkingReading | null, before: ParkingReading = up, facts: ParkingFacts = lockFacts) => {
    const rig = new ParkingRig(facts).see(before);
    if (reading === null) rig.lose(3);
    else rig.see(reading);
    return positionToReport(rig.state, facts);
  };

  test('as seen; free when it cannot be detected; the last end when it is jammed', () => {
    expect([told(up), told(down), told(between)]).toEqual(['up', 'down', 'moving']);
    expect([told({ ...up, position: 'unknown' }), told(null)]).toEqual(['down', 'down']);
    expect(told(jammed(between))).toBe('up');
    expect(positionToReport(new ParkingRig().state, lockFacts)).toBe('down');
  });

  test('a barrier that bars nobody is up', () => {
    expect(told(null, down, barrierFacts)).toBe('up');
  });
});

describe('ED-17 a barrier: its boom never closes on a vehicle', () => {
  test('closing is the move that is proven; opening is the one that is always allowed', () => {
    const rig = new ParkingRig(barrierFacts).see(up).command('lower').see(up).pass(500).see(withCar(up));
    expect(rig.orders()).toEqual(['query', 'c1 bay-occupied']);
    rig.command('lower').see(up).pass(500).see(up).taken('lower').pass(500).see(withCar(between));
    expect(rig.orders()).toContain('write raise');
    rig.command('raise', 'hand');
    expect(rig.orders()[0]).toBe('write raise');
  });
});

describe('ED-17 whatever happens in whatever order', () => {
  const reading: fc.Arbitrary<ParkingReading> = fc.record({
    position: fc.constantFrom('up', 'down', 'moving', 'unknown'),
    bay: fc.constantFrom('empty', 'car', 'unknown'),
    alarm: fc.constantFrom('none', 'none', 'none', 'jammed', 'damaged', 'unknown'),
    batteryPercent: fc.constant(null),
  });
  const step = fc.record({
    passMs: fc.constantFrom(0, 10, 500, 1000, 1000, 9000),
    lookBackMs: fc.constantFrom(0, 0, 0, 0, 400, 2000),
    event: fc.oneof(
      { weight: 2, arbitrary: reading },
      { weight: 10, arbitrary: fc.constantFrom(down, up) },
      { weight: 2, arbitrary: fc.constantFrom('lose', 'tick', 'lost', 'withdrawn', 'refused') },
      { weight: 4, arbitrary: fc.constantFrom('raise', 'lower', 'taken raise', 'taken lower') },
    ),
  });
  const steps60 = fc.array(step, { minLength: 10, maxLength: 60 });

  test.each([lockFacts, barrierFacts])('no $device bars a bay that its last two looks did not show empty', (facts) => {
    const barring = facts.device === 'lock' ? 'raise' : 'lower';
    let bars = 0;
    const property = fc.property(steps60, (steps) => {
      const rig = new ParkingRig(facts);
      let commandedMs = Number.POSITIVE_INFINITY;
      let looks: { bay: string; requestedMs: number }[] = [];
      for (const { passMs, lookBackMs, event } of steps) {
        rig.pass(passMs);
        const requestedMs = rig.monoMs - lookBackMs;
        if (typeof event === 'object') {
          looks.push({ bay: event.bay, requestedMs });
          rig.see(event, requestedMs);
        } else if (event === 'lose') {
          looks = [];
          rig.lose();
        } else if (event === 'tick') rig.send({ kind: 'tick' });
        else if (event === 'raise' || event === 'lower') {
          if (event === barring && rig.state.task === null) commandedMs = rig.monoMs;
          rig.command(event);
        } else if (event === 'taken raise') rig.taken('raise');
        else if (event === 'taken lower') rig.taken('lower');
        else if (event === 'lost') rig.lost('raise').lost('lower');
        else if (event === 'withdrawn') rig.withdrawn(barring);
        else rig.refused('raise').refused('lower');
        if (!rig.orders().includes(`write ${barring}`)) continue;
        bars += 1;
        const last = looks.slice(-2);
        expect(last).toHaveLength(2);
        for (const look of last) expect(look.bay).toBe('empty');
        for (const look of looks.filter(({ requestedMs: ms }) => ms >= commandedMs).slice(-2))
          expect(look.bay).toBe('empty');
        expect(looks.filter(({ requestedMs: ms }) => ms >= commandedMs).length).toBeGreaterThanOrEqual(2);
      }
    });
    fc.assert(property, { numRuns: 2000 });
    expect(bars).toBeGreaterThan(40);
  });

  test('every command has exactly one result, or is still under way', () => {
    const property = fc.property(steps60, (steps) => {
      const rig = new ParkingRig();
      let given = 0;
      for (const { passMs, event } of steps) {
        rig.pass(passMs);
        if (typeof event === 'object') rig.see(event);
        else if (event === 'lose') rig.lose();
        else if (event === 'raise' || event === 'lower') rig.command(event, `c${given++}`);
        else if (event === 'taken raise') rig.taken('raise');
        else if (event === 'taken lower') rig.taken('lower');
        else if (event === 'lost') rig.lost('raise').lost('lower');
        else if (event === 'withdrawn') rig.withdrawn('raise');
        else if (event === 'refused') rig.refused('raise').refused('lower');
        else rig.send({ kind: 'tick' });
      }
      const results = rig
        .orders()
        .filter((order) => /^c\d/.test(order))
        .map((order) => order.split(' ')[0]);
      const underWay = rig.state.task?.command == null ? [] : [rig.state.task.command.commandId];
      expect([...results, ...underWay].toSorted()).toEqual(Array.from({ length: given }, (_, n) => `c${n}`).toSorted());
    });
    fc.assert(property, { numRuns: 2000 });
  });
});
