import { describe, expect, test } from 'vitest';
import { isLeftAlone } from './stop.ts';
import { charging, describeOrders, plugged, Rig, stopCommand } from './testing.ts';

const stopping = () => {
  const rig = new Rig().toCharging().acknowledge();
  rig.command(stopCommand(rig.session.sessionId));
  return rig;
};
const written = (rig: Rig) => rig.send({ kind: 'written', write: rig.rung });
const refused = (rig: Rig) => rig.send({ kind: 'write-failed', write: rig.rung });

/** Polls with current flowing for `ms`, answering each write at once; returns what was written when, from now. */
function flowOn(rig: Rig, ms: number, answer: (rig: Rig) => unknown): string[] {
  const told: string[] = [];
  const startMs = rig.monoMs;
  for (let passed = 0; passed < ms; passed += 500) {
    const before = rig.writes.length;
    rig.pass(500).see(charging);
    for (const write of rig.writes.slice(before)) {
      told.push(`${rig.monoMs - startMs} ${write}`);
      answer(rig);
    }
  }
  return told;
}

test('ED-07 soft stop ignored: hard stop after 6.5 s, alarm and latch at 10 s, then both in turn every 5 s', () => {
  const rig = stopping();
  written(rig);
  expect(flowOn(rig, 9500, written)).toEqual(['6500 hardStop']);
  expect(rig.recordsOf('alarm.raised')).toEqual([]);
  expect(describeOrders(rig.pass(500).see(charging))).toBe('commit(open, alarm.raised, latched [stop-not-proven])');
  expect(rig.recordsOf('alarm.raised')).toEqual([
    expect.objectContaining({ code: 'stop-not-proven', severity: 'critical', sessionId: rig.session.sessionId }),
  ]);
  expect(flowOn(rig, 20_000, written)).toEqual(['1500 softStop', '6500 hardStop', '11500 softStop', '16500 hardStop']);
  expect(rig.recordsOf('alarm.raised')).toHaveLength(1);
});

test('ED-07 the session stays open while current flows, and is closed, marked, when it is gone at last', () => {
  const rig = stopping();
  written(rig);
  flowOn(rig, 600_000, written);
  rig.pass(500).lose();
  expect(rig.phase).toBe('stopping');
  expect(rig.recordsOf('session.ended')).toEqual([]);
  rig.pass(500).see({ ...plugged, registerWh: 50_015 });
  rig.pass(1500).see({ ...plugged, registerWh: 50_015 });
  expect(rig.phase).toBe('closing');
  // Ten minutes of current, and a register that has not moved with it.
  expect(rig.cdr).toMatchObject({ energyWh: 15, marks: ['meter-stuck', 'stop-not-proven'], stopReason: 'partner' });
  rig.send({ kind: 'durable', sessionId: rig.cdr.sessionId });
  expect(rig.phase).toBe('idle');
  expect(rig.state.latched).toEqual(['stop-not-proven']);
});

test('ED-07 a fault that reacts with the hard stop begins there', () => {
  const rig = new Rig().toCharging().acknowledge();
  rig.see({ ...charging, status: 'fault' });
  expect(rig.writes).toEqual(['start', 'hardStop']);
  written(rig);
  expect(flowOn(rig, 10_000, written)).toEqual([]);
  expect(rig.recordsOf('alarm.raised').map((a) => a.code)).toEqual(['pile-fault', 'stop-not-proven']);
});

