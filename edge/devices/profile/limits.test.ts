import { expect, test } from 'vitest';
import { limitsSchema, mostPowerW } from './limits.ts';

const ac = limitsSchema.parse({
  maxCurrentMa: 32_000,
  minCurrentMa: 6000,
  stepMa: 1,
  phases: 3,
  overTemperatureDc: null,
  overVoltageMv: null,
  underVoltageMv: null,
});
const dc = { ...ac, maxCurrentMa: 183_200, dc: { maxPowerW: 120_000, wattsPerAmpere: 655 } };

test('ED-13 no more energy is believed than the highest mains voltage gives', () => {
  expect(mostPowerW(ac, 16_000)).toBe(12_144);
  expect(mostPowerW({ ...ac, phases: 1 }, 16_000)).toBe(4048);
});

test('ED-13 of a DC pile never more than it can deliver', () => {
  expect(mostPowerW(dc, 183_200)).toBe(120_000);
  expect(mostPowerW(dc, 20_000)).toBe(15_180);
});
