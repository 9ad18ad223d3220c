import { describe, expect, test } from 'vitest';
import { faultCatalogue } from '#shared/faults.ts';
import type { Reading } from './reading.ts';
import { charging, describeOrders, plugged, Rig, startCommand, uuid } from './testing.ts';

const running = () => new Rig().toCharging().acknowledge();
/** Polls with the same reading until `ms` have passed; says after how long the charge was stopped. */
function stopsAfterMs(rig: Rig, reading: Reading, ms: number, everyMs: number): number | null {
  for (let passed = 0; passed <= ms; passed += everyMs) {
    rig.see(reading);
    if (rig.phase === 'stopping') return passed;
    rig.pass(everyMs);
  }
  return null;
}

/** What the stop looks like: the first write, the alarm and the latch. */
function reaction(rig: Rig) {
  const phase = rig.state.phase;
  if (phase.kind !== 'stopping') throw new Error(`not stopping but ${phase.kind}`);
  return {
    write: rig.writes.at(-1),
    alarm: rig.recordsOf('alarm.raised').map(({ code, severity }) => `${severity} ${code}`),
    latched: rig.state.latched,
    deadlineMs: phase.ladder.deadlineMs,
    fault: phase.session.stop?.fault,
  };
}

test.each<[string, Reading, 'softStop' | 'hardStop', keyof typeof faultCatalogue, number]>([
  ['ED-05.b over-temperature', { ...charging, temperatureDc: 800 }, 'softStop', 'over-temperature', 0],
  [
    'ED-05.b a temperature that is not told any more',
    { ...charging, temperatureDc: null },
    'softStop',
    'measurement-missing',
    5000,
  ],
  ['ED-05.e over-current', { ...charging, currentMa: 17_601 }, 'hardStop', 'over-current', 2000],
  [
    'ED-05.e a current that is not told any more',
    { ...charging, currentMa: null },
    'softStop',
    'measurement-missing',
    5000,
  ],
  ['ED-05.i gun removed', { ...plugged, status: 'unplugged' }, 'softStop', 'gun-removed', 1000],
  ['ED-05.o a state nobody knows', { ...charging, status: 'unknown' }, 'hardStop', 'unknown-state', 0],
  [
    'ED-05.h the pile reports residual current, while it still says that it charges',
    { ...charging, fault: 'residual-current' },
    'hardStop',
    'residual-current',
    0,
  ],
  ['ED-05.j the pile reports a fault', { ...charging, status: 'fault' }, 'hardStop', 'pile-fault', 0],
])(
  '%s stops the charge after its debounce, with its reaction, alarm and latch',
  (_, reading, write, fault, afterMs) => {
    const rig = running();
    expect(stopsAfterMs(rig, reading, 10_000, 100)).toBe(afterMs);
    const entry = faultCatalogue[fault];
    expect(reaction(rig)).toEqual({
      write,
      alarm: [`${entry.severity} ${fault}`],
      latched: entry.latch ? [fault] : [],
      deadlineMs: entry.deadlineMs,
      fault,
    });
    expect(rig.writes.at(-1)).toBe(entry.reaction === 'hard-stop' ? 'hardStop' : 'softStop');
  },
);

describe('what is within limits does not trip', () => {
  test.each<[string, Reading]>([
    ['ED-05.b just below the temperature limit', { ...charging, temperatureDc: 799 }],
    ['ED-05.e 1.1 times the offer exactly', { ...charging, currentMa: 17_600 }],
    ['a plugged vehicle that takes nothing', plugged],
  ])('%s', (_, reading) => {
    expect(stopsAfterMs(running(), reading, 20_000, 500)).toBeNull();
  });

  test('ED-05.b a pile without a temperature sensor is not judged by it', () => {
    const rig = new Rig({ facts: { overTemperatureDc: null } }).toCharging().acknowledge();
    expect(stopsAfterMs(rig, { ...charging, temperatureDc: null }, 10_000, 500)).toBeNull();
  });

  test.each<[string, Reading, number]>([
    ['ED-05.e a peak', { ...charging, currentMa: 20_000 }, 1999],
    ['ED-05.i a bounce of the contact', { ...plugged, status: 'unplugged' }, 999],
  ])('%s shorter than its debounce is forgiven, again and again', (_, reading, ms) => {
    const rig = running();
    for (let i = 0; i < 5; i += 1) {
      rig.pass(100).see(reading);
      rig.pass(ms).see(reading);
      rig.pass(1).see(charging);
    }
    expect(rig.phase).toBe('charging');
  });
});

