import { describe, expect, test } from 'vitest';
import type { DeviceTiming, Exchange, Priority } from './exchange.ts';
import type { LineParts } from './line.ts';
import { LineError } from './line-error.ts';
import type { ModbusJob } from './modbus-master.ts';
import { rtuLine } from './open-line.ts';
import type { ReadRequest } from './request.ts';
import { bytesOf, frame, hexOf, ManualTime, MemoryStream, obligingReply, outcomeOf } from './testing.ts';

const timing: DeviceTiming = { gapMs: 0, responseTimeoutMs: 200, slowestReplyMs: 800 };
const SILENCE_MS = 4;

function rig(change: Partial<LineParts> = {}) {
  const time = new ManualTime();
  const stream = new MemoryStream(time);
  const tapped: string[] = [];
  const { line, modbus } = rtuLine({
    lineId: 'L1',
    stream,
    silenceMs: SILENCE_MS,
    wireMs: () => 0,
    hasTransactionIds: false,
    reconnectAfterFailures: null,
    clock: time,
    timers: time,
    fineTimers: time,
    tap: (direction, bytes) => tapped.push(`${direction} ${hexOf(bytes)}`),
    ...change,
  });
  const outcomes: string[] = [];
  const ask = (name: string, job: Partial<ModbusJob> = {}) => {
    const asked = modbus.request({ unit: 1, priority: 'poll', request: read(0x101), timing, ...job });
    void outcomeOf(asked).then((outcome) => outcomes.push(`${name}: ${outcome}`));
  };
  const answerAfter = (ms: number) => {
    stream.onWrite = (bytes) => time.after(ms, () => stream.receive(obligingReply(bytes)));
  };
  const sentMs = () => stream.written.map(({ atMs }) => atMs);
  const gaps = () => sentMs().flatMap((atMs, i, all) => (i === 0 ? [] : [atMs - (all[i - 1] ?? 0)]));
  return { time, stream, line, modbus, ask, outcomes, answerAfter, sentMs, gaps, tapped };
}

const read = (address: number): ReadRequest => ({ fc: 3, address, count: 1 });
const job = (priority: Priority, address: number, unit = 1): Partial<ModbusJob> => ({
  priority,
  unit,
  request: read(address),
});
const stop: Partial<ModbusJob> = { priority: 'stop', request: { fc: 6, address: 0x105, word: 0 } };

test('ED-04 one request is in flight at a time; the next follows after the silence of the line', async () => {
  const { time, ask, outcomes, answerAfter, gaps, stream } = rig();
  answerAfter(10);
  for (const [i, name] of ['a', 'b', 'c'].entries()) ask(name, job('poll', 100 + i));
  await time.pass(9);
  expect(stream.written).toHaveLength(1);
  await time.pass(1000);
  expect(outcomes).toEqual(['a: 100', 'b: 101', 'c: 102']);
  expect(gaps()).toEqual([10 + SILENCE_MS, 10 + SILENCE_MS]);
});

describe('ED-04 the silence is waited for', () => {
  /** A line whose fine timers are told from the ordinary ones. */
  function timed() {
    const fineMs: number[] = [];
    const made = rig({
      fineTimers: {
        after(delayMs, action) {
          fineMs.push(delayMs);
          return made.time.after(delayMs, action);
        },
      },
    });
    made.answerAfter(10);
    return { ...made, fineMs };
  }

  test('by ordinary timers when polls and feeds have time to spare: the fine ones cost processor time', async () => {
    const { time, ask, fineMs, gaps } = timed();
    for (let i = 0; i < 20; i += 1) {
      ask('poll', job('poll', 100));
      ask('feed', job('keep-alive', 101));
      await time.pass(200);
    }
    expect(fineMs).toEqual([]);
    expect(gaps().slice(0, 1)).toEqual([10 + SILENCE_MS]);
  });

  test.each(['stop', 'command'] as const)('to the fraction of a millisecond by a %s', async (priority) => {
    const { time, ask, fineMs } = timed();
    ask('poll', job('poll', 100));
    ask('other', job('poll', 101));
    await time.pass(1);
    ask(priority, job(priority, 102));
    await time.pass(500);
    expect(fineMs).toEqual([SILENCE_MS]);
  });

  test('to the fraction of a millisecond by everything on a line that is busy', async () => {
    const { time, ask, fineMs, stream } = timed();
    for (let i = 0; i < 200; i += 1) ask('poll', job('poll', 100));
    await time.pass(1000);
    const sentBefore = stream.written.length;
    fineMs.length = 0;
    await time.pass(1000);
    const sent = stream.written.length - sentBefore;
    expect(sent).toBeGreaterThan(50);
    expect(fineMs.length).toBeGreaterThanOrEqual(sent);
  });
});

