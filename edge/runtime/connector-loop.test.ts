import { describe, expect, test, vi } from 'vitest';
import { nextBandChangeMs } from '#shared/tariff/bands.ts';
import { LineError } from '../bus/line-error.ts';
import { sessionOf } from '../control/connector.ts';
import { Rig, START_WALL_MS, startCommand, stopCommand, tariff } from '../control/testing.ts';
import { loopRig } from './testing.ts';

const start = () => startCommand({ expiresAtMs: START_WALL_MS + 600_000, ttlMs: 60_000 });
const SETUP = ['258=4', '257=15000', '262=0'];
const what = (entries: readonly { what: string }[]) => entries.map((entry) => entry.what);

async function charging(rig: ReturnType<typeof loopRig>) {
  rig.loop.start();
  await rig.time.pass(2000);
  rig.loop.dispatch({ kind: 'command', command: start() });
  await rig.time.pass(3000);
  const sessionId = sessionOf(rig.loop.state.phase)?.sessionId ?? '';
  expect(rig.loop.state.phase.kind).toBe('charging');
  rig.loop.dispatch({ kind: 'acknowledged', id: sessionId });
  return sessionId;
}

test('ED-08 a whole charge: read first, set up, start once it is durable, stop, read back, store', async () => {
  const rig = loopRig();
  const sessionId = await charging(rig);
  expect(rig.stream.written.slice(0, 2).map(({ hex }) => hex.slice(0, 4))).toEqual(['0103', '0104']);
  expect(what(rig.pile.written)).toEqual([...SETUP, '259=1', '261=160']);
  await rig.time.pass(60_000);
  rig.loop.dispatch({ kind: 'command', command: stopCommand(sessionId) });
  await rig.time.pass(5000);
  expect(rig.loop.state.phase.kind).toBe('idle');
  expect(what(rig.pile.written).slice(5)).toEqual(['261=0']);
  expect(rig.recordsStored()).toEqual(['session.started', 'done', 'session.ended', 'done']);
  const session = rig.stored.at(-1)?.session;
  expect(session).toMatchObject({ open: false, session: { sessionId } });
  expect(session?.session.lastReading.registerWh).toBe(rig.pile.registerWh);
  await rig.end();
});

test('ED-05.b a reading that tells of danger is acted on at once: the stop is the next frame on the line', async () => {
  const rig = loopRig();
  await charging(rig);
  rig.pile.temperatureDc = 900;
  const before = rig.stream.written.length;
  await rig.time.pass(1500);
  const frames = rig.stream.written.slice(before).map((entry) => entry.hex.slice(0, 12));
  expect(frames.slice(0, 2)).toEqual(['01040005000e', '010601050000']);
  await rig.end();
});

test('ED-07 what is decided is on its way before anything is said of it', async () => {
  const rig = loopRig();
  const sessionId = await charging(rig);
  const framesAtLog: string[][] = [];
  const { log } = rig;
  vi.spyOn(log, 'info').mockImplementation(() => {
    framesAtLog.push(rig.stream.written.map(({ hex }) => hex.slice(0, 12)));
  });
  rig.loop.dispatch({ kind: 'command', command: stopCommand(sessionId) });
  expect(framesAtLog.length).toBeGreaterThan(0);
  for (const frames of framesAtLog) expect(frames.at(-1)).toBe('010601050000');
  await rig.end();
});

