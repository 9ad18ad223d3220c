import { expect, test } from 'vitest';
import { billed, expectedBill, generator, randomCase } from './oracle.ts';

test('RS-05 an independent second opinion agrees to the cent on each line of 100,000 random charges', () => {
  const below = generator(20_251_026);
  const differing: { n: number; bill: string; expected: string }[] = [];
  for (let n = 0; n < 100_000; n += 1) {
    const charge = randomCase(below);
    const [bill, expected] = [billed(charge).join('; '), expectedBill(charge).join('; ')];
    if (bill !== expected) differing.push({ n, bill, expected });
  }
  expect(differing).toEqual([]);
}, 300_000);