test('ED-04 a device gets the gap that it needs; the polls of others go in between, the first that is ready', async () => {
  const { time, ask, answerAfter, gaps, outcomes } = rig();
  answerAfter(10);
  const slow = { ...timing, gapMs: 100 };
  ask('a1', { ...job('poll', 1), timing: slow });
  ask('a2', { ...job('poll', 2), timing: slow });
  ask('b', { ...job('poll', 3, 2), timing: slow });
  await time.pass(1000);
  expect(outcomes).toEqual(['a1: 1', 'b: 3', 'a2: 2']);
  expect(gaps()).toEqual([10 + SILENCE_MS, 110 - 10 - SILENCE_MS]);
});

describe('ED-04 priorities', () => {
  test('a stop overtakes commands, those the feeding of watchdogs, and that the polls', async () => {
    const { time, ask, outcomes, answerAfter } = rig();
    answerAfter(10);
    ask('in flight', job('poll', 1));
    ask('poll', job('poll', 2));
    await time.pass(1);
    ask('feed', job('keep-alive', 3));
    ask('command', job('command', 4));
    ask('stop', stop);
    await time.pass(1000);
    expect(outcomes).toEqual(['in flight: 1', 'stop: ', 'command: 4', 'feed: 3', 'poll: 2']);
  });

  test('a stop for one device does not wait for the gap of another', async () => {
    const { time, ask, answerAfter, stream } = rig();
    answerAfter(10);
    const slow = { ...timing, gapMs: 500 };
    ask('a', { ...job('poll', 1), timing: slow });
    ask('b', { ...job('poll', 2), timing: slow });
    await time.pass(100);
    const askedMs = time.monoMs();
    ask('stop', job('stop', 3, 2));
    await time.pass(1000);
    expect((stream.written[1]?.atMs ?? 0) - askedMs).toBe(0);
    expect(stream.written[1]?.hex.slice(0, 2)).toBe('02');
  });

  test('a poll of another device does not fill the gap that a stop waits for', async () => {
    const { time, ask, answerAfter, outcomes, gaps } = rig();
    answerAfter(30);
    ask('poll', { ...job('poll', 1), timing: { ...timing, gapMs: 40 } });
    await time.pass(35);
    ask('stop', { ...stop, timing: { ...timing, gapMs: 40 } });
    ask('other', job('poll', 2, 2));
    await time.pass(1000);
    expect(outcomes).toEqual(['poll: 1', 'stop: ', 'other: 2']);
    expect(gaps()).toEqual([70, 30 + SILENCE_MS]);
  });

  test('what is withdrawn before its turn comes is never sent', async () => {
    const { time, ask, outcomes, answerAfter, stream } = rig();
    answerAfter(10);
    let isSuperseded = false;
    ask('in flight', job('poll', 1));
    await time.pass(1);
    ask('start', {
      priority: 'command',
      request: { fc: 6, address: 0x105, word: 160 },
      isSuperseded: () => isSuperseded,
    });
    ask('poll', job('poll', 2));
    await time.pass(5);
    isSuperseded = true;
    await time.pass(1000);
    expect(outcomes).toEqual(['in flight: 1', 'start: superseded', 'poll: 2']);
    expect(stream.written).toHaveLength(2);
  });
});

