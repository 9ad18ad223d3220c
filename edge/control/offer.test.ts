import { describe, expect, test } from 'vitest';
import { noInfluence } from './influence.ts';
import { charging, describeOrders, plugged, Rig, restartFromDisk } from './testing.ts';

const running = (facts = {}) => new Rig({ facts }).toCharging().acknowledge();
const ceiling = (rig: Rig, ceilingMa: number | null) =>
  describeOrders(rig.send({ kind: 'influenced', influence: { ...noInfluence, ceilingMa } }));
const taken = (rig: Rig) => rig.pass(100).answerLimit('written');
const at = (currentMa: number) => ({ ...charging, currentMa });
/** Polls once a second with what the last one showed, and says what was ordered after how many seconds. */
function ordersWithin(rig: Rig, seconds: number, currentMa: number): string[] {
  const told: string[] = [];
  for (let second = 1; second <= seconds; second += 1) {
    const registerWh = (rig.state.reading?.registerWh ?? 0) + 2;
    const orders = describeOrders(rig.pass(1000).see({ ...at(currentMa), registerWh }));
    if (orders !== '') told.push(`${second} s: ${orders}`);
  }
  return told;
}

describe('ED-06 a ceiling is obeyed while the charge runs', () => {
  test('a lower one is written at once, and what is in force is on disk with it', () => {
    const rig = running();
    expect(ceiling(rig, 10_000)).toBe('limit 10000 mA; commit(open)');
    expect(rig.session.offeredMa).toBe(10_000);
    expect(ceiling(rig, 10_000)).toBe('');
  });

  test('a higher one waits until the vehicle has followed the last change', () => {
    const rig = running();
    ceiling(rig, 10_000);
    taken(rig);
    expect(ceiling(rig, null)).toBe('');
    expect(ordersWithin(rig, 6, 9900)).toEqual(['5 s: limit 16000 mA; commit(open)']);
  });

  test('it never raises what the charge may have', () => {
    const rig = running();
    expect(ceiling(rig, 32_000)).toBe('');
  });

  test('the vehicle has 5 s to follow; then the old current is an over-current', () => {
    const rig = running();
    ceiling(rig, 10_000);
    taken(rig);
    expect(ordersWithin(rig, 8, 15_900)).toEqual(['7 s: hardStop; commit(open, alarm.raised, latched [over-current])']);
  });

  test('a pile that refuses the write is told again every second, and stopped when it has not taken it after 10 s', () => {
    const rig = running();
    ceiling(rig, 10_000);
    const told: string[] = [];
    for (let second = 0; second < 11 && rig.phase === 'charging'; second += 1) {
      rig.answerLimit('write-failed');
      told.push(...ordersWithin(rig, 1, 15_900));
    }
    expect(told.slice(0, 9)).toEqual(Array(9).fill('1 s: limit 10000 mA'));
    expect(told.at(9)).toMatch(/^1 s: hardStop; commit\(open, alarm.raised\)/);
    expect(rig.session.stop).toMatchObject({ reason: 'fault', fault: 'pile-fault' });
  });

  test('a raise that the pile may have taken unheard is not an over-current', () => {
    const rig = running();
    ceiling(rig, 10_000);
    taken(rig);
    ordersWithin(rig, 6, 9900);
    ceiling(rig, null);
    expect(ordersWithin(rig, 5, 15_900)).toEqual([]);
    expect(rig.phase).toBe('charging');
  });
});

describe('ED-06 below the least that the pile can offer', () => {
  test('the charge pauses, for as long as it takes, and goes on', () => {
    const rig = running();
    expect(ceiling(rig, 5999)).toBe('limit 0 mA; commit(open)');
    taken(rig);
    for (let i = 0; i < 600; i += 1) rig.pass(1000).see({ ...plugged, registerWh: 50_003 });
    expect(rig.state.phase).toMatchObject({ kind: 'charging', flow: { kind: 'suspended', by: 'us' } });
    expect(ceiling(rig, 6000)).toBe('limit 6000 mA; commit(open)');
    taken(rig);
    rig.pass(1000).see({ ...at(5900), registerWh: 50_004 });
    expect(rig.state.phase).toMatchObject({ kind: 'charging', flow: { kind: 'delivering' } });
  });

  test('a pause lasts over a restart of the controller', () => {
    const rig = running();
    ceiling(rig, 0);
    taken(rig);
    rig.pass(1000).see(plugged);
    const next = restartFromDisk(rig, 60_000);
    next.send({ kind: 'influenced', influence: { ...noInfluence, ceilingMa: 0 } });
    expect(describeOrders(next.see(plugged))).toBe('commit(open)');
    expect(next.state.phase).toMatchObject({ kind: 'charging', offer: { limitMa: 0 } });
    expect(ceiling(next.pass(60_000), null)).toBe('limit 16000 mA; commit(open)');
  });

  test('current in a pause is an over-current', () => {
    const rig = running();
    ceiling(rig, 0);
    taken(rig);
    expect(ordersWithin(rig, 8, 6000)).toEqual([expect.stringContaining('7 s: hardStop')]);
  });

  test('a pile that cannot pause is stopped', () => {
    const rig = running({ canPause: false });
    expect(ceiling(rig, 5999)).toBe('softStop; commit(open, alarm.raised)');
    expect(rig.session.stop).toMatchObject({ reason: 'site', fault: 'site-rule' });
  });

  test('no charge begins', () => {
    const rig = new Rig();
    ceiling(rig, 5999);
    expect(() => rig.toStarting()).toThrow();
    expect(rig.recordsOf('command.reported')).toMatchObject([{ code: 'connector.faulted' }]);
  });
});