describe('ED-05.e a current that is told now and then only', () => {
  const silent = { ...charging, currentMa: null };

  test('the 5 s run from when it was told last, through polls that fail', () => {
    const rig = running();
    rig.pass(2000).lose();
    rig.pass(2000).see(silent);
    rig.pass(999).lose();
    expect(rig.phase).toBe('charging');
    rig.pass(1).lose();
    expect(reaction(rig)).toMatchObject({ fault: 'measurement-missing', latched: [] });
  });

  test('a current told in between begins the 5 s anew', () => {
    const rig = running();
    rig.pass(4900).see(silent);
    rig.pass(50).see(charging);
    rig.pass(4999).see(silent);
    expect(rig.phase).toBe('charging');
  });

  test('a look without it does not make a peak begin anew', () => {
    const rig = running();
    const peak = { ...charging, currentMa: 20_000 };
    rig.see(peak);
    rig.pass(1000).see(silent);
    rig.pass(1000).see(silent);
    expect(rig.phase).toBe('charging');
    rig.pass(100).see(peak);
    expect(reaction(rig)).toMatchObject({ fault: 'over-current' });
  });

  test('a charge that was found running is watched from then on', () => {
    const rig = new Rig({ session: running().session });
    rig.pass(4900).see(charging);
    rig.pass(4999).see(silent);
    expect(rig.phase).toBe('charging');
    rig.pass(1).see(silent);
    expect(reaction(rig)).toMatchObject({ fault: 'measurement-missing' });
  });
});

describe('ED-05.b a temperature that is told now and then only', () => {
  const silent = { ...charging, temperatureDc: null };

  test('one look without it stops nothing, and the 5 s run from when it was told last', () => {
    const rig = running();
    rig.pass(4900).see(silent);
    rig.pass(50).see(charging);
    rig.pass(4999).see(silent);
    expect(rig.phase).toBe('charging');
    rig.pass(1).see(silent);
    expect(reaction(rig)).toMatchObject({ fault: 'measurement-missing', latched: [] });
  });

  test('no charge begins on a look that does not tell it', () => {
    const rig = new Rig();
    rig.see(plugged);
    rig.command(startCommand());
    rig.pass(100).see({ ...plugged, temperatureDc: null });
    expect(rig.phase).toBe('idle');
    expect(rig.recordsOf('command.reported')).toEqual([
      expect.objectContaining({ code: 'connector.faulted', detail: expect.stringContaining('measurement-missing') }),
    ]);
  });

  test('a pile without a sensor begins without it', () => {
    const rig = new Rig({ facts: { overTemperatureDc: null } });
    rig.command(startCommand());
    rig.pass(100).see({ ...plugged, temperatureDc: null });
    expect(rig.phase).toBe('preparing');
  });
});

describe('ED-05.k communication lost', () => {
  test('5 s without a good reading stop the charge; 4.999 s do not', () => {
    const rig = running();
    rig.pass(2500).lose();
    expect(describeOrders(rig.pass(2499).lose())).toBe('');
    expect(describeOrders(rig.pass(1).lose())).toBe('softStop; commit(open, alarm.raised)');
    expect(reaction(rig)).toMatchObject({ fault: 'communication-lost', latched: [] });
  });

  test('a reading in between begins the 5 s anew', () => {
    const rig = running();
    rig.pass(4900).lose();
    rig.pass(50).see(charging);
    rig.pass(4999).lose();
    expect(rig.phase).toBe('charging');
  });

  test('it is said in the record, and the bill is what the meter told last', () => {
    const rig = running();
    rig.see({ ...charging, registerWh: 50_010 });
    for (let i = 0; i < 6; i += 1) rig.pass(1000).lose();
    rig.proveOff(50_012);
    expect(rig.cdr).toMatchObject({ stopReason: 'communication-lost', faultCode: 'communication-lost', energyWh: 12 });
    expect(rig.cdr.marks).toEqual([]);
  });
});

describe('while the start is not confirmed', () => {
  test.each<[string, Reading, string]>([
    ['ED-05.b', { ...plugged, temperatureDc: 900 }, 'connector.faulted'],
    ['ED-05.i', { ...plugged, status: 'unplugged' }, 'connector.not_plugged'],
    ['ED-05.o', { ...plugged, status: 'unknown' }, 'connector.faulted'],
  ])('%s stops as well, and the command fails by name', (_, reading, code) => {
    const rig = new Rig();
    rig.toStarting();
    expect(stopsAfterMs(rig, reading, 5000, 500)).not.toBeNull();
    expect(rig.recordsOf('command.reported')).toEqual([expect.objectContaining({ status: 'failed', code })]);
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ voidReason: 'not-confirmed' });
  });

  test('ED-05.k stops as well', () => {
    const rig = new Rig();
    rig.toStarting();
    for (let i = 0; i < 5; i += 1) rig.pass(1000).lose();
    expect(rig.recordsOf('command.reported')).toEqual([expect.objectContaining({ code: 'connector.offline' })]);
  });
});

