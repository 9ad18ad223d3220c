import { expect, test } from 'vitest';
import type { Db } from '../db/connect.ts';
import { sweepReservations } from '../reservations/sweep.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { HALF_AN_HOUR_MS, reservingSite } from '../testing/reserving-site.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { failOverdueStarts } from './sweeper.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
onChargingSites('br', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});
const at = reservingSite(() => site, clock);

/** The same database, in which the first transaction fails. */
function failingFirst(db: Db): Db {
  let begun = 0;
  return new Proxy(db, {
    get(target, key) {
      if (key === 'transaction') {
        begun += 1;
        if (begun === 1) return () => ({ execute: () => Promise.reject(new Error('a bad row')) });
      }
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** One round in which the first row fails, and whom it wakes all the same. It comes so much later that the cloud's own rounds find nothing. */
function oneRound(afterMs: number, sweep: (context: TestCloud['context']) => Promise<void>) {
  const later = { ...clock, wallMs: () => clock.wallMs() + afterMs };
  const wakened: string[] = [];
  const wake = {
    ...cloud.context.wake,
    commands: () => void wakened.push('commands'),
    deliveries: () => void wakened.push('deliveries'),
  };
  const round = sweep({ ...cloud.context, clock: later, wake, db: failingFirst(cloud.context.db) });
  return { round, wakened };
}

test('OP-15 a start that cannot be ended keeps no other from its end, and is seen', async () => {
  const first = (await site.start('r-1')).body.order_id;
  clock.advance(1_000);
  await site.plugIn(site.connectorId(1));
  const second = (await site.start('r-2', site.connectorId(1))).body.order_id;
  await cloud.context.db
    .updateTable('commands')
    .set({ cancelled_at_ms: clock.wallMs(), sent_count: 1000, next_send_at_ms: null })
    .where('order_id', 'in', [first, second])
    .execute();
  const { round, wakened } = oneRound(120_000, failOverdueStarts);
  await expect(round).rejects.toThrow('a bad row');
  expect((await site.order(first)).state).toBe('starting');
  expect((await site.order(second)).state).toBe('start_failed');
  expect(wakened).toEqual(['commands', 'deliveries']);
});

test('OP-24 a reservation that cannot be ended keeps no other from its end, and is seen', async () => {
  const { reservationId: first } = await at.held();
  clock.advance(1_000);
  await at.free(site.connectorId(1));
  const { reservationId: second } = await at.held({ connector_id: site.connectorId(1) });
  const { round, wakened } = oneRound(HALF_AN_HOUR_MS + 120_000, sweepReservations);
  await expect(round).rejects.toThrow('a bad row');
  expect((await at.look(first)).state).toBe('active');
  expect((await at.look(second)).state).toBe('expired');
  expect(wakened).toEqual(['commands', 'deliveries']);
});
