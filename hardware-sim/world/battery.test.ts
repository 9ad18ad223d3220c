import { expect, test } from 'vitest';
import { AC_CURVE, DC_CURVE, shareAt } from './battery.ts';

test.each([
  [AC_CURVE, 0, 1],
  [AC_CURVE, 0.9, 1],
  [AC_CURVE, 0.95, 0.6],
  [AC_CURVE, 1, 0.2],
  [DC_CURVE, 0, 0.6],
  [DC_CURVE, 0.025, 0.8],
  [DC_CURVE, 0.3, 1],
  [DC_CURVE, 0.65, 0.7],
  [DC_CURVE, 0.95, 0.125],
  [DC_CURVE, 1, 0.05],
])('HS-02 on curve %j a battery at %f takes a share of %f', (curve, soc, share) => {
  expect(shareAt(curve, soc)).toBeCloseTo(share, 9);
});
