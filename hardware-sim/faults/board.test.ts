import { expect, test } from 'vitest';
import { createFaultBoard } from './board.ts';
import { pileFaultSchema, wireFaultSchema } from './fault.ts';
import { seededRandom } from './random.ts';
import { stateEffects } from './state-effects.ts';
import { drawWireEffects } from './wire-effects.ts';

test('HS-03 a fault with a count strikes that often and is gone', () => {
  const board = createFaultBoard(seededRandom(1));
  board.add('pile:A1', { kind: 'delay', delayMs: 700, count: 2 });
  const delays = [1, 2, 3].map(() => drawWireEffects(board, ['pile:A1'], 3).extraDelayMs);
  expect(delays).toEqual([700, 700, 0]);
  expect(board.list()).toEqual([]);
});

test('HS-03 a fault of a line strikes its piles, a fault of a pile strikes only that pile', () => {
  const board = createFaultBoard(seededRandom(1));
  board.add('line:rtu1', { kind: 'exception', code: 4 });
  board.add('pile:A1', { kind: 'silence' });
  expect(drawWireEffects(board, ['line:rtu1', 'pile:A1'], 3)).toMatchObject({ silent: true, exceptionCode: 4 });
  expect(drawWireEffects(board, ['line:rtu1', 'pile:A2'], 3)).toMatchObject({ silent: false, exceptionCode: 4 });
});

test('HS-03 ignored writes wait for a write', () => {
  const board = createFaultBoard(seededRandom(1));
  board.add('pile:A1', { kind: 'ignore-writes', count: 1 });
  expect(drawWireEffects(board, ['pile:A1'], 3).ignoreWrites).toBe(false);
  expect(drawWireEffects(board, ['pile:A1'], 6).ignoreWrites).toBe(true);
  expect(drawWireEffects(board, ['pile:A1'], 6).ignoreWrites).toBe(false);
});

test('HS-03 the same seed strikes the same exchanges, about as often as the probability says', () => {
  const strikes = (seed: number): boolean[] => {
    const board = createFaultBoard(seededRandom(seed));
    board.add('pile:A1', { kind: 'crc-error', probability: 0.25 });
    return Array.from({ length: 2000 }, () => drawWireEffects(board, ['pile:A1'], 3).crcError);
  };
  expect(strikes(7)).toEqual(strikes(7));
  expect(strikes(7)).not.toEqual(strikes(8));
  expect(strikes(7).filter(Boolean).length / 2000).toBeCloseTo(0.25, 1);
});

test('HS-03 a fault is over when it is removed, and cannot be removed twice', () => {
  const board = createFaultBoard(seededRandom(1));
  const faultId = board.add('pile:A1', { kind: 'stuck-meter' });
  expect(stateEffects(board.stateFaults('pile:A1')).meterStuck).toBe(true);
  expect(board.remove(faultId)).toBe(true);
  expect(stateEffects(board.stateFaults('pile:A1')).meterStuck).toBe(false);
  expect(board.remove(faultId)).toBe(false);
});

test.each([
  { kind: 'delay' },
  { kind: 'silence', delayMs: 3 },
  { kind: 'stuck-meter', count: 2 },
  { kind: 'gremlins' },
])('HS-03 the fault %j is refused', (fault) => {
  expect(pileFaultSchema.safeParse(fault).success).toBe(false);
});

test('HS-03 a line has no contactor to weld', () => {
  expect(wireFaultSchema.safeParse({ kind: 'welded-contactor' }).success).toBe(false);
  expect(pileFaultSchema.parse({ kind: 'welded-contactor' })).toEqual({
    kind: 'welded-contactor',
    vehicleKeepsDrawing: true,
    detectedByPile: false,
  });
});
