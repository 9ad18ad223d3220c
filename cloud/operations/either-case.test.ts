import { expect, test } from 'vitest';
import type { ChargingSite } from '../testing/charging-site.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { createTestClock } from '../testing/test-clock.ts';

let site: ChargingSite;
onChargingSites('ec', createTestClock(), (_, onSite) => {
  site = onSite;
});

test('OP-15 a request is the same again in whatever case its ids are written, and all that is answered has them as the first answer', async () => {
  const { body } = await site.start();
  const orderId: string = body.order_id;
  await site.begin(await site.takeStart());
  const stopped = await site.stop(orderId.toUpperCase());
  expect(stopped).toMatchObject({ status: 202, body: { order_id: orderId } });
  const again = await site.stop(orderId);
  expect(again).toMatchObject({ status: 202, body: stopped.body });
  expect(again.headers['idempotency-hit']).toBe('true');
  expect((await site.operation(stopped.body.operation_id.toUpperCase())).operation_id).toBe(stopped.body.operation_id);
  expect((await site.order(orderId.toUpperCase())).order_id).toBe(orderId);
});