test('the gravest of several faults is the one that is named', () => {
  const rig = running();
  rig.see({ ...charging, status: 'fault', temperatureDc: 900, currentMa: 30_000 });
  expect(reaction(rig)).toMatchObject({ fault: 'pile-fault' });
});

test('ED-05.e ED-05.i what happens between charges arms nothing for the next', () => {
  const rig = new Rig();
  rig.see({ ...plugged, currentMa: 900, status: 'unplugged' });
  rig.pass(60_000);
  for (let i = 0; i < 20; i += 1) rig.pass(1000).lose();
  rig.toCharging(startCommand({ expiresAtMs: rig.wallMs + 60_000 }));
  rig.pass(100).see({ ...plugged, status: 'unplugged' });
  expect(rig.phase).toBe('charging');
  expect(rig.records.some((record) => record.kind === 'alarm.raised')).toBe(false);
  expect(rig.recordsOf('command.reported')[0]?.commandId).toBe(uuid(1));
});

describe('ED-05.c ED-05.d voltage outside its limits', () => {
  const limits = { overVoltageMv: 253_000, underVoltageMv: 207_000 };
  const volts = (lowestV: number, highestV = lowestV): Reading => ({
    ...charging,
    voltageMv: { lowest: lowestV * 1000, highest: highestV * 1000 },
  });
  const fed = () => {
    const rig = new Rig({ facts: limits });
    rig.command(startCommand());
    rig.pass(100).see({ ...plugged, voltageMv: volts(230).voltageMv });
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    rig.pass(1000).see(volts(230));
    return rig.acknowledge();
  };

  test.each([
    ['above', volts(230, 254), 'over-voltage'],
    ['below', volts(206, 230), 'under-voltage'],
  ] as const)('%s the limit for 3 s stops the charge', (_, reading, fault) => {
    const rig = fed();
    expect(stopsAfterMs(rig, reading, 10_000, 500)).toBe(3000);
    expect(reaction(rig)).toMatchObject({ fault });
  });

  test('at the limit it goes on', () => {
    const rig = fed();
    expect(stopsAfterMs(rig, volts(207, 253), 10_000, 500)).toBeNull();
  });

  test.each([
    ['over', volts(253.1), volts(244)],
    ['under', volts(206.9), volts(216)],
  ])('one look %s the limit, and then within it, stops nothing', (_, outside, inside) => {
    const rig = fed();
    rig.see(outside);
    rig.pass(500);
    expect(stopsAfterMs(rig, inside, 20_000, 500)).toBeNull();
  });

  test('the 3 s outside are without a break', () => {
    const rig = fed();
    rig.see(volts(254));
    rig.pass(2900).see(volts(253));
    rig.pass(100).see(volts(254));
    rig.pass(2999).see(volts(254));
    expect(rig.phase).toBe('charging');
    rig.pass(1).see(volts(254));
    expect(reaction(rig)).toMatchObject({ fault: 'over-voltage' });
  });

  test('a voltage that is not told any more is missing data after 5 s', () => {
    const rig = fed();
    expect(stopsAfterMs(rig, { ...charging, voltageMv: null }, 10_000, 500)).toBe(5000);
    expect(reaction(rig)).toMatchObject({ fault: 'measurement-missing' });
  });

  test('a contactor that closes late, and a pause, have no voltage to tell', () => {
    const unfed = { ...plugged, voltageMv: null };
    const rig = new Rig({ facts: limits });
    rig.command(startCommand());
    rig.pass(100).see(unfed);
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    for (let i = 0; i < 20; i += 1) rig.pass(1000).see(unfed);
    rig.pass(1000).see(volts(230));
    expect(rig.phase).toBe('charging');
    expect(stopsAfterMs(rig, unfed, 20_000, 1000)).toBeNull();
    // It delivers again: from here on its voltage is owed.
    rig.see(volts(230));
    expect(stopsAfterMs(rig, { ...charging, voltageMv: null }, 10_000, 500)).toBe(5000);
  });

  test('a fault is over for a pile that tells no voltage at rest', () => {
    const rig = fed();
    stopsAfterMs(rig, volts(260), 5000, 500);
    const { sessionId } = rig.session;
    rig.proveOff();
    rig.send({ kind: 'durable', sessionId });
    for (let i = 0; i < 6; i += 1) rig.pass(1000).see({ ...plugged, voltageMv: null });
    expect(rig.phase).toBe('idle');
    rig.command(startCommand({ commandId: uuid(700), orderId: uuid(701), expiresAtMs: rig.wallMs + 60_000 }));
    rig.pass(100).see({ ...plugged, voltageMv: null });
    expect(rig.phase).toBe('preparing');
  });

  describe('no charge begins', () => {
    const at = (lowestV: number, highestV = lowestV): Reading => ({
      ...plugged,
      voltageMv: volts(lowestV, highestV).voltageMv,
    });
    const attempts = (rig: Rig) => {
      let n = 700;
      return (reading: Reading): string => {
        n += 1;
        rig.command(startCommand({ commandId: uuid(n), expiresAtMs: rig.wallMs + 60_000 }));
        rig.see(reading);
        return rig.phase;
      };
    };

    test('while it is outside, nor before it has been back for 5 s', () => {
      const rig = new Rig({ facts: limits });
      const begins = attempts(rig);
      rig.see(at(260));
      expect(begins(at(260))).toBe('idle');
      rig.pass(1000);
      expect(begins(at(230))).toBe('idle');
      rig.pass(3900);
      expect(begins(at(230))).toBe('idle');
      rig.pass(100);
      expect(begins(at(230))).toBe('preparing');
    });

    test.each([
      ['below the upper', at(230, 254), at(230, 243.1), at(230, 243)],
      ['above the lower', at(206, 230), at(216.9, 230), at(217, 230)],
    ])('nor while it is less than 10 V %s limit', (_, outside, inBand, back) => {
      const rig = new Rig({ facts: limits });
      const begins = attempts(rig);
      rig.see(outside);
      for (let i = 0; i < 30; i += 1) rig.pass(1000).see(inBand);
      expect(begins(inBand)).toBe('idle');
      rig.pass(4900);
      expect(begins(back)).toBe('idle');
      rig.pass(100);
      expect(begins(back)).toBe('preparing');
    });

    test('but mains that stay there for 5 min are as they are', () => {
      const rig = new Rig({ facts: limits });
      const begins = attempts(rig);
      rig.see(at(254));
      for (let i = 0; i < 299; i += 1) rig.pass(1000).see(at(250));
      expect(begins(at(250))).toBe('idle');
      for (let i = 0; i < 4; i += 1) rig.pass(1000).see(at(250));
      expect(begins(at(250))).toBe('idle');
      rig.pass(1000);
      expect(begins(at(250))).toBe('preparing');
    });

    test('after a charge that was found ended, while they have only just come back', () => {
      // It does not stop by itself in so short a time: the charge is over because the pile says so.
      const rig = new Rig({ facts: limits, session: fed().session });
      const { sessionId } = rig.session;
      rig.see({ ...at(260), status: 'unplugged' });
      rig.proveOff();
      rig.send({ kind: 'durable', sessionId });
      const begins = attempts(rig);
      expect(begins(at(230))).toBe('idle');
      rig.pass(5000);
      expect(begins(at(230))).toBe('preparing');
    });

    test('and mains that never were outside may be near the limit', () => {
      expect(attempts(new Rig({ facts: limits }))(at(252))).toBe('preparing');
    });
  });
});