describe('ED-04 after trouble', () => {
  test('no answer: the request settles at its own deadline, and the line stays quiet until none can come', async () => {
    const { time, ask, outcomes, stream, gaps, line } = rig();
    ask('dead', job('poll', 1));
    ask('next', job('poll', 2, 2));
    await time.pass(200 + SILENCE_MS - 1);
    expect(outcomes).toEqual([]);
    await time.pass(1);
    expect(outcomes).toEqual(['dead: timeout']);
    await time.pass(599);
    expect(stream.written).toHaveLength(1);
    await time.pass(1);
    expect(gaps()).toEqual([800 + SILENCE_MS]);
    expect(line.counters).toMatchObject({ requests: 2, timeouts: 1 });
  });

  test('the time on the wire is not the device’s: deadline and quiet begin after it', async () => {
    const { time, ask, outcomes, gaps } = rig({ wireMs: (bytes) => 10 * bytes });
    const wireMs = 10 * (8 + 7);
    ask('dead', job('poll', 1));
    ask('next', job('poll', 2, 2));
    await time.pass(wireMs + SILENCE_MS + 199);
    expect(outcomes).toEqual([]);
    await time.pass(1);
    expect(outcomes).toEqual(['dead: timeout']);
    await time.pass(1000);
    expect(gaps()).toEqual([wireMs + SILENCE_MS + 800]);
  });

  test('with transaction ids a late answer is recognised, so the line need not wait for it', async () => {
    const { time, ask, gaps } = rig({ hasTransactionIds: true, silenceMs: 0 });
    ask('dead', job('poll', 1));
    ask('next', job('poll', 2, 2));
    await time.pass(1000);
    expect(gaps()).toEqual([200]);
  });

  test("an answer that comes late is nobody's, and puts the quiet off", async () => {
    const { time, ask, outcomes, stream, gaps, line } = rig();
    ask('late', job('poll', 0x11));
    ask('next', job('poll', 0x22, 2));
    await time.pass(802);
    stream.receive(frame('01 03 02 00 11'));
    await time.pass(3);
    expect(stream.written).toHaveLength(1);
    await time.pass(1);
    expect(gaps()).toEqual([802 + SILENCE_MS]);
    stream.receive(frame('02 03 02 00 22'));
    await time.pass(10);
    expect(outcomes).toEqual(['late: timeout', 'next: 34']);
    expect(line.counters.strayBytes).toBe(7);
  });

  test('a broken checksum is the answer, damaged: it costs its tail and no more, and the port stays open', async () => {
    const { time, ask, outcomes, stream, line, gaps } = rig();
    ask('a');
    await time.pass(10);
    stream.receive(bytesOf('01 03 02 3a 98 ab 4f'));
    await time.pass(0);
    expect(outcomes).toEqual(['a: crc']);
    ask('b');
    await time.pass(1000);
    expect(gaps()).toEqual([10 + SILENCE_MS + 20]);
    expect(stream.opened).toBe(1);
    expect(line.counters).toMatchObject({ crcErrors: 1, opened: 1 });
  });

  test("another device's answer may still be followed by the right one: the line waits it out", async () => {
    const { time, ask, outcomes, stream, line, gaps } = rig();
    ask('a');
    await time.pass(10);
    stream.receive(frame('02 03 02 3a 98'));
    await time.pass(0);
    expect(outcomes).toEqual(['a: mismatch']);
    ask('b');
    await time.pass(1000);
    expect(gaps()).toEqual([800 + SILENCE_MS]);
    expect(stream.opened).toBe(1);
    expect(line.counters.mismatches).toBe(1);
  });

  test('a refusal by the device is an answer: no quiet time, and its code is told', async () => {
    const { time, stream, line, modbus, ask } = rig();
    stream.onWrite = () => time.after(10, () => stream.receive(frame('01 83 02')));
    const asked = modbus.request({ unit: 1, priority: 'poll', request: read(1), timing });
    const refused = expect(asked).rejects.toMatchObject({ failure: 'exception', exceptionCode: 2 });
    await time.pass(50);
    await refused;
    ask('next');
    await time.pass(0);
    expect(stream.written).toHaveLength(2);
    expect(line.counters.exceptions).toBe(1);
  });

  test('an answer that is arriving at its deadline is let in, but a babbling line is not listened to for ever', async () => {
    const { time, ask, outcomes, stream } = rig();
    ask('slow');
    await time.pass(203);
    stream.receive(bytesOf('01 03 02'));
    await time.pass(10);
    stream.receive(frame('01 03 02 00 09').subarray(3));
    await time.pass(10);
    expect(outcomes).toEqual(['slow: 9']);

    const babble = rig();
    babble.stream.onWrite = () => {
      for (let ms = 0; ms < 1500; ms += 10)
        babble.time.after(ms, () => babble.stream.receive(bytesOf(ms === 0 ? '01 03 fa' : '00')));
    };
    babble.ask('babble', { request: { fc: 3, address: 0, count: 125 } });
    await babble.time.pass(850);
    expect(babble.outcomes).toEqual(['babble: timeout']);
  });
});