describe('ED-18 the watchdog is fed only by a loop that decides', () => {
  const watchdog = {
    timeoutMs: 20_000,
    refreshedBy: 'writes' as const,
    feed: [{ write: 'watchdogTimeout', value: 20_000 }],
    fallback: { kind: 'stop' as const },
  };
  const feeds = (rig: ReturnType<typeof loopRig>) => rig.pile.written.filter((entry) => entry.what === '257=20000');

  test('at least every third of its time while the pile is read', async () => {
    const rig = loopRig({ watchdog });
    rig.loop.start();
    await rig.time.pass(60_000);
    const times = feeds(rig).map((entry) => entry.atMs);
    expect(times.length).toBeGreaterThan(8);
    const gaps = times.slice(1).map((atMs, i) => atMs - (times[i] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(20_000 / 3);
    await rig.end();
  });

  test('not when readings do not come any more, though writes would be taken', async () => {
    const rig = loopRig({ watchdog });
    rig.loop.start();
    await rig.time.pass(30_000);
    rig.pile.deafToReads = true;
    const silentMs = rig.time.monoMs();
    await rig.time.pass(60_000);
    for (const { atMs } of feeds(rig)) expect(atMs - silentMs).toBeLessThan(3000);
    rig.pile.deafToReads = false;
    await rig.time.pass(30_000);
    expect(feeds(rig).some((entry) => entry.atMs > silentMs + 60_000)).toBe(true);
    await rig.end();
  });

  test('not after the loop has ended', async () => {
    const rig = loopRig({ watchdog });
    rig.loop.start();
    await rig.time.pass(10_000);
    await rig.end();
    const before = rig.pile.written.length;
    await rig.time.pass(60_000);
    expect(rig.pile.written).toHaveLength(before);
  });
});

describe('a pile that was away', () => {
  test('ED-04 is probed rarely while nobody needs it, and set up again when it is back', async () => {
    const rig = loopRig();
    rig.loop.start();
    await rig.time.pass(2000);
    rig.pile.deafToReads = true;
    await rig.time.pass(10_000);
    const before = rig.pile.reads;
    await rig.time.pass(50_000);
    expect(rig.pile.reads - before).toBeGreaterThanOrEqual(2);
    expect(rig.pile.reads - before).toBeLessThanOrEqual(4);
    expect(rig.logged.filter((line) => line.msg === 'pile does not answer')).toHaveLength(1);
    rig.pile.deafToReads = false;
    await rig.time.pass(30_000);
    expect(what(rig.pile.written)).toEqual([...SETUP, ...SETUP]);
    await rig.end();
  });

  test('ED-05.k for less than 5 s of its charge is asked on, and goes on charging', async () => {
    const rig = loopRig();
    await charging(rig);
    rig.pile.deafToReads = true;
    await rig.time.pass(3500);
    expect(rig.line.deviceCounters.get('unit 1')?.timeouts).toBeGreaterThanOrEqual(3);
    rig.pile.deafToReads = false;
    await rig.time.pass(2500);
    expect(rig.loop.state.phase.kind).toBe('charging');
    expect(rig.loop.state.reading).toMatchObject({ status: 'charging' });
    await rig.end();
  });

  test('ED-18 a pile that refuses its set-up has no watchdog: it is not started, and somebody is told', async () => {
    const rig = loopRig();
    rig.pile.refusesWrites = true;
    rig.loop.start();
    await rig.time.pass(10_000);
    rig.loop.dispatch({ kind: 'command', command: start() });
    await rig.time.pass(10_000);
    expect(rig.recordsStored()).toEqual(['failed connector.faulted']);
    expect(rig.logged.some((line) => line.code === 'pile.setup_not_taken')).toBe(true);
    rig.pile.refusesWrites = false;
    await rig.time.pass(35_000);
    expect(rig.loop.state.reading?.status).toBe('plugged');
    await rig.end();
  });
});

describe('a set-up that is not taken', () => {
  const setupProof = [{ point: 'watchdogTimeout', in: [15_000] }];

  test('ED-18 is found out by reading back: no charge begins, and the pile is not written to all the time', async () => {
    const rig = loopRig({ setupProof });
    rig.pile.forgetsWrites = true;
    rig.loop.start();
    await rig.time.pass(5000);
    rig.loop.dispatch({ kind: 'command', command: start() });
    await rig.time.pass(60_000);
    expect(rig.recordsStored()).toEqual(['failed connector.faulted']);
    expect(rig.logged.filter((line) => line.code === 'pile.setup_not_taken').length).toBeGreaterThan(0);
    expect(what(rig.pile.written).filter((write) => write === '257=15000').length).toBeLessThanOrEqual(3);
    await rig.end();
  });

  test('ED-18 a pile that restarts in a blink is set up again within two minutes', async () => {
    const rig = loopRig({ setupProof });
    rig.loop.start();
    await rig.time.pass(5000);
    rig.pile.holding.set(257, 60_000);
    await rig.time.pass(120_000);
    expect(rig.pile.holding.get(257)).toBe(15_000);
    expect(rig.logged.some((line) => line.msg === 'pile has lost its set-up')).toBe(true);
    await rig.end();
  });
});

test('ED-07 a pile that does not take its set-up is still watched: what it delivers without a session is stopped', async () => {
  const rig = loopRig({ setupProof: [{ point: 'watchdogTimeout', in: [15_000] }] });
  rig.pile.forgetsWrites = true;
  rig.pile.holding.set(259, 1).set(261, 160);
  rig.loop.start();
  await rig.time.pass(5000);
  expect(rig.recordsStored()).toContain('alarm.raised');
  expect(what(rig.pile.written)).toContain('261=0');
  await rig.end();
});

test('ED-18 a charge does not go on for ever on a pile that has lost its set-up and does not take it again', async () => {
  const rig = loopRig({ setupProof: [{ point: 'watchdogTimeout', in: [15_000] }] });
  await charging(rig);
  rig.pile.refusesWritesTo = [258, 257, 262];
  rig.pile.holding.set(257, 60_000);
  await rig.time.pass(120_000);
  expect(rig.stored.flatMap(({ records }) => records)).toContainEqual(
    expect.objectContaining({ kind: 'session.ended', cdr: expect.objectContaining({ faultCode: 'setup-not-taken' }) }),
  );
  await rig.end();
});

test('ED-08 no limit is fed before the session is on disk', async () => {
  let store: () => void = () => {};
  const rig = loopRig({
    watchdog: {
      timeoutMs: 6000,
      refreshedBy: 'writes',
      feed: [{ write: 'maxCurrent', value: 'limit' }],
      fallback: { kind: 'stop' },
    },
    tellsLimit: true,
    store: () => new Promise((stored) => (store = stored)),
  });
  rig.pile.holding.set(261, 60);
  rig.loop.start();
  await rig.time.pass(10_000);
  const before = rig.pile.written.length;
  rig.loop.dispatch({ kind: 'command', command: start() });
  await rig.time.pass(20_000);
  expect(rig.loop.state.phase.kind).toBe('preparing');
  expect(new Set(what(rig.pile.written).slice(before))).toEqual(new Set(['261=0']));
  store();
  await rig.end();
});

test('ED-05.k data grows old also while the look waits for the line: the charge is stopped by time, not by polls', async () => {
  const rig = loopRig();
  await charging(rig);
  rig.keepLine(60_000);
  await rig.time.pass(9000);
  expect(rig.loop.state.phase.kind).toBe('stopping');
  expect(rig.recordsStored()).toContain('alarm.raised');
  await rig.time.pass(80_000);
  await rig.end();
});

test('ED-07 a stop that has been decided is written before the loop ends', async () => {
  const rig = loopRig();
  const sessionId = await charging(rig);
  rig.keepLine(1);
  rig.loop.dispatch({ kind: 'command', command: stopCommand(sessionId) });
  const ended = rig.loop.stop().then(() => rig.line.close());
  await rig.time.pass(20_000);
  await ended;
  expect(what(rig.pile.written).at(-1)).toBe('261=0');
});

describe('a meter of its own', () => {
  test('ED-13 bills in place of the pile, and its silence is not a zero', async () => {
    let isSilent = false;
    let registerWh = 700_000;
    const meter = {
      pollMs: 1000,
      forget: () => {},
      read: () =>
        isSilent
          ? Promise.reject(new LineError('timeout', 'meter'))
          : Promise.resolve({ registerWh, currentMa: null, powerW: null, voltageMv: null, meterId: 'M1' }),
    };
    const rig = loopRig({ meter });
    const sessionId = await charging(rig);
    expect(rig.loop.state.reading).toMatchObject({ registerWh: 700_000, meterId: 'M1' });
    isSilent = true;
    await rig.time.pass(3000);
    expect(rig.loop.state.reading).toMatchObject({ status: 'charging', registerWh: null });
    isSilent = false;
    registerWh = 700_004;
    await rig.time.pass(2000);
    rig.loop.dispatch({ kind: 'command', command: stopCommand(sessionId) });
    await rig.time.pass(5000);
    const ended = rig.stored.flatMap(({ records }) => records).find((record) => record.kind === 'session.ended');
    expect(ended).toMatchObject({ cdr: { meterStartWh: 700_000, meterEndWh: 700_004, energyWh: 4 } });
    await rig.end();
  });
});

test('ED-05.b a slow meter does not slow the polls of its pile down', async () => {
  let answersAfterMs = 10;
  const rig: ReturnType<typeof loopRig> = loopRig({
    meter: {
      pollMs: 1000,
      forget: () => {},
      read: () =>
        new Promise((told) =>
          rig.time.after(answersAfterMs, () =>
            told({ registerWh: 5000, currentMa: null, powerW: null, voltageMv: null, meterId: null }),
          ),
        ),
    },
  });
  await charging(rig);
  answersAfterMs = 3000;
  const reads = rig.pile.reads;
  await rig.time.pass(12_000);
  expect(rig.pile.reads - reads).toBeGreaterThanOrEqual(11);
  await rig.end();
});

test('RS-05 a meter that is read every twenty seconds is read at the change of the price band, and the split is measured', async () => {
  let registerWh = 700_000;
  const readAtMs: number[] = [];
  const rig: ReturnType<typeof loopRig> = loopRig({
    bandChangeMs: nextBandChangeMs,
    meter: {
      pollMs: 20_000,
      forget: () => {},
      read: () => {
        readAtMs.push(rig.time.wallMs());
        if (rig.pile.isCharging) registerWh += 7;
        return Promise.resolve({ registerWh, currentMa: null, powerW: null, voltageMv: null, meterId: null });
      },
    },
  });
  // 08:02 in Shanghai.
  const changeMs = START_WALL_MS + 120_000;
  const [first, second] = tariff.bands;
  if (first === undefined || second === undefined) throw new Error('no bands');
  const bands = [first, { ...second, startMinute: 482 }];
  // Its looks do not fall on whole seconds, and the change does.
  await rig.time.pass(750);
  rig.loop.start();
  await rig.time.pass(2500);
  rig.loop.dispatch({ kind: 'command', command: { ...start(), tariff: { ...tariff, bands } } });
  await rig.time.pass(3000);
  const sessionId = sessionOf(rig.loop.state.phase)?.sessionId ?? '';
  rig.loop.dispatch({ kind: 'acknowledged', id: sessionId });
  await rig.time.pass(175_000);
  rig.loop.dispatch({ kind: 'command', command: stopCommand(sessionId) });
  await rig.time.pass(5000);
  const ended = rig.stored.flatMap(({ records }) => records).find((record) => record.kind === 'session.ended');
  if (ended?.kind !== 'session.ended') throw new Error('no CDR');
  expect(ended.cdr.rating?.lines.map(({ band, split }) => [band, split])).toEqual([
    ['morning', 'measured'],
    ['morning', 'measured'],
    ['afternoon', 'measured'],
    ['afternoon', 'measured'],
  ]);
  const near = ended.cdr.readings.map(({ atMs }) => atMs - changeMs).filter((ms) => Math.abs(ms) < 10_000);
  expect(near.length).toBe(2);
  expect(near[0]).toBeLessThan(0);
  expect(near[1]).toBeGreaterThanOrEqual(0);
  expect(near[1]).toBeLessThanOrEqual(100);
  // Elsewhere it is not asked more often than before.
  expect(readAtMs.filter((ms) => ms > changeMs - 60_000 && ms < changeMs - 6000)).toHaveLength(3);
  await rig.end();
});

test('ED-07 a pile that measures no current is charged and proven off by the currents of its meter', async () => {
  let currentMa: number | null = 0;
  const rig = loopRig({
    currents: [],
    meter: {
      pollMs: 1000,
      forget: () => {},
      read: () => Promise.resolve({ registerWh: 5000, currentMa, powerW: null, voltageMv: null, meterId: null }),
    },
  });
  const sessionId = await charging(rig);
  currentMa = 15_900;
  await rig.time.pass(5000);
  expect(rig.loop.state.reading).toMatchObject({ status: 'charging', currentMa: 15_900 });
  rig.loop.dispatch({ kind: 'command', command: stopCommand(sessionId) });
  await rig.time.pass(3000);
  expect(rig.loop.state.phase.kind).toBe('stopping');
  currentMa = 0;
  await rig.time.pass(6000);
  expect(rig.loop.state.phase.kind).toBe('idle');
  await rig.end();
});

test('the last frames on the line are told with every alarm', async () => {
  const rig = loopRig();
  await charging(rig);
  rig.pile.temperatureDc = 900;
  await rig.time.pass(2000);
  expect(rig.logged.find((line) => line.msg === 'frames before the alarm')?.frames).toHaveLength(1);
  await rig.end();
});

test('ED-09 an adopted charge is decided about before the pile is set up: what must stop does not wait', async () => {
  const session = sessionOf(new Rig().toCharging().acknowledge().state.phase);
  const rig = loopRig({ session });
  rig.pile.isPlugged = false;
  rig.loop.start();
  await rig.time.pass(5000);
  expect(what(rig.pile.written)).toEqual(['261=0', ...SETUP]);
  await rig.end();
});

describe('ED-08 the ledger', () => {
  test('commits stay in order though the store fails in between, and none is left out', async () => {
    let failures = 0;
    let broken = false;
    const rig = loopRig({
      store: () => {
        if (!broken) return Promise.resolve();
        failures += 1;
        return Promise.reject(new Error('disk full'));
      },
    });
    const sessionId = await charging(rig);
    broken = true;
    rig.loop.dispatch({ kind: 'command', command: stopCommand(sessionId) });
    await rig.time.pass(5000);
    expect(failures).toBeGreaterThan(3);
    expect(rig.pile.isCharging, 'the stop did not wait for the disk').toBe(false);
    expect(rig.recordsStored()).toEqual(['session.started', 'done']);
    broken = false;
    await rig.time.pass(5000);
    expect(rig.recordsStored()).toEqual(['session.started', 'done', 'session.ended', 'done']);
    const stops = rig.stored.slice(-2).map((transaction) => [transaction.session?.open, transaction.records.length]);
    expect(stops).toEqual([
      [true, 0],
      [false, 2],
    ]);
    expect(rig.loop.state.phase.kind).toBe('idle');
    await rig.end();
  });

  test('ED-11 a store that fails at the start: the command fails by name and the pile is never told to deliver', async () => {
    let failing = true;
    const rig = loopRig({
      store: (transaction) =>
        failing && transaction.session !== null ? Promise.reject(new Error('disk full')) : Promise.resolve(),
    });
    rig.loop.start();
    await rig.time.pass(2000);
    rig.loop.dispatch({ kind: 'command', command: start() });
    await rig.time.pass(3000);
    expect(rig.recordsStored()).toEqual(['failed store.unavailable']);
    expect(what(rig.pile.written)).toEqual(SETUP);
    failing = false;
    await rig.end();
  });

  test('what was decided before the end of the process is still stored', async () => {
    const release: (() => void)[] = [];
    let isSlow = false;
    const rig = loopRig({
      store: () => (isSlow ? new Promise((resolve) => release.push(resolve)) : Promise.resolve()),
    });
    const sessionId = await charging(rig);
    isSlow = true;
    rig.loop.dispatch({ kind: 'command', command: stopCommand(sessionId) });
    rig.loop.dispatch({ kind: 'command', command: stopCommand('00000000-0000-4000-8000-000000000077') });
    const ended = rig.loop.stop();
    isSlow = false;
    await rig.time.pass(10);
    for (const resolve of release) resolve();
    await rig.time.pass(2000);
    await ended;
    expect(rig.recordsStored().at(-1)).toBe('failed session.unknown');
  });

  test('ED-08 a start that becomes durable when the process is ending is not written any more', async () => {
    const release: (() => void)[] = [];
    const rig = loopRig({ store: () => new Promise((resolve) => release.push(resolve)) });
    rig.loop.start();
    await rig.time.pass(2000);
    rig.loop.dispatch({ kind: 'command', command: start() });
    await rig.time.pass(1000);
    expect(rig.loop.state.phase.kind).toBe('preparing');
    const ended = rig.loop.stop();
    for (const resolve of release) resolve();
    await rig.time.pass(5000);
    await ended;
    expect(what(rig.pile.written)).toEqual(SETUP);
    expect(rig.stored).toEqual([expect.objectContaining({ session: expect.objectContaining({ open: true }) })]);
  });
});
