import { expect, test } from 'vitest';
import { billed, expectedBill, generator, randomCase } from './oracle.ts';

test('RS-05 an independent second opinion agrees to the cent on each line of 5000 random charges', () => {
  const below = generator(1);
  for (let n = 0; n < 5000; n += 1) {
    const charge = randomCase(below);
    expect(billed(charge), `charge ${n}: ${JSON.stringify(charge)}`).toEqual(expectedBill(charge));
  }
});
