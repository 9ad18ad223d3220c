import { describe, expect, test } from 'vitest';
import { noInfluence } from './influence.ts';
import { charging, describeOrders, plugged, Rig, restartFromDisk } from './testing.ts';

const running = (facts = {}) => new Rig({ facts }).toCharging().acknowledge();
const ceiling = (rig: Rig, ceilingMa: number | null) =>
  describeOrders(rig.send({ kind: 'influenced', influence: { ...noInfluence, ceilingMa } }));
const taken = (rig: Rig) => rig.pass(100).send({ kind: 'written', write: 'limit' });
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
    expect(ordersWithin(rig, 8, 15_900)).toEqual([
      '7 s: hardStop; commit(open, alarm.raised); commit(latched [over-current])',
    ]);
  });

  test('a pile that refuses the write is told again every second, and stopped when it has not taken it after 10 s', () => {
    const rig = running();
    ceiling(rig, 10_000);
    const told: string[] = [];
    for (let second = 0; second < 11 && rig.phase === 'charging'; second += 1) {
      rig.send({ kind: 'write-failed', write: 'limit' });
      told.push(...ordersWithin(rig, 1, 15_900));
    }
    expect(told.slice(0, 9)).toEqual(Array(9).fill('1 s: limit 10000 mA; commit(open)'));
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
    expect(ceiling(next.pass(1000), null)).toBe('limit 16000 mA; commit(open)');
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
