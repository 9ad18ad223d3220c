import { describe, expect, test } from 'vitest';
import { mbapFraming, rtuFraming } from './framing.ts';
import { Line, type LineParts } from './line.ts';
import type { DeviceTiming, LineJob, ModbusRequest, Priority } from './request.ts';
import { bytesOf, frame, hexOf, ManualTime, MemoryStream, obligingReply } from './testing.ts';

const timing: DeviceTiming = { gapMs: 0, responseTimeoutMs: 200, slowestReplyMs: 800 };
const SILENCE_MS = 4;

function rig(change: Partial<LineParts> = {}) {
  const time = new ManualTime();
  const stream = new MemoryStream(time);
  const tapped: string[] = [];
  const line = new Line({
    lineId: 'L1',
    stream,
    framing: rtuFraming(),
    silenceMs: SILENCE_MS,
    clock: time,
    timers: time,
    tap: (direction, bytes) => tapped.push(`${direction} ${hexOf(bytes)}`),
    ...change,
  });
  const outcomes: string[] = [];
  const ask = (name: string, job: Partial<LineJob> = {}) => {
    const request: ModbusRequest = { fc: 3, address: 0x101, count: 1 };
    void line.request({ unit: 1, priority: 'poll', request, timing, ...job }).then(
      (words) => outcomes.push(`${name}: ${words.join(' ')}`),
      (error: Error) => outcomes.push(`${name}: ${error.message.split(':')[0]}`),
    );
  };
  const answerAfter = (ms: number) => {
    stream.onWrite = (bytes) => time.after(ms, () => stream.receive(obligingReply(bytes)));
  };
  const gaps = () => stream.written.slice(1).map((entry, i) => entry.atMs - (stream.written[i]?.atMs ?? 0));
  return { time, stream, line, ask, outcomes, answerAfter, gaps, tapped };
}

const read = (address: number): ModbusRequest => ({ fc: 3, address, count: 1 });
const job = (priority: Priority, address: number, unit = 1): Partial<LineJob> => ({
  priority,
  unit,
  request: read(address),
});

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

test('ED-04 a device gets the gap that it needs; another on the line need not wait for it', async () => {
  const { time, ask, answerAfter, gaps } = rig();
  answerAfter(10);
  const slow = { ...timing, gapMs: 100 };
  ask('a', { ...job('poll', 1), timing: slow });
  ask('b', { ...job('poll', 2), timing: slow });
  await time.pass(1000);
  ask('c', { ...job('poll', 1), timing: slow });
  ask('d', { ...job('poll', 1, 2), timing: slow });
  await time.pass(1000);
  expect(gaps()).toEqual([110, 890, 10 + SILENCE_MS]);
});

test('ED-04 a command overtakes every poll that waits, and keep-alives overtake polls', async () => {
  const { time, ask, outcomes, answerAfter } = rig();
  answerAfter(10);
  ask('in flight', job('poll', 1));
  ask('poll', job('poll', 2));
  await time.pass(1);
  ask('feed', job('keep-alive', 3));
  ask('stop', { priority: 'command', request: { fc: 6, address: 0x105, word: 0 } });
  await time.pass(1000);
  expect(outcomes).toEqual(['in flight: 1', 'stop: ', 'feed: 3', 'poll: 2']);
});

test('ED-04 a command for one device does not wait for the gap of another', async () => {
  const { time, ask, answerAfter, stream } = rig();
  answerAfter(10);
  const slow = { ...timing, gapMs: 500 };
  ask('a', { ...job('poll', 1), timing: slow });
  ask('b', { ...job('poll', 2), timing: slow });
  await time.pass(100);
  const askedMs = time.monoMs();
  ask('stop', job('command', 3, 2));
  await time.pass(1000);
  expect((stream.written[1]?.atMs ?? 0) - askedMs).toBe(0);
  expect(stream.written[1]?.hex.slice(0, 2)).toBe('02');
});

test('ED-04 no answer: the request settles at its own deadline, and the line stays quiet until none can come', async () => {
  const { time, ask, outcomes, stream, gaps, line } = rig();
  ask('dead', job('poll', 1));
  ask('next', job('poll', 2, 2));
  await time.pass(199);
  expect(outcomes).toEqual([]);
  await time.pass(1);
  expect(outcomes).toEqual(['dead: timeout']);
  await time.pass(599);
  expect(stream.written).toHaveLength(1);
  await time.pass(1);
  expect(gaps()).toEqual([800]);
  expect(line.counters).toMatchObject({ requests: 2, timeouts: 1 });
});

test("ED-04 an answer that comes late is nobody's, and puts the quiet off", async () => {
  const { time, ask, outcomes, stream, gaps } = rig();
  ask('late', job('poll', 0x11));
  ask('next', job('poll', 0x22));
  await time.pass(798);
  stream.receive(frame('01 03 02 00 11'));
  await time.pass(3);
  expect(stream.written).toHaveLength(1);
  await time.pass(1);
  expect(gaps()).toEqual([798 + SILENCE_MS]);
  stream.receive(frame('01 03 02 00 22'));
  await time.pass(10);
  expect(outcomes).toEqual(['late: timeout', 'next: 34']);
});

