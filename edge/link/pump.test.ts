import { describe, expect, test, vi } from 'vitest';
import { type PumpEvent, type PumpState, pump, pumpAtRest, retryAfterMs } from './pump.ts';

const state = (change: Partial<PumpState>): PumpState => ({ ...pumpAtRest, ...change });
const greeting = state({ link: 'greeting', sentMonoMs: 1000, unanswered: 1 });
const idle = state({ link: 'open', sentMonoMs: 1000 });
const sending = state({ link: 'open', sentMonoMs: 1000, inFlightThroughSeq: 20, unanswered: 1 });
const NOW = 1500;

type Row = [string, PumpState, PumpEvent, number, number | null, string, Partial<PumpState>];

test.each<Row>([
  [
    'a connection begins with hello',
    pumpAtRest,
    { kind: 'connected' },
    NOW,
    20,
    'hello',
    { link: 'greeting', sentMonoMs: NOW },
  ],
  ['records wait for the welcome', greeting, { kind: 'tick' }, NOW, 20, 'nothing', greeting],
  ['an ack before the welcome opens nothing', greeting, { kind: 'acked', ackedSeq: 20 }, NOW, 30, 'nothing', greeting],
  ['hello is said again after 2 s', greeting, { kind: 'tick' }, 3000, 20, 'hello', { unanswered: 2, sentMonoMs: 3000 }],
  [
    'the welcome opens, and the backlog flows',
    greeting,
    { kind: 'welcomed' },
    NOW,
    20,
    'batch',
    { link: 'open', inFlightThroughSeq: 20, unanswered: 1 },
  ],
  [
    'the welcome opens, and there is nothing to send',
    greeting,
    { kind: 'welcomed' },
    NOW,
    null,
    'nothing',
    { link: 'open', inFlightThroughSeq: null, unanswered: 0 },
  ],
  ['a welcome to nobody is ignored', pumpAtRest, { kind: 'welcomed' }, NOW, 20, 'nothing', pumpAtRest],
  ['nothing to send: nothing is sent', idle, { kind: 'tick' }, NOW, null, 'nothing', idle],
  [
    'a new record goes out at once',
    idle,
    { kind: 'tick' },
    NOW,
    7,
    'batch',
    { inFlightThroughSeq: 7, sentMonoMs: NOW },
  ],
  ['one batch is in flight at a time', sending, { kind: 'tick' }, NOW, 30, 'nothing', sending],
  [
    'a batch without an answer is sent again after 2 s',
    sending,
    { kind: 'tick' },
    3000,
    25,
    'batch',
    { inFlightThroughSeq: 25, unanswered: 2 },
  ],
  [
    'its ack lets the next go',
    sending,
    { kind: 'acked', ackedSeq: 20 },
    NOW,
    30,
    'batch',
    { inFlightThroughSeq: 30, unanswered: 1 },
  ],
  [
    'its ack, and nothing more',
    sending,
    { kind: 'acked', ackedSeq: 20 },
    NOW,
    null,
    'nothing',
    { inFlightThroughSeq: null, unanswered: 0 },
  ],
  [
    'an ack further than that counts',
    sending,
    { kind: 'acked', ackedSeq: 25 },
    NOW,
    null,
    'nothing',
    { inFlightThroughSeq: null },
  ],
  ['an older ack is no answer', sending, { kind: 'acked', ackedSeq: 19 }, NOW, 20, 'nothing', sending],
  ['an ack that nobody waits for', idle, { kind: 'acked', ackedSeq: 19 }, NOW, 20, 'nothing', idle],
  ['a welcome in between sends nothing twice', sending, { kind: 'welcomed' }, NOW, 22, 'nothing', sending],
  ['a welcome in between: what is new goes out', idle, { kind: 'welcomed' }, NOW, 22, 'batch', { unanswered: 1 }],
  ['a lost connection forgets what was in flight', sending, { kind: 'disconnected' }, NOW, 20, 'nothing', pumpAtRest],
  ['nothing is sent without a connection', pumpAtRest, { kind: 'tick' }, 999_999, 20, 'nothing', pumpAtRest],
  [
    'what was in flight is gone from the store',
    sending,
    { kind: 'tick' },
    3000,
    null,
    'nothing',
    { inFlightThroughSeq: null, unanswered: 0 },
  ],
])('SY-01 %s', (_, before, event, nowMs, throughSeq, action, after) => {
  const next = pump(before, event, nowMs, () => throughSeq);
  expect(next.action ?? 'nothing').toBe(action);
  expect(next.state).toMatchObject(after);
});

test.each<[string, PumpState, PumpEvent]>([
  ['one is in flight', sending, { kind: 'tick' }],
  ['one is in flight and an old ack comes', sending, { kind: 'acked', ackedSeq: 19 }],
  ['the welcome has not come', greeting, { kind: 'tick' }],
  ['a connection begins', pumpAtRest, { kind: 'connected' }],
  ['there is no connection', pumpAtRest, { kind: 'tick' }],
])('ED-09 no batch is read while none can go out: %s', (_, before, event) => {
  const read = vi.fn(() => 20);
  pump(before, event, NOW, read);
  expect(read).not.toHaveBeenCalled();
});

test('SY-08 the answer is waited for longer each time: 2 s, 4 s, 8 s … 60 s', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 50].map(retryAfterMs)).toEqual([
    2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000,
  ]);
});

describe('SY-01 a cloud that answers nothing costs little and loses nothing', () => {
  test.each([
    ['hello', greeting],
    ['batch', sending],
  ])('%s', (action, start) => {
    let current = start;
    const sentAtMs: number[] = [];
    for (let nowMs = 1000; nowMs <= 200_000; nowMs += 250) {
      const next = pump(current, { kind: 'tick' }, nowMs, () => 20);
      current = next.state;
      if (next.action !== null) {
        expect(next.action).toBe(action);
        sentAtMs.push(nowMs);
      }
    }
    expect(sentAtMs).toEqual([3000, 7000, 15_000, 31_000, 63_000, 123_000, 183_000]);
  });
});