describe('ED-04 waiting adapts to the device', () => {
  test('without transaction ids it grows with every timeout in a row, up to the slowest answer', async () => {
    const { time, ask, outcomes } = rig();
    const waits: number[] = [];
    for (const name of ['a', 'b', 'c']) {
      await time.pass(6000);
      ask(name);
      const fromMs = time.monoMs();
      while (!outcomes.includes(`${name}: timeout`)) await time.pass(1);
      waits.push(time.monoMs() - fromMs - SILENCE_MS);
    }
    expect(waits).toEqual([200, 400, 800]);
  });

  test('with transaction ids it follows a device that has been learned, and trusts it again after one answer', async () => {
    const { time, ask, outcomes, stream, answerAfter } = rig({ hasTransactionIds: true, silenceMs: 0 });
    const patient = { timing: { gapMs: 0, responseTimeoutMs: 1000, slowestReplyMs: 2000 } };
    const waitOf = async (name: string): Promise<number> => {
      stream.onWrite = null;
      ask(name, patient);
      const fromMs = time.monoMs();
      while (!outcomes.includes(`${name}: timeout`)) await time.pass(1);
      return time.monoMs() - fromMs;
    };
    const answered = async (times: number) => {
      answerAfter(10);
      for (let i = 0; i < times; i += 1) {
        ask('answered');
        await time.pass(20);
      }
    };
    expect(await waitOf('unknown')).toBe(1000);
    await answered(40);
    // 10 ms of reply, and 250 ms of allowance.
    const learned = await waitOf('learned');
    expect(learned).toBeGreaterThanOrEqual(260);
    expect(learned).toBeLessThan(265);
    expect(await waitOf('patient')).toBeGreaterThanOrEqual(500);
    await answered(1);
    expect(await waitOf('trusted')).toBeLessThan(270);
  });
});