describe('ED-07 writes that are refused', () => {
  test('a refused soft stop is not waited for: the hard stop goes out at once', () => {
    const rig = stopping();
    expect(describeOrders(rig.pass(300).send({ kind: 'write-failed', write: 'softStop' }))).toBe('hardStop');
  });

  test('a refused hard stop is written again after a second, until the alarm', () => {
    const rig = stopping();
    refused(rig);
    refused(rig);
    expect(flowOn(rig, 9500, refused)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((s) => `${s}000 hardStop`));
    rig.pass(500).see(charging);
    expect(rig.recordsOf('alarm.raised').map((a) => a.code)).toEqual(['stop-not-proven']);
  });

  test('as soon as a write is taken, the proof counts', () => {
    const rig = stopping();
    refused(rig);
    refused(rig);
    flowOn(rig, 30_000, refused);
    rig.pass(500).see(plugged);
    expect(rig.state.phase).toMatchObject({ kind: 'stopping', provenMonoMs: null });
    flowOn(rig, 5000, written);
    rig.pass(500).see({ ...plugged, registerWh: 50_015 });
    rig.pass(1500).see({ ...plugged, registerWh: 50_015 });
    expect(rig.phase).toBe('closing');
  });

  test('the outcome of a write that the ladder has left behind changes nothing', () => {
    const rig = stopping();
    refused(rig);
    expect(rig.rung).toBe('hardStop');
    expect(describeOrders(rig.send({ kind: 'written', write: 'softStop' }))).toBe('');
    expect(describeOrders(rig.send({ kind: 'write-failed', write: 'softStop' }))).toBe('');
    expect(rig.state.phase).toMatchObject({ ladder: { rung: 'hardStop', writtenMonoMs: null, failedMonoMs: null } });
  });
});

test('ED-07 every rung is tried by the deadline: a soft stop that was slow to be written leaves none untried', () => {
  const rig = stopping();
  rig.pass(4000);
  written(rig);
  expect(flowOn(rig, 5500, written)).toEqual([]);
  expect(describeOrders(rig.pass(500).see(charging))).toBe(
    'hardStop; commit(open, alarm.raised, latched [stop-not-proven])',
  );
});

describe('ED-05.k a pile that falls silent', () => {
  const silent = (rig: Rig, ms: number) => {
    for (let passed = 0; passed < ms; passed += 1000) {
      const before = rig.writes.length;
      rig.pass(1000).lose();
      if (rig.writes.length > before) refused(rig);
    }
  };

  test('raises the alarm at the deadline, without a latch: nobody has seen current flow', () => {
    const rig = stopping();
    refused(rig);
    refused(rig);
    silent(rig, 10_000);
    expect(rig.recordsOf('alarm.raised').map((a) => a.code)).toEqual(['stop-not-proven']);
    expect(rig.state.latched).toEqual([]);
  });

  test('after ten minutes the record goes out with its last reading, estimated and not proven', () => {
    const rig = stopping();
    rig.see({ ...charging, registerWh: 50_007 });
    refused(rig);
    refused(rig);
    silent(rig, 599_000);
    expect(rig.phase).toBe('stopping');
    silent(rig, 2000);
    expect(rig.phase).toBe('closing');
    expect(rig.cdr).toMatchObject({ energyWh: 7, marks: ['stop-not-proven', 'end-estimated'] });
    expect(rig.cdr.readings.at(-1)).toMatchObject({ registerWh: 50_007, quality: 'estimated' });
    expect(rig.cdr.rating).toMatchObject({ energyWh: 7 });
  });

  test('a pile that comes back is stopped, and read again for the bill', () => {
    const rig = stopping();
    refused(rig);
    refused(rig);
    silent(rig, 120_000);
    expect(flowOn(rig, 6000, written).length).toBeGreaterThan(0);
    rig.pass(500).see({ ...plugged, registerWh: 50_015 });
    rig.pass(1500).see({ ...plugged, registerWh: 50_015 });
    expect(rig.cdr).toMatchObject({ energyWh: 15, marks: ['stop-not-proven'] });
    expect(rig.cdr.readings.at(-1)).toMatchObject({ quality: 'measured' });
  });

  test('a pile proven off that then falls silent is closed with its last reading', () => {
    const rig = stopping();
    rig.pass(100).send({ kind: 'written', write: 'softStop' });
    rig.pass(100).see({ ...plugged, registerWh: 50_005 });
    expect(rig.state.phase).toMatchObject({ provenMonoMs: rig.monoMs });
    for (let i = 0; i < 602; i += 1) rig.pass(1000).lose();
    expect(rig.cdr).toMatchObject({ energyWh: 5, marks: ['end-estimated'] });
    expect(rig.writes).toEqual(['start', 'softStop']);
  });
});

