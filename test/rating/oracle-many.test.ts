import { expect, test } from 'vitest';
import { billed, expectedBill, generator, randomCase } from './oracle.ts';

test('RS-05 an independent second opinion agrees to the cent on each line of 100,000 random charges', () => {
  const below = generator(20_251_026);
  for (let n = 0; n < 100_000; n += 1) {
    const charge = randomCase(below);
    const [bill, expected] = [billed(charge).join('\n'), expectedBill(charge).join('\n')];
    if (bill !== expected) expect(bill, `charge ${n}: ${JSON.stringify(charge)}`).toBe(expected);
  }
}, 300_000);
