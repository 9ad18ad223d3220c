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
    'over-temperature',
    0,
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
  ['ED-05.o a state nobody knows', { ...charging, status: 'unknown' }, 'hardStop', 'pile-fault', 0],
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

test('the catalogue says of each of these faults what the requirements demand', () => {
  expect(
    Object.entries(faultCatalogue).map(
      ([code, f]) => `${code} ${f.reaction} ${f.deadlineMs} ${f.latch ? 'latch' : ''}`,
    ),
  ).toEqual([
    'over-temperature soft-stop 10000 ',
    'over-current hard-stop 10000 latch',
    'gun-removed soft-stop 10000 ',
    'communication-lost soft-stop 10000 ',
    'measurement-missing soft-stop 10000 ',
    'pile-fault hard-stop 10000 ',
    'contactor-welded hard-stop 10000 latch',
    'residual-current hard-stop 10000 latch',
    'emergency-stop hard-stop 10000 ',
    'voltage-fault hard-stop 10000 ',
    'vehicle-fault soft-stop 10000 ',
    'plug-lock-failed soft-stop 10000 ',
    'parking-lock-fault soft-stop 10000 ',
    'setup-not-taken soft-stop 10000 ',
    'energy-without-session hard-stop 10000 ',
    'stop-not-proven hard-stop 0 latch',
  ]);
});

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