test('ED-07 a pile that takes no write, but has no gun plugged and no current, is off all the same', () => {
  const rig = new Rig().toCharging().acknowledge();
  rig.command(stopCommand(rig.session.sessionId));
  const unplugged = { ...plugged, status: 'unplugged' as const, registerWh: 50_015 };
  rig.pass(100).send({ kind: 'write-failed', write: 'softStop' });
  rig.pass(500).see(unplugged);
  rig.pass(1500).see(unplugged);
  expect(rig.phase).toBe('closing');
});

test('ED-07 a pile that was silent at the deadline is latched as soon as current is seen', () => {
  const rig = stopping();
  refused(rig);
  for (let i = 0; i < 12; i += 1) rig.pass(1000).lose();
  expect(rig.recordsOf('alarm.raised').map((raised) => raised.code)).toEqual(['stop-not-proven']);
  expect(rig.state.latched).toEqual([]);
  rig.pass(1000).see(charging);
  expect(rig.state.latched).toEqual(['stop-not-proven']);
});

test('ED-07 a look from before the write, that shows the pile off, does not run the ladder out', () => {
  const rig = stopping();
  rig.pass(1000).send({ kind: 'write-failed', write: 'softStop' });
  rig.pass(8500).lose();
  const askedMonoMs = rig.monoMs;
  rig.pass(600);
  written(rig);
  rig.pass(30).see({ ...plugged, registerWh: 50_015 }, askedMonoMs);
  rig.pass(30).see({ ...plugged, registerWh: 50_015 });
  rig.pass(1500).see({ ...plugged, registerWh: 50_015 });
  expect(rig.recordsOf('alarm.raised')).toEqual([]);
  expect(rig.cdr).toMatchObject({ marks: [], stopReason: 'partner' });
});

describe('ED-07 a pile that answers, and does not tell its current', () => {
  const silent = { ...plugged, currentMa: null };
  const see = (rig: Rig, reading: typeof plugged, ms: number) => {
    for (let passed = 0; passed < ms; passed += 1000) {
      const before = rig.writes.length;
      rig.pass(1000).see(reading);
      if (rig.writes.length > before) written(rig);
    }
  };

  test('with nothing plugged in it is off', () => {
    const rig = stopping();
    rig.pass(100).send({ kind: 'write-failed', write: 'softStop' });
    rig.pass(500).see({ ...silent, status: 'unplugged' });
    rig.pass(1500).see({ ...silent, status: 'unplugged' });
    expect(rig.phase).toBe('closing');
    expect(rig.cdr.marks).toEqual(['zero-energy']);
  });

  test('current out of a gun that is not plugged is no proof', () => {
    const rig = stopping();
    rig.pass(500).see({ ...plugged, status: 'unplugged', currentMa: 1000 });
    expect(rig.state.phase).toMatchObject({ kind: 'stopping', provenMonoMs: null });
  });

  test('the alarm at the deadline says so, and nothing is latched: nobody has seen current flow', () => {
    const rig = stopping();
    see(rig, silent, 12_000);
    expect(rig.recordsOf('alarm.raised')).toEqual([
      expect.objectContaining({
        code: 'stop-not-proven',
        detail: expect.stringContaining('does not tell its current'),
      }),
    ]);
    expect(rig.state.latched).toEqual([]);
  });

  test('after ten minutes without it the record goes out, not proven', () => {
    const rig = stopping();
    see(rig, { ...silent, registerWh: 50_007 }, 599_000);
    expect(rig.phase).toBe('stopping');
    see(rig, { ...silent, registerWh: 50_007 }, 1000);
    expect(rig.phase).toBe('closing');
    expect(rig.cdr).toMatchObject({ energyWh: 7, marks: ['stop-not-proven'] });
  });

  test('polls that fail in between change nothing', () => {
    const rig = stopping();
    for (let passed = 0; passed < 602_000 && rig.phase === 'stopping'; passed += 2000) {
      rig.pass(1000).lose();
      rig.pass(1000).see(silent);
    }
    expect(rig.phase).toBe('closing');
  });

  test('one that says it charges keeps its session', () => {
    const rig = stopping();
    see(rig, { ...silent, status: 'charging' }, 700_000);
    expect(rig.phase).toBe('stopping');
    see(rig, plugged, 4000);
    expect(rig.phase).toBe('closing');
  });

  test('a current that was told in between begins the ten minutes anew', () => {
    const rig = stopping();
    see(rig, silent, 300_000);
    rig.pass(1000).see({ ...silent, currentMa: 5000 });
    see(rig, silent, 599_000);
    expect(rig.phase).toBe('stopping');
  });
});

