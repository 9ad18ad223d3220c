import { describe, expect, test } from 'vitest';
import { charging, describeOrders, plugged, Rig, stopCommand } from './testing.ts';

const stopping = (facts = {}) => {
  const rig = new Rig({ facts: { hasTrip: true, ...facts } }).toCharging().acknowledge();
  rig.command(stopCommand(rig.session.sessionId));
  return rig;
};
const written = (rig: Rig) => rig.send({ kind: 'written', write: rig.rung });

/** Half-second polls that go on as they are; each write is taken at once. What was written, and which alarms, and when. */
function goOn(rig: Rig, ms: number, poll: (rig: Rig) => unknown): string[] {
  const told: string[] = [];
  const startMs = rig.monoMs;
  for (let passed = 500; passed <= ms && rig.phase === 'stopping'; passed += 500) {
    const writes = rig.writes.length;
    const alarms = rig.recordsOf('alarm.raised').length;
    poll(rig.pass(500));
    told.push(...rig.writes.slice(writes).map((write) => `${rig.monoMs - startMs} ${write}`));
    told.push(
      ...rig
        .recordsOf('alarm.raised')
        .slice(alarms)
        .map(({ code }) => `${rig.monoMs - startMs} ${code}`),
    );
    if (rig.writes.length > writes) written(rig);
  }
  return told;
}
const flows = (rig: Rig) => rig.see({ ...charging, registerWh: (rig.state.reading?.registerWh ?? 50_000) + 2 });
const atRest = (rig: Rig) => rig.see({ ...plugged, registerWh: rig.session.lastReading.registerWh });
const silent = (rig: Rig) => rig.lose();

describe('ED-07 a site that can cut a pile off', () => {
  test('does so when neither soft nor hard stop has worked by the deadline, says why, and latches', () => {
    const rig = stopping();
    written(rig);
    expect(goOn(rig, 10_500, flows)).toEqual(['6500 hardStop', '10000 trip', '10000 stop-refused']);
    expect(rig.state.latched).toEqual(['stop-refused']);
  });

  test('and sooner when the stop began with the hard one', () => {
    const rig = new Rig({ facts: { hasTrip: true } }).toCharging().acknowledge();
    rig.see({ ...charging, fault: 'residual-current' });
    written(rig);
    expect(goOn(rig, 8000, (seen) => seen.see({ ...charging, fault: 'residual-current' }))).toEqual([
      '6500 trip',
      '6500 stop-refused',
    ]);
  });

  test('a pile without power has nothing to prove it with: the output that took it away is the proof', () => {
    const rig = stopping();
    written(rig);
    goOn(rig, 10_000, flows);
    expect(goOn(rig, 2500, silent)).toEqual([]);
    expect(rig.phase).toBe('stopping');
    silent(rig.pass(500));
    expect(rig.phase).toBe('closing');
    expect(rig.cdr).toMatchObject({ stopReason: 'partner', marks: ['end-estimated', 'tripped-off'] });
  });

  test('a pile with another supply for its electronics proves it itself', () => {
    const rig = stopping();
    written(rig);
    goOn(rig, 10_000, flows);
    atRest(rig.pass(500));
    atRest(rig.pass(1500));
    expect(rig.cdr.marks).toContain('tripped-off');
    expect(rig.cdr.marks).not.toContain('stop-not-proven');
  });

  test('current that flows in spite of it is an alarm of its own, and everything is tried again in turn', () => {
    const rig = stopping();
    written(rig);
    goOn(rig, 10_000, flows);
    expect(goOn(rig, 15_000, flows)).toEqual(['3000 trip-failed', '5000 softStop', '10000 hardStop', '15000 trip']);
    expect(rig.state.latched).toEqual(['stop-refused', 'trip-failed']);
  });

  test('an output that is not taken is tried every second, until that is the alarm', () => {
    const rig = stopping();
    written(rig);
    goOn(rig, 10_000, flows);
    const told: string[] = [];
    for (let second = 1; second <= 7; second += 1) {
      rig.send({ kind: 'write-failed', write: 'trip' });
      told.push(describeOrders(flows(rig.pass(1000))));
    }
    expect(told.slice(0, 5)).toEqual(Array(5).fill('trip'));
    expect(told[5]).toBe('commit(open, alarm.raised, latched [stop-refused trip-failed])');
  });
});

describe('ED-07 a pile that is silent', () => {
  test('and stops by itself is not cut off: only a technician could undo that', () => {
    const rig = stopping();
    expect(goOn(rig, 15_000, silent).filter((told) => told.endsWith('trip'))).toEqual([]);
    expect(rig.recordsOf('alarm.raised')).toMatchObject([{ code: 'stop-not-proven' }]);
  });

  test('and delivers on without its controller is cut off', () => {
    const rig = stopping({ stopsByItselfAfterMs: null });
    written(rig);
    expect(goOn(rig, 14_000, silent)).toContain('10000 trip');
    expect(rig.phase).toBe('closing');
  });
});

describe('ED-07 a welded contactor', () => {
  const welded = { ...plugged, currentMa: 15_000 };

  test('is found and said: the pile says that it is off, and current flows on', () => {
    const rig = new Rig().toCharging().acknowledge();
    rig.command(stopCommand(rig.session.sessionId));
    written(rig);
    goOn(rig, 10_000, (seen) => seen.see(welded));
    expect(rig.recordsOf('alarm.raised')).toMatchObject([{ code: 'contactor-welded', severity: 'critical' }]);
    expect(rig.state.latched).toEqual(['contactor-welded']);
  });

  test('is what the alarm says when the site cuts the pile off', () => {
    const rig = stopping();
    written(rig);
    expect(goOn(rig, 10_000, (seen) => seen.see(welded))).toEqual([
      '6500 hardStop',
      '10000 trip',
      '10000 contactor-welded',
    ]);
  });
});

describe('ED-07 something graver shows while a pile is being stopped in an orderly way', () => {
  test('the hard stop does not wait for the soft one', () => {
    const rig = stopping();
    written(rig);
    const orders = rig.pass(500).see({ ...charging, fault: 'residual-current' });
    expect(describeOrders(orders)).toBe('hardStop; commit(open, alarm.raised, latched [residual-current])');
    expect(rig.session.stop).toMatchObject({ reason: 'partner' });
  });

  test('it is told once', () => {
    const rig = stopping();
    written(rig);
    for (let i = 0; i < 5; i += 1) rig.pass(500).see({ ...charging, fault: 'residual-current' });
    expect(rig.recordsOf('alarm.raised')).toHaveLength(1);
  });
});