describe('ED-04 a silent device is spared', () => {
  const askUntilSilent = async ({ ask, time }: ReturnType<typeof rig>) => {
    for (let i = 0; i < 3; i += 1) {
      ask('dead', job('poll', 1, 9));
      await time.pass(900);
    }
  };

  test('after three failures it is asked at 5 s, then so rarely that it costs 4 % of the line', async () => {
    const all = rig();
    const { time, ask, outcomes, sentMs } = all;
    await askUntilSilent(all);
    expect(outcomes).toEqual(['dead: timeout', 'dead: timeout', 'dead: timeout']);
    for (let ms = 0; ms < 60_000; ms += 100) {
      ask('dead', job('poll', 1, 9));
      await time.pass(100);
    }
    const [, , third = 0, ...probes] = sentMs();
    const pauses = probes.map((atMs, i) => atMs - (probes[i - 1] ?? third));
    expect(pauses[0]).toBeGreaterThanOrEqual(5000);
    expect(pauses[0]).toBeLessThan(6000);
    // A lost probe keeps the line for 804 ms.
    for (const pauseMs of pauses.slice(1)) {
      expect(pauseMs).toBeGreaterThanOrEqual(25 * 804);
      expect(pauseMs).toBeLessThan(25 * 804 + 1100);
    }
    expect(outcomes.filter((outcome) => outcome === 'dead: silent').length).toBeGreaterThan(500);
  });

  test('a stop to it is tried at once, for as long as a stop may take, and then so that it costs a tenth of the line; the living are polled in between', async () => {
    const all = rig();
    const { time, ask, outcomes, stream } = all;
    await askUntilSilent(all);
    for (let i = 0; i < 60; i += 1) {
      ask('stop', { ...stop, unit: 9 });
      ask('alive', job('poll', 1, 2));
      stream.onWrite = (bytes) => {
        if (bytes[0] === 2) time.after(10, () => stream.receive(obligingReply(bytes)));
      };
      await time.pass(1000);
    }
    const stops = outcomes.filter((outcome) => outcome === 'stop: timeout').length;
    // Twelve in good faith, then one in ten times its length.
    expect(stops).toBeGreaterThanOrEqual(12 + 3);
    expect(stops).toBeLessThanOrEqual(12 + 48_000 / (10 * 804) + 1);
    expect(outcomes.filter((outcome) => outcome === 'alive: 1').length).toBeGreaterThanOrEqual(58);
  });

  test('of several dead ones none keeps the living waiting for more than one question in a row', async () => {
    const { time, ask, stream } = rig();
    stream.onWrite = (bytes) => {
      if (bytes[0] === 2) time.after(10, () => stream.receive(obligingReply(bytes)));
    };
    for (let i = 0; i < 30; i += 1) {
      for (const unit of [5, 6, 7, 8, 9]) ask('dead', job('urgent-poll', 1, unit));
      ask('alive', job('poll', 1, 2));
      await time.pass(1000);
    }
    const toAlive = stream.written.filter(({ hex }) => hex.startsWith('02')).map(({ atMs }) => atMs);
    const pauses = toAlive.flatMap((atMs, i) => (i === 0 ? [] : [{ atMs, pauseMs: atMs - (toAlive[i - 1] ?? 0) }]));
    // The first two questions to each are asked in good faith: that takes 10 × 804 ms.
    const later = pauses.filter(({ atMs }) => atMs > 11_000).map(({ pauseMs }) => pauseMs);
    expect(Math.max(...later)).toBeLessThan(2500);
  });

  test('with transaction ids a write has all the time that the device may take, whatever polls have taught', async () => {
    const { time, ask, outcomes, answerAfter } = rig({ hasTransactionIds: true, silenceMs: 0 });
    const patient = { timing: { gapMs: 0, responseTimeoutMs: 1000, slowestReplyMs: 2000 } };
    answerAfter(10);
    for (let i = 0; i < 20; i += 1) {
      ask('poll', patient);
      await time.pass(20);
    }
    answerAfter(900);
    ask('write', { ...stop, ...patient });
    await time.pass(1000);
    expect(outcomes.at(-1)).toBe('write: ');
  });

  test('commands are sent to it all the same, and an answer makes it live', async () => {
    const all = rig();
    const { time, ask, outcomes, answerAfter, line } = all;
    await askUntilSilent(all);
    ask('spared', job('poll', 1, 9));
    ask('fed', job('keep-alive', 1, 9));
    await time.pass(0);
    expect(outcomes.slice(3)).toEqual(['spared: silent', 'fed: silent']);
    expect(line.deviceCounters.get('unit 9')).toMatchObject({ requests: 3, timeouts: 3, spared: 2 });
    answerAfter(10);
    ask('stop', { ...stop, unit: 9 });
    await time.pass(100);
    ask('poll', job('poll', 7, 9));
    await time.pass(100);
    expect(outcomes.slice(5)).toEqual(['stop: ', 'poll: 7']);
  });

  test('what waits for it when it is found silent is not sent either, and of several probes only one is', async () => {
    const { time, ask, outcomes, stream } = rig();
    for (let i = 0; i < 6; i += 1) ask('dead', job('poll', i, 9));
    ask('alive', job('poll', 1, 2));
    await time.pass(4000);
    expect(outcomes.filter((outcome) => outcome === 'dead: timeout')).toHaveLength(3);
    expect(outcomes.filter((outcome) => outcome === 'dead: silent')).toHaveLength(3);
    const sentBefore = stream.written.length;
    await time.pass(6000);
    for (let i = 0; i < 3; i += 1) ask('probe', job('poll', i, 9));
    await time.pass(4000);
    expect(stream.written.length - sentBefore).toBe(1);
  });
});