describe('ED-05.f overload', () => {
  const rising = (rig: Rig, reading: Reading, seconds: number): number | null => {
    for (let second = 0; second <= seconds; second += 1) {
      rig.see({ ...reading, registerWh: 50_000 + 3 * second });
      if (rig.phase === 'stopping') return second;
      rig.pass(1000);
    }
    return null;
  };

  test.each([
    ['a current above the offer that is no over-current yet', { ...charging, currentMa: 16_900 }],
    ['more power than the connector can deliver', { ...charging, powerW: 12_800 }],
  ])('%s stops the charge after a minute', (_, reading) => {
    const rig = running();
    expect(rising(rig, reading, 90)).toBe(60);
    expect(reaction(rig)).toMatchObject({ fault: 'overload' });
  });

  test('what measuring errors explain does not', () => {
    expect(rising(running(), { ...charging, currentMa: 16_800, powerW: 12_144 }, 120)).toBeNull();
  });

  test('less than the measurement tells from nothing does not, in a pause as at any time', () => {
    const rig = new Rig({ facts: { limitMa: 400, minLimitMa: 400 } }).toCharging().acknowledge();
    expect(rising(rig, { ...charging, currentMa: 1000, powerW: 0 }, 120)).toBeNull();
    expect(rising(rig, { ...charging, currentMa: 1001, powerW: 0 }, 120)).not.toBeNull();
  });
});