test('ED-06 a charge begins with what the surroundings leave', () => {
  const rig = new Rig();
  ceiling(rig, 8000);
  rig.toStarting();
  expect(rig.orders.findLast((order) => order.kind === 'write')).toMatchObject({ write: 'start', limitMa: 8000 });
  expect(rig.session).toMatchObject({ limitMa: 16_000, offeredMa: 8000 });
});

const refused = (rig: Rig) => rig.answerLimit('write-failed');
const writesOf = (rig: Rig) =>
  rig.orders.flatMap((order) => (order.kind === 'write' && order.write === 'limit' ? [order.limitMa] : []));
const offerOf = (rig: Rig) => (rig.state.phase.kind === 'charging' ? rig.state.phase.offer : null);

describe('ED-06 an outcome settles the limit that it belongs to', () => {
  test('an older limit that is taken while a newer one waits is what is in force; the newer one is told until it is taken', () => {
    const rig = running();
    ceiling(rig, 10_000);
    ceiling(rig, 6000);
    rig.pass(100).send({ kind: 'written', write: 'limit', limitMa: 10_000 });
    expect(offerOf(rig)).toMatchObject({ limitMa: 10_000, pending: { limitMa: 6000 } });
    rig.pass(100).send({ kind: 'write-failed', write: 'limit', limitMa: 6000 });
    expect(ordersWithin(rig, 1, 9900)).toEqual(['1 s: limit 6000 mA']);
    taken(rig);
    expect(offerOf(rig)).toMatchObject({ limitMa: 6000, pending: null });
  });

  test('an older limit that is refused while a newer one is on its way changes nothing', () => {
    const rig = running();
    ceiling(rig, 10_000);
    ceiling(rig, 6000);
    rig.send({ kind: 'write-failed', write: 'limit', limitMa: 10_000 });
    expect(ordersWithin(rig, 3, 9900)).toEqual([]);
  });

  test('a pile that goes on after its restart is offered the least of what is wanted, in force and on its way', () => {
    const rig = running();
    ceiling(rig, 0);
    rig.send({ kind: 'set-up', result: 'missing' });
    rig.pass(1000).see(plugged);
    rig.send({ kind: 'set-up', result: 'taken' });
    expect(describeOrders(rig.pass(1000).see(plugged))).toBe('');
    taken(rig);
    ceiling(rig.pass(5000), 8000);
    expect(describeOrders(rig.pass(1000).see(plugged))).toBe('');
    taken(rig);
    expect(describeOrders(rig.pass(1000).see(plugged))).toBe('start 8000 mA; commit(open, alarm.raised)');
    taken(rig);
    expect(offerOf(rig)).toMatchObject({ limitMa: 8000, pending: null });
  });

  test('a start that a limit has superseded is told again', () => {
    const rig = running();
    rig.send({ kind: 'set-up', result: 'missing' });
    rig.pass(1000).see(plugged);
    rig.send({ kind: 'set-up', result: 'taken' });
    expect(describeOrders(rig.pass(1000).see(plugged))).toContain('start 16000 mA');
    ceiling(rig, 8000);
    rig.send({ kind: 'superseded', write: 'start' });
    taken(rig);
    expect(describeOrders(rig.pass(1000).see(plugged))).toContain('start 8000 mA');
  });
});