describe('ED-07 ED-05.k a pile that cannot be read, and may hear us: our words keep its watchdog from stopping it', () => {
  const T_MS = 15_000;
  /** Ten seconds of stops in vain. */
  const unread = (facts = {}) => {
    const rig = new Rig({ facts }).toCharging().acknowledge();
    rig.command(stopCommand(rig.session.sessionId));
    for (let i = 0; i < 20; i += 1) {
      rig.send({ kind: 'write-failed', write: rig.rung });
      rig.pass(500).lose(true);
    }
    return rig;
  };

  test('when every way has been tried it is left alone for its own time and the 6.5 s of an opening under load', () => {
    const rig = unread();
    expect(isLeftAlone(rig.state, rig.monoMs)).toBe(true);
    expect(isLeftAlone(rig.state, rig.monoMs + T_MS + 6499)).toBe(true);
    expect(isLeftAlone(rig.state, rig.monoMs + T_MS + 6500)).toBe(false);
  });

  test('then it is looked at and told to stop again for 15 s, and left alone once more', () => {
    const rig = unread();
    rig.pass(T_MS + 6500);
    let spokenToMs = 0;
    for (; spokenToMs < 60_000 && !isLeftAlone(rig.state, rig.monoMs); spokenToMs += 500) {
      rig.send({ kind: 'write-failed', write: rig.rung });
      rig.pass(500).lose(true);
    }
    expect(spokenToMs).toBeGreaterThanOrEqual(15_000);
    expect(spokenToMs).toBeLessThanOrEqual(15_500);
  });

  test('one that does not stop by itself is spoken to all the time', () => {
    expect(isLeftAlone(unread({ stopsByItselfAfterMs: null }).state, 0)).toBe(false);
  });

  test('one that has been heard is cut off where that is possible: it is not as silent as its watchdog needs', () => {
    expect(unread({ hasTrip: true }).writes).toContain('trip');
  });

  test('one that never had its set-up has no watchdog to wait for', () => {
    const rig = new Rig({ facts: { hasTrip: true } }).toCharging().acknowledge();
    rig.send({ kind: 'set-up', result: 'refused' });
    rig.pass(500).see(charging);
    rig.command(stopCommand(rig.session.sessionId));
    for (let i = 0; i < 24; i += 1) {
      rig.send({ kind: 'write-failed', write: rig.rung });
      rig.pass(500).lose();
    }
    expect(rig.writes).toContain('trip');
  });
});

test('ED-07 a pile that was stopped hard is disarmed as well: it must not go on when its fault is over', () => {
  const rig = new Rig().toCharging().acknowledge();
  rig.see({ ...charging, fault: 'emergency-stop' });
  written(rig);
  expect(describeOrders(rig.pass(500).see({ ...plugged, fault: 'emergency-stop' }))).toBe('softStop');
  rig.send({ kind: 'written', write: 'softStop' });
  expect(describeOrders(rig.pass(1500).see({ ...plugged, fault: 'emergency-stop' }))).toContain('session.ended');
});

test('ED-07 one that took the soft stop already is not told again', () => {
  const rig = stopping();
  written(rig);
  expect(describeOrders(rig.pass(500).see(plugged))).toBe('');
});
