import { expect, test } from 'vitest';
import type { ChargingSite } from '../testing/charging-site.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { HALF_AN_HOUR_MS, putReservationPrices, reservingSite } from '../testing/reserving-site.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { sweepReservations } from './sweep.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
onChargingSites('lu', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});
const at = reservingSite(() => site, clock);

test('OP-16 OP-24 a reservation is not ended by its time while a start of its holder still has time to be confirmed', async () => {
  await putReservationPrices(cloud, site);
  await cloud.context.db
    .updateTable('connectors')
    .set({ model: 'slow-dc' })
    .where('connector_id', '=', site.connectorId())
    .execute();
  const held = await at.held();
  clock.advance(HALF_AN_HOUR_MS - 2_000);
  await site.plugIn();
  const { status, body } = await at.start({ reservation_id: held.reservationId });
  expect(status).toBe(202);
  const start = await site.takeStart();
  clock.advance(140_000);
  await sweepReservations(cloud.context);
  const session = await site.begin(start);
  await site.edge.record(at.ended(held, 'used', { sessionId: session.sessionId, heldMs: HALF_AN_HOUR_MS - 2_000 }));
  expect((await site.order(body.order_id)).state).toBe('charging');
  expect(await at.look(held.reservationId)).toMatchObject({ state: 'used', order_id: body.order_id, fee: null });
});
