import { expect, test } from 'vitest';
import { createManualTime } from '../world/manual-clock.ts';
import { zeroCounters } from './counters.ts';
import { createExchanger } from './exchange.ts';
import { createSlave } from './slave.ts';
import { NO_EFFECTS, type WireEffects } from './wire-damage.ts';

const TURNAROUND_MS = 10;

function bench(effectsOf: (unit: number, nth: number) => WireEffects) {
  const time = createManualTime();
  const sent: { unit: number; tag: number; atMs: number }[] = [];
  let nth = 0;
  const echo = { execute: (request: Uint8Array) => ({ reply: request, kind: 'read' as const }) };
  const slave = createSlave(new Map([1, 2].map((unit) => [unit, echo])), zeroCounters([1, 2]), (unit) => {
    nth += 1;
    return effectsOf(unit, nth);
  });
  const submit = createExchanger(() => 0, time.clock, time.scheduler);
  const ask = (unit: number, tag: number): void =>
    submit({
      answerer: unit,
      heardAtMs: time.clock.monoMs(),
      answer: () => {
        const reply = slave.handle(unit, Uint8Array.of(3, tag));
        if (reply === undefined) return undefined;
        const portions = [{ pauseMs: 0, bytes: Uint8Array.of(reply.unit, ...reply.pdu) }];
        return { delayMs: TURNAROUND_MS + reply.effects.extraDelayMs, portions, effects: reply.effects };
      },
      send: (bytes) => sent.push({ unit: bytes[0] ?? 0, tag: bytes[2] ?? 0, atMs: time.clock.monoMs() }),
      hangUp: () => {},
    });
  return { time, slave, sent, ask };
}

const lateFirst = (_unit: number, nth: number): WireEffects =>
  nth === 1 ? { ...NO_EFFECTS, extraDelayMs: 700 } : NO_EFFECTS;

test('HS-03 after one late reply the next request to that unit is answered right behind it', () => {
  const { time, sent, ask } = bench(lateFirst);
  ask(1, 0xa1);
  time.passMs(500);
  ask(1, 0xa2);
  time.passMs(1000);
  expect(sent).toEqual([
    { unit: 1, tag: 0xa1, atMs: 710 },
    { unit: 1, tag: 0xa2, atMs: 720 },
  ]);
});

test('HS-03 a late unit does not hold up another unit of its line', () => {
  const { time, sent, ask } = bench(lateFirst);
  ask(1, 0xa1);
  time.passMs(500);
  ask(2, 0xb1);
  time.passMs(TURNAROUND_MS);
  expect(sent).toEqual([{ unit: 2, tag: 0xb1, atMs: 510 }]);
});

test('HS-01 a request to a unit nobody has stays unanswered and is counted', () => {
  const { time, slave, sent, ask } = bench(() => NO_EFFECTS);
  ask(9, 1);
  ask(1, 2);
  time.passMs(100);
  expect(sent.map(({ tag }) => tag)).toEqual([2]);
  expect(slave.counters).toMatchObject({ requests: 2, replies: 1, unknownUnit: 1 });
});

test('HS-03 a silent unit answers again as soon as the fault is over', () => {
  const { time, sent, ask } = bench((_unit, nth) => ({ ...NO_EFFECTS, silent: nth === 1 }));
  ask(1, 1);
  ask(1, 2);
  time.passMs(100);
  expect(sent.map(({ tag }) => tag)).toEqual([2]);
});