test.each([
  ['crc', bytesOf('01 03 02 3a 98 ab 4f'), 'crcErrors'],
  ['mismatch', frame('02 03 02 3a 98'), 'mismatches'],
] as const)(
  'ED-04 %s: the request fails at once, the line is left alone, and the port stays open',
  async (failure, bytes, counter) => {
    const { time, ask, outcomes, stream, line, gaps } = rig();
    ask('a');
    await time.pass(10);
    stream.receive(bytes);
    await time.pass(0);
    expect(outcomes).toEqual([`a: ${failure}`]);
    ask('b');
    await time.pass(1000);
    expect(gaps()).toEqual([800]);
    expect(stream.opened).toBe(1);
    expect(line.counters).toMatchObject({ [counter]: 1, reopened: 1 });
  },
);

test('ED-04 a refusal by the device is an answer: no quiet time, and its code is told', async () => {
  const { time, stream, line } = rig();
  stream.onWrite = () => time.after(10, () => stream.receive(frame('01 83 02')));
  const asked = line.request({ unit: 1, priority: 'poll', request: read(1), timing });
  const refused = expect(asked).rejects.toMatchObject({ failure: 'exception', exceptionCode: 2 });
  await time.pass(50);
  await refused;
  void line.request({ unit: 1, priority: 'poll', request: read(1), timing }).catch(() => {});
  await time.pass(0);
  expect(stream.written).toHaveLength(2);
  expect(line.counters.exceptions).toBe(1);
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
    await time.pass(2000);
    expect(outcomes).toHaveLength(2);
  });

  test('the line is closed with one request in flight and others waiting', async () => {
    const { time, ask, outcomes, line, stream } = rig();
    ask('a');
    ask('b', job('command', 1));
    await time.pass(10);
    ask('c');
    await line.close();
    await time.pass(0);
    expect(outcomes.sort()).toEqual(['a: closed', 'b: closed', 'c: closed']);
    expect(stream.isOpen).toBe(false);
    ask('d');
    await time.pass(5000);
    expect(outcomes).toContain('d: closed');
    expect(stream.written).toHaveLength(1);
  });

  test('a full queue says so at once', async () => {
    const { time, ask, outcomes } = rig({ queueLimit: 2 });
    for (const name of ['a', 'b', 'c', 'd']) ask(name);
    ask('stop', job('command', 1));
    await time.pass(0);
    expect(outcomes).toEqual(['d: queue-full']);
  });
});

describe('ED-04 a pulled adapter comes back by itself', () => {
  test('the port is opened again at the next request, and not for ever in between', async () => {
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
    stream.refusesToOpen = false;
    await time.pass(1000);
    ask('back', job('poll', 7));
    await time.pass(100);
    expect(outcomes.at(-1)).toBe('back: 7');
    expect(stream.opened).toBe(2);
    expect(line.counters.reopened).toBe(2);
  });

  test('over TCP, half a message of the old connection does not spoil the new one', async () => {
    const { time, ask, outcomes, stream } = rig({ framing: mbapFraming(), silenceMs: 0 });
    ask('a', job('poll', 1));
    await time.pass(1500);
    ask('b', job('poll', 2));
    await time.pass(10);
    stream.receive(bytesOf('00 02 00 00'));
    stream.lose();
    ask('c', job('poll', 3));
    await time.pass(850);
    stream.receive(bytesOf('00 03 00 00 00 05 01 03 02 00 03'));
    await time.pass(10);
    expect(outcomes).toEqual(['a: timeout', 'b: closed', 'c: 3']);
  });

  test('over TCP, a late reply that is cut in two by its deadline does not spoil the next', async () => {
    const { time, ask, outcomes, stream } = rig({ framing: mbapFraming(), silenceMs: 0 });
    ask('late', job('poll', 1));
    await time.pass(199);
    stream.receive(bytesOf('00 01 00 00 00'));
    await time.pass(100);
    stream.receive(bytesOf('05 01 03 02 00 01'));
    ask('next', job('poll', 2));
    await time.pass(550);
    stream.receive(bytesOf('00 02 00 00 00 05 01 03 02 00 02'));
    await time.pass(10);
    expect(outcomes).toEqual(['late: timeout', 'next: 2']);
  });
});

test('ED-16 every frame is seen with its direction, also one that nobody waits for', async () => {
  const { time, ask, answerAfter, stream, tapped } = rig();
  answerAfter(10);
  ask('stop', { priority: 'command', request: { fc: 6, address: 0x105, word: 0 } });
  await time.pass(100);
  stream.receive(bytesOf('ff'));
  expect(tapped).toEqual(['sent 0106010500009837', 'received 0106010500009837', 'received ff']);
});
