import { z } from 'zod';
import type { OrderRow } from '../db/schema.ts';
import type { Trx } from '../db/transaction.ts';
import { iso } from '../http/iso.ts';
import { closeCommandsOfOrder, closeStart } from '../operations/commands.ts';
import { type Failure, finishOperations, type OutcomeContext } from '../operations/finish.ts';
import { recordOrderEvent } from '../webhooks/record-event.ts';
import { insertException } from './exception.ts';
import { nextOrderState } from './machine.ts';
import { updateOrder } from './store.ts';

/** What the last live view of a charge has shown. `energyWh` is that of the session; null: the pile did not tell. */
export const lastSeenSchema = z.object({ energyWh: z.int().nullable(), observedAtMs: z.int() });
export type LastSeen = z.infer<typeof lastSeenSchema>;

export interface Loss {
  /** `forgotten`: the site has told all that it has, and knows nothing of the charge. `site-gone`: nobody waits for its word any more. */
  readonly cause: 'forgotten' | 'site-gone';
  readonly seen: LastSeen | null;
}

/**
 * Nobody will tell the end of this charge. The order ends before a person; whoever waits for something on it gets an outcome. Nothing is
 * billed: what flowed is known only from the last live view.
 *
 * A stop, or a start that is taken back, goes on being sent until the site answers it: should the charge run all the same, it ends.
 *
 * @param order locked in this transaction
 */
export async function endLostOrder(context: OutcomeContext, order: OrderRow, { cause, seen }: Loss): Promise<void> {
  const next = nextOrderState(order.state, { kind: 'session-lost' });
  if (!next.ok) return;
  const { trx, nowMs } = context;
  const orderId = order.order_id;
  const lost: Failure = {
    code: 'session.lost',
    detail: `${detailOf[cause](order.session_id)}; ${toldOf(seen)}`,
  };
  await closeStart(trx, orderId, nowMs);
  await closeCommandsOfOrder(trx, orderId, nowMs, ['raise-hold']);
  // Told before the end, behind which a partner need not expect anything of a stop.
  for (const kind of ['stop', 'raise-hold'] as const) await finishOperations(context, orderId, kind, lost);
  const change = { state: next.value, failure_code: lost.code, failure_detail: lost.detail, ended_at_ms: nowMs };
  const ended = await updateOrder(trx, orderId, change, nowMs);
  await recordOrderEvent(context, 'charge.ended', ended);
  await insertException(context, orderId, null, lost);
}

const detailOf: Record<Loss['cause'], (sessionId: string | null) => string> = {
  forgotten: (id) => `the site has no session ${id} any more, and no record of its end`,
  'site-gone': (id) => `the site is gone, and has told no end of session ${id}`,
};

/** What the live views show of charges now, by session: the site's next one may overwrite them. */
export async function lastSeenOf(trx: Trx, orders: readonly OrderRow[]): Promise<Record<string, LastSeen>> {
  if (orders.length === 0) return {};
  const rows = await trx
    .selectFrom('connector_states')
    .select(['session_id', 'energy_wh as energyWh', 'observed_at_ms as observedAtMs'])
    .where(
      'connector_id',
      'in',
      orders.map((order) => order.connector_id),
    )
    .execute();
  const sessionIds = orders.map((order) => order.session_id);
  return Object.fromEntries(
    rows.flatMap(({ session_id: id, ...seen }) => (id === null || !sessionIds.includes(id) ? [] : [[id, seen]])),
  );
}

function toldOf(seen: LastSeen | null): string {
  if (seen === null) return 'nothing was seen of it';
  const energy = seen.energyWh === null ? 'energy unknown' : `${seen.energyWh} Wh`;
  return `last seen at ${iso(seen.observedAtMs)}: ${energy}`;
}
