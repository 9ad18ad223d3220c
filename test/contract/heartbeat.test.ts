import { expect, test } from 'vitest';
import { FRESH_MS } from '../../cloud/stations/freshness.ts';
import { siteShapeSchema } from '../../edge/config/site.ts';

/** Goal: however seldom a site tells of itself, the cloud hears it often enough not to take it for gone. */

const VIEWS_UNTIL_GONE = 3;
const everySeconds = siteShapeSchema.shape.cloud.shape.viewEverySeconds;

test('SY-05 SY-08 of the slowest live views three must be lost before a site counts as gone', () => {
  const allowed = Array.from({ length: 61 }, (_, seconds) => seconds).filter(
    (seconds) => everySeconds.safeParse(seconds).success,
  );
  expect(allowed).toEqual([2, 3, 4, 5]);
  expect(Math.max(...allowed) * 1000 * VIEWS_UNTIL_GONE).toBeLessThanOrEqual(FRESH_MS);
  expect(everySeconds.safeParse(undefined).success).toBe(true);
});