describe('ED-06 a target that moves while a write fails', () => {
  test('a raise out of a pause is told with the new target, and a vehicle that takes nothing then has ended the charge', () => {
    const rig = running();
    ceiling(rig, 0);
    taken(rig);
    for (let i = 0; i < 10; i += 1) rig.pass(1000).see(plugged);
    ceiling(rig, 10_000);
    refused(rig);
    expect(ceiling(rig, null)).toBe('');
    expect(describeOrders(rig.pass(1000).see(plugged))).toBe('limit 16000 mA; commit(open)');
    taken(rig);
    for (let i = 0; i < 62; i += 1) rig.pass(1000).see(plugged);
    expect(rig.session.stop).toMatchObject({ reason: 'vehicle' });
  });

  test('a raise that is refused for ever does not make a vehicle that takes nothing wait', () => {
    const rig = running();
    ceiling(rig, 6000);
    taken(rig);
    ordersWithin(rig, 6, 5900);
    ceiling(rig, null);
    for (let second = 0; second < 62 && rig.phase === 'charging'; second += 1) {
      refused(rig);
      rig.pass(1000).see({ ...plugged, registerWh: 50_020 });
    }
    expect(rig.session.stop).toMatchObject({ reason: 'vehicle' });
  });

  test('a lowering that is not wanted any more defies nobody: what was in force is told until it is taken', () => {
    const rig = running();
    ceiling(rig, 6000);
    refused(rig);
    expect(ceiling(rig, null)).toBe('');
    expect(ordersWithin(rig, 1, 15_900)).toEqual(['1 s: limit 16000 mA; commit(open)']);
    refused(rig);
    expect(ordersWithin(rig, 1, 15_900)).toEqual(['1 s: limit 16000 mA']);
    taken(rig);
    expect(ordersWithin(rig, 20, 15_900)).toEqual([]);
  });

  test('ever lower limits that are all refused are one demand: it is stopped 10 s after the first', () => {
    const rig = running();
    let second = 0;
    for (; second < 30 && rig.phase === 'charging'; second += 1) {
      if (second % 4 === 0) ceiling(rig, 15_000 - 500 * second);
      refused(rig);
      ordersWithin(rig, 1, 15_900);
    }
    expect(second).toBe(10);
    expect(rig.session.stop).toMatchObject({ fault: 'pile-fault' });
  });

  test('a raise that may have arrived unheard is taken back: until that is taken it may flow', () => {
    const rig = running();
    ceiling(rig, 6000);
    taken(rig);
    ordersWithin(rig, 6, 5900);
    ceiling(rig, 10_000);
    refused(rig);
    expect(ceiling(rig, 6000)).toBe('limit 6000 mA; commit(open)');
    expect(ordersWithin(rig, 5, 9900)).toEqual([]);
    taken(rig);
    expect(ordersWithin(rig, 8, 9900)).toEqual([expect.stringMatching(/^7 s: hardStop/)]);
  });
});

test('ED-06 two lowerings one after the other: the vehicle has its 5 s from the last one', () => {
  const rig = running();
  ceiling(rig, 12_000);
  taken(rig);
  ordersWithin(rig, 1, 15_900);
  ceiling(rig, 8000);
  taken(rig);
  expect(ordersWithin(rig, 4, 15_900)).toEqual([]);
  expect(ordersWithin(rig, 60, 7900)).toEqual([]);
});

