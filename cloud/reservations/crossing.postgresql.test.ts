import { expect, test } from 'vitest';
import type { RecordEnvelope } from '#shared/wire/messages.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { cancelStart } from '../operations/commands.ts';
import { lockOrder } from '../orders/store.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reported, started } from '../testing/records.ts';
import { reservingSite } from '../testing/reserving-site.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { cancelReserve } from './commands.ts';
import { lockReservation } from './store.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
onChargingSites('cr', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});
const at = reservingSite(() => site, clock);

type Step = (trx: Trx) => Promise<unknown>;

/** What a site tells in one batch comes while somebody has locked what it is about, and is about to change its command. */
async function crossing(bodies: readonly RecordEnvelope['body'][], lock: Step, change: Step): Promise<void> {
  const { edge } = site;
  let acked: Promise<unknown> = Promise.resolve();
  await transaction(cloud.context.db, async (trx) => {
    await lock(trx);
    acked = edge.batch(bodies.map((body) => ({ seq: edge.nextSeq(), at: edge.stamp(), body })));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await change(trx);
  });
  await acked;
}

test.each([[['failed']], [['received', 'failed']]] as const)(
  'OP-24 SY-01 a site that tells of a reserve %j and a partner who takes it back at that moment do not wait for each other',
  async (told) => {
    await at.free();
    const { body } = await at.reserve();
    const { commandId, reservationId } = await at.takeReserve();
    await crossing(
      told.map((status) => reported(commandId, status, status === 'failed' ? { code: 'connector.occupied' } : {})),
      (trx) => lockReservation(trx, reservationId),
      (trx) => cancelReserve(trx, reservationId, clock.wallMs()),
    );
    expect(await site.operation(body.operation_id)).toMatchObject({ failure: { code: 'connector.occupied' } });
  },
);

test('OP-17 SY-01 a site that has taken a start and begun, and a partner who stops at that moment, do not wait for each other', async () => {
  const { body } = await site.start();
  const command = await site.takeStart();
  await crossing(
    [reported(command.commandId, 'received'), started(site.edge, command)],
    (trx) => lockOrder(trx, body.order_id),
    (trx) => cancelStart(trx, body.order_id, clock.wallMs()),
  );
  expect((await site.order(body.order_id)).state).toBe('charging');
});