describe('ED-05.l a meter that nobody can bill by', () => {
  const stopsAfterS = (rig: Rig, registerWh: (second: number) => number | null, seconds: number): number | null => {
    for (let second = 1; second <= seconds; second += 1) {
      rig.pass(1000).see({ ...charging, registerWh: registerWh(second) });
      if (rig.phase === 'stopping') return second;
    }
    return null;
  };

  test('stuck while power is measured: a minute of it stops the charge', () => {
    const rig = running();
    const stoppedS = stopsAfterS(rig, () => 50_000, 90);
    expect(stoppedS).toBeGreaterThanOrEqual(60);
    expect(stoppedS).toBeLessThanOrEqual(62);
    expect(reaction(rig)).toMatchObject({ fault: 'meter-stuck' });
  });

  test('stuck behind a slow meter of its own, which the pile outpaces: a minute of it stops the charge', () => {
    const rig = running();
    const stoppedS = stopsAfterS(rig, (second) => (second % 3 === 0 ? 50_000 : null), 90);
    expect(stoppedS).toBeGreaterThanOrEqual(60);
    expect(stoppedS).toBeLessThanOrEqual(66);
    expect(reaction(rig)).toMatchObject({ fault: 'meter-stuck' });
  });

  test('a slow meter that counts is no fault', () => {
    const rig = running();
    expect(stopsAfterS(rig, (second) => (second % 3 === 0 ? 50_000 + 3 * second : null), 600)).toBeNull();
  });

  test('a register that is some seconds late is no fault when the vehicle has just ended', () => {
    const rig = running();
    for (let second = 1; second <= 20; second += 1) rig.pass(1000).see({ ...charging, registerWh: 50_000 });
    rig.pass(1000).see({ ...charging, powerW: 0, currentMa: 0, registerWh: 50_000 });
    expect(rig.phase).toBe('charging');
    rig.pass(1000).see({ ...charging, powerW: 0, currentMa: 0, registerWh: null });
    expect(rig.phase).toBe('charging');
  });

  test('stuck while nothing is taken is no fault', () => {
    const rig = running();
    for (let second = 1; second <= 300; second += 1) {
      rig.pass(1000).see({ ...charging, powerW: 0, currentMa: 0, registerWh: 50_000 });
    }
    expect(rig.phase).toBe('charging');
  });

  test('running backwards: a minute of it stops the charge, and bills what was believed', () => {
    const rig = running();
    rig.charge(10);
    expect(stopsAfterS(rig, (second) => 50_000 - 3 * second, 90)).toBe(60);
    expect(reaction(rig)).toMatchObject({ fault: 'meter-backward' });
    rig.proveOff(49_820);
    rig.pass(4000).see({ ...plugged, registerWh: 49_820 });
    expect(rig.cdr).toMatchObject({ energyWh: 30, marks: ['meter-replaced'] });
  });

  test('silent for ten minutes: what flows unseen for longer than that is not gone on with', () => {
    const rig = running();
    expect(stopsAfterS(rig, () => null, 700)).toBe(600);
    expect(reaction(rig)).toMatchObject({ fault: 'measurement-missing' });
  });
});

describe('ED-05.m ED-05.n the longest and the largest charge', () => {
  test('the time that one charge may take is over: it ends as one whose limit is reached', () => {
    const rig = new Rig({ facts: { maxDurationMs: 120_000 } }).toCharging().acknowledge();
    rig.charge(118);
    expect(rig.phase).toBe('charging');
    rig.charge(1);
    expect(reaction(rig)).toMatchObject({ fault: 'max-duration', write: 'softStop', latched: [] });
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ stopReason: 'limit-reached', faultCode: 'max-duration' });
  });

  test('time is counted on the monotonic clock, whatever the wall clock says', () => {
    const rig = new Rig({ facts: { maxDurationMs: 120_000 } }).toCharging().acknowledge();
    rig.wallMs += 3 * 86_400_000;
    rig.charge(100);
    expect(rig.phase).toBe('charging');
  });

  test('the energy that one charge may take has flowed', () => {
    const rig = new Rig({ facts: { maxEnergyWh: 30 } }).toCharging().acknowledge();
    rig.charge(9);
    expect(rig.phase).toBe('charging');
    rig.charge(1);
    expect(reaction(rig)).toMatchObject({ fault: 'max-energy' });
  });
});