describe('ED-04 everything settles', () => {
  test('trap 2: the adapter is pulled with a request pending', async () => {
    const { time, ask, outcomes, stream } = rig();
    ask('a');
    ask('b');
    await time.pass(10);
    stream.lose();
    await time.pass(0);
    expect(outcomes).toEqual(['a: closed']);
    await time.pass(SILENCE_MS);
    expect(outcomes).toEqual(['a: closed', 'b: unreachable']);
  });

  test('the line is closed with one request in flight and others waiting', async () => {
    const { time, ask, outcomes, line, stream } = rig();
    ask('a');
    ask('b', job('command', 1));
    await time.pass(10);
    ask('c');
    await line.close();
    await time.pass(0);
    expect(outcomes.toSorted()).toEqual(['a: closed', 'b: closed', 'c: closed']);
    expect(stream.isOpen).toBe(false);
    ask('d');
    await time.pass(5000);
    expect(outcomes).toContain('d: closed');
    expect(stream.written).toHaveLength(1);
    expect(time.waiting).toBe(0);
  });

  test('the line is closed while its port is being opened', async () => {
    const { time, ask, outcomes, line, stream } = rig();
    stream.opensAfterMs = 50;
    ask('a');
    ask('b');
    await time.pass(10);
    const closing = line.close();
    await time.pass(100);
    await closing;
    expect(outcomes.toSorted()).toEqual(['a: closed', 'b: closed']);
    expect(stream.isOpen).toBe(false);
  });

  test('the port vanishes between being opened and the first byte: not a wait, and not written into nothing', async () => {
    const { time, ask, outcomes, stream } = rig();
    stream.vanishesOnOpening = true;
    ask('a');
    await time.pass(0);
    expect(outcomes).toEqual(['a: unreachable']);
    expect(stream.written).toHaveLength(0);
    stream.vanishesOnOpening = false;
    await time.pass(1000);
    ask('b');
    await time.pass(0);
    expect(stream.written).toHaveLength(1);
  });

  test('a full queue says so at once, but takes a stop', async () => {
    const { time, ask, outcomes, answerAfter } = rig({ queueLimit: 2 });
    answerAfter(10);
    ask('a');
    await time.pass(1);
    for (const name of ['b', 'c', 'd']) ask(name);
    ask('stop', stop);
    await time.pass(0);
    expect(outcomes).toEqual(['d: queue-full']);
    await time.pass(100);
    expect(outcomes).toEqual(['d: queue-full', 'a: 257', 'stop: ', 'b: 257', 'c: 257']);
  });
});

describe('ED-04 a connection that is gone comes back by itself', () => {
  test('who goes first is chosen when it is open: a stop that came meanwhile, and nothing that it has overtaken', async () => {
    const { time, ask, outcomes, answerAfter, stream } = rig();
    answerAfter(10);
    let isSuperseded = false;
    ask('start', { ...job('command', 1), isSuperseded: () => isSuperseded });
    ask('stop', stop);
    isSuperseded = true;
    await time.pass(100);
    expect(outcomes).toEqual(['stop: ', 'start: superseded']);
    expect(stream.written).toHaveLength(1);
  });

  test('a port is opened again at the next request, and not for ever in between', async () => {
    const { time, ask, outcomes, stream, answerAfter, line } = rig();
    answerAfter(10);
    ask('a', job('poll', 1));
    await time.pass(2000);
    stream.lose();
    stream.refusesToOpen = true;
    for (let i = 0; i < 10; i += 1) {
      ask('away', job('poll', 1));
      await time.pass(100);
    }
    expect(new Set(outcomes.slice(1))).toEqual(new Set(['away: unreachable']));
    expect(stream.openings).toBe(2);
    stream.refusesToOpen = false;
    await time.pass(1000);
    ask('back', job('poll', 7));
    await time.pass(100);
    expect(outcomes.at(-1)).toBe('back: 7');
    expect(stream.opened).toBe(2);
    expect(line.counters.opened).toBe(2);
  });

  test('over TCP it is made anew after three failures in a row', async () => {
    const { time, ask, stream } = rig({ reconnectAfterFailures: 3 });
    for (let unit = 1; unit <= 6; unit += 1) {
      ask('dead', job('poll', 1, unit));
      await time.pass(1000);
      expect(stream.opened).toBe(unit <= 3 ? 1 : 2);
    }
  });

  test('a broken checksum is an answer: it never counts as a failure of the connection', async () => {
    const { time, ask, stream, outcomes } = rig({ reconnectAfterFailures: 3 });
    stream.onWrite = () => time.after(10, () => stream.receive(bytesOf('01 03 02 3a 98 ab 4f')));
    for (let i = 0; i < 10; i += 1) {
      ask('damaged');
      await time.pass(6000);
    }
    expect(outcomes.filter((outcome) => outcome === 'damaged: crc')).toHaveLength(stream.written.length);
    expect(stream.opened).toBe(1);
  });

  test('a serial port is opened once, however often its devices fail', async () => {
    const { time, ask, stream } = rig();
    for (let i = 0; i < 20; i += 1) {
      ask('dead', job('poll', 1, i + 1));
      await time.pass(1000);
    }
    expect(stream.opened).toBe(1);
  });
});