describe('ED-09 after a restart of the controller no limit is raised', () => {
  const adopted = (setpointMa: number | null, ceilingMa = 6000) => {
    const rig = running();
    ceiling(rig, ceilingMa);
    taken(rig);
    ordersWithin(rig, 6, 5900);
    const next = restartFromDisk(rig, 5000);
    next.see({ ...at(5900), setpointMa, registerWh: 50_020 });
    if (setpointMa !== null) return next;
    // It does not tell what it has: what was ordered last is told again.
    expect(ordersWithin(next, 1, 5900)).toEqual([`1 s: limit ${ceilingMa} mA`]);
    taken(next);
    return next;
  };

  test.each([
    ['the pile tells what is in force', 6000],
    ['it does not', null],
  ])('for a minute: inputs and rules have had no look yet; %s', (_, setpointMa) => {
    const rig = adopted(setpointMa);
    expect(ordersWithin(rig, setpointMa === null ? 58 : 59, 5900)).toEqual([]);
    expect(ordersWithin(rig, 1, 5900)).toEqual(['1 s: limit 16000 mA; commit(open)']);
  });

  test('a vehicle that was following a lower one when the controller was killed is not stopped for that', () => {
    const rig = running();
    ceiling(rig, 6000);
    taken(rig);
    const next = restartFromDisk(rig, 1000);
    next.see({ ...at(15_900), setpointMa: 6000, registerWh: 50_010 });
    expect(ordersWithin(next, 3, 15_900)).toEqual([]);
    expect(ordersWithin(next, 30, 5900)).toEqual([]);
    expect(next.state.latched).toEqual([]);
  });

  test('one that has not been told in time, at a pile that does not say what it has, is told, and not stopped', () => {
    const rig = running();
    ceiling(rig, 6000);
    const next = restartFromDisk(rig, 1000);
    next.see({ ...at(15_900), setpointMa: null, registerWh: 50_010 });
    expect(ordersWithin(next, 1, 15_900)).toEqual(['1 s: limit 6000 mA']);
    taken(next);
    expect(ordersWithin(next, 4, 15_900)).toEqual([]);
    expect(next.state.latched).toEqual([]);
  });

  test('also not after a lowering in that minute', () => {
    const rig = adopted(10_000, 10_000);
    ceiling(rig, 6000);
    taken(rig);
    ceiling(rig, null);
    expect(ordersWithin(rig, 59, 5900)).toEqual([]);
  });

  test('and not while nobody knows what the rules of the site say', () => {
    const rig = adopted(null);
    const refuse = [{ fault: 'site-rules-failed' as const, detail: 'nothing yet' }];
    rig.send({ kind: 'influenced', influence: { ...noInfluence, refuse } });
    expect(ordersWithin(rig, 110, 5900)).toEqual([]);
    expect(ceiling(rig, null)).toBe('limit 16000 mA; commit(open)');
  });

  test('a pile that says less than was ordered goes on with that', () => {
    const rig = adopted(6000, 10_000);
    expect(offerOf(rig)).toMatchObject({ limitMa: 6000, pending: null });
  });

  test.each([
    ['above what was ordered', 10_000, 6000],
    ['above what the charge may have', 32_000, 16_000],
  ])(
    'a pile that says that it offers %s is told at the next look, and may deliver it until then',
    (_, toldMa, orderedMa) => {
      const rig = adopted(toldMa, orderedMa);
      expect(ordersWithin(rig, 1, toldMa - 100)).toEqual([`1 s: limit ${orderedMa} mA`]);
      taken(rig);
      expect(ordersWithin(rig, 4, toldMa - 100)).toEqual([]);
      expect(ordersWithin(rig, 4, toldMa - 100)).toEqual([expect.stringContaining('hardStop')]);
    },
  );
});

describe('ED-06 the limit in force is told again', () => {
  test('to a pile that has its set-up anew and delivers: by a limit of its own until it has taken that', () => {
    const rig = running();
    ceiling(rig, 6000);
    taken(rig);
    ordersWithin(rig, 6, 5900);
    expect(describeOrders(rig.send({ kind: 'set-up', result: 'missing' }))).toBe('poll-now');
    rig.pass(1000).see({ ...at(15_900), registerWh: 50_030 });
    expect(describeOrders(rig.pass(300).send({ kind: 'set-up', result: 'taken' }))).toBe('limit 6000 mA');
    expect(ordersWithin(rig, 3, 15_900)).toEqual([]);
    taken(rig);
    expect(ordersWithin(rig, 4, 15_900)).toEqual([]);
    expect(ordersWithin(rig, 20, 5900)).toEqual([]);
  });

  test('to one that does not take it then: it is stopped after 10 s', () => {
    const rig = running();
    rig.send({ kind: 'set-up', result: 'missing' });
    ceiling(rig, 6000);
    taken(rig);
    rig.send({ kind: 'set-up', result: 'taken' });
    expect(ordersWithin(rig, 9, 9000)).toEqual([]);
    expect(ordersWithin(rig, 1, 9000)).toEqual([expect.stringContaining('hardStop')]);
    expect(rig.session.stop).toMatchObject({ fault: 'pile-fault' });
  });

  test('to a pile that says it offers more, every 30 s; some tell another register, so that defies nobody', () => {
    const rig = running();
    ceiling(rig, 6000);
    taken(rig);
    const before = writesOf(rig).length;
    for (let second = 0; second < 600; second += 1) {
      const registerWh = (rig.state.reading?.registerWh ?? 0) + 1;
      const orders = describeOrders(rig.pass(1000).see({ ...at(5900), setpointMa: 16_000, registerWh }));
      if (orders.startsWith('limit')) rig.answerLimit('written');
    }
    expect(rig.phase).toBe('charging');
    expect(writesOf(rig).slice(before)).toEqual(Array(20).fill(6000));
  });
});
