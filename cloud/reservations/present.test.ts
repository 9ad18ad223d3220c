import { expect, test } from 'vitest';
import type { ChargingSite } from '../testing/charging-site.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reservingSite } from '../testing/reserving-site.ts';
import { createTestClock } from '../testing/test-clock.ts';

const clock = createTestClock();
let site: ChargingSite;
onChargingSites('up', clock, (_cloud, onSite) => {
  site = onSite;
});
const at = reservingSite(() => site, clock);

test('OP-24 the holder is let in by the id of his reservation, in whichever case he writes it', async () => {
  const { reservationId } = await at.held();
  await site.plugIn();
  const { status, body } = await at.start({ reservation_id: reservationId.toUpperCase() });
  expect({ status, code: body.code }).toEqual({ status: 202, code: undefined });
  expect((await site.takeStart()).reservationId).toBe(reservationId);
});
