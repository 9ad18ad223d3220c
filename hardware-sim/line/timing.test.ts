import { expect, test } from 'vitest';
import { exchangeMs, frameSilenceMs, transmissionMs } from './timing.ts';

test('HS-01 a character takes 11 bits', () => {
  expect(transmissionMs(9600, 1)).toBeCloseTo(1.146, 3);
  expect(transmissionMs(19200, 8)).toBeCloseTo(4.583, 3);
});

test('HS-01 silence is 3.5 characters up to 19200 baud and 1.75 ms above', () => {
  expect(frameSilenceMs(9600)).toBeCloseTo(4.01, 2);
  expect(frameSilenceMs(19200)).toBeCloseTo(2.005, 3);
  expect(frameSilenceMs(38400)).toBe(1.75);
  expect(frameSilenceMs(115200)).toBe(1.75);
});

test.each([
  [9600, 1, 45.2],
  [9600, 10, 65.8],
  [19200, 10, 42.9],
  [38400, 20, 38.7],
  [115200, 60, 36.2],
])('HS-01 at %i baud a read of %i words costs the published budget', (baud, words, budgetMs) => {
  const oursMs = exchangeMs(baud, 8, 5 + 2 * words, 20) + frameSilenceMs(baud);
  expect(Math.abs(oursMs - budgetMs)).toBeLessThan(0.06);
});