test('ED-04 what happened is counted, per line and per device', async () => {
  const { time, ask, line, answerAfter, stream } = rig();
  answerAfter(10);
  for (let i = 0; i < 3; i += 1) ask('a', job('poll', 1, 1));
  await time.pass(1000);
  stream.onWrite = () => time.after(30, () => stream.receive(frame('02 83 02')));
  ask('b', job('poll', 1, 2));
  await time.pass(1000);
  stream.onWrite = null;
  ask('b', job('poll', 1, 2));
  await time.pass(1000);
  const none = { requests: 0, answers: 0, timeouts: 0, crcErrors: 0, mismatches: 0, exceptions: 0 };
  expect(line.counters).toEqual({
    ...none,
    requests: 5,
    answers: 3,
    exceptions: 1,
    timeouts: 1,
    opened: 1,
    busyMs: 10 + 10 + 10 + 30 + 200 + SILENCE_MS,
    sinceMonoMs: 1000,
    strayBytes: 0,
  });
  expect(Object.fromEntries(line.deviceCounters)).toEqual({
    'unit 1': { ...none, requests: 3, answers: 3, replyMs: 10, longestReplyMs: 10, spared: 0 },
    'unit 2': { ...none, requests: 2, exceptions: 1, timeouts: 1, replyMs: 30, longestReplyMs: 30, spared: 0 },
  });
});

describe('ED-04 an exchange of two steps', () => {
  const twoSteps = (): Exchange<string> => {
    let step = 0;
    return {
      begin: () => bytesOf('01'),
      feed: (bytes) => {
        step += 1;
        if (step === 1) return { kind: 'next', send: bytesOf('02') };
        return { kind: 'answer', answer: `${step} ${hexOf(bytes)}` };
      },
    };
  };
  const askTwice = ({ line }: ReturnType<typeof rig>) =>
    outcomeOf(line.ask({ device: 'meter', priority: 'poll', timing, exchange: twoSteps(), answerBytes: 1 }));

  test('is one question: nobody comes between its steps, which have the silence between them', async () => {
    const all = rig();
    const { time, stream, ask } = all;
    stream.onWrite = (bytes) => time.after(10, () => stream.receive(bytes[0] === 1 ? bytesOf('aa') : bytesOf('bb')));
    const asked = askTwice(all);
    await time.pass(1);
    ask('stop', stop);
    await time.pass(10);
    // Stray bytes between the steps answer neither of them.
    stream.receive(bytesOf('cc'));
    await time.pass(20);
    expect(stream.written.map(({ hex }) => hex)).toEqual(['01', '02', '0106010500009837']);
    expect(stream.written[1]?.atMs).toBe(1000 + 10 + SILENCE_MS);
    expect(await asked).toBe('2 bb');
  });

  test('has a deadline for each step, and settles when the port is lost in between', async () => {
    const all = rig();
    const { time, stream } = all;
    stream.onWrite = (bytes) => void (bytes[0] === 1 && time.after(10, () => stream.receive(bytesOf('aa'))));
    const slow = askTwice(all);
    await time.pass(10 + SILENCE_MS + 200 + SILENCE_MS);
    expect(await slow).toBe('timeout');

    const other = rig();
    other.stream.onWrite = () => other.time.after(10, () => other.stream.receive(bytesOf('aa')));
    const lost = askTwice(other);
    await other.time.pass(11);
    other.stream.lose();
    expect(await lost).toBe('closed');
    await other.time.pass(2000);
    expect(other.stream.written).toHaveLength(1);
  });
});

test('ED-04 a failure says what to do about it, and of which device it is', async () => {
  const { time, modbus } = rig();
  const asked = modbus
    .request({ unit: 7, priority: 'poll', request: read(1), timing })
    .catch((error: unknown) => error);
  await time.pass(1000);
  const error = await asked;
  expect(error).toBeInstanceOf(LineError);
  expect(error).toMatchObject({ failure: 'timeout', message: 'timeout: unit 7 on L1', exceptionCode: null });
});

test('ED-16 every frame is seen with its direction, also one that nobody waits for', async () => {
  const { time, ask, answerAfter, stream, tapped } = rig();
  answerAfter(10);
  ask('stop', stop);
  await time.pass(100);
  stream.receive(bytesOf('ff'));
  expect(tapped).toEqual(['sent 0106010500009837', 'received 0106010500009837', 'received ff']);
});
