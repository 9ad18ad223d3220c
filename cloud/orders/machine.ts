import { ok, type Result, refuse } from '#shared/result.ts';
import type { OrderState } from '../db/schema.ts';

export type OrderEvent =
  /** The start was refused on site, cancelled, or not confirmed in time. */
  | { readonly kind: 'start-failed' }
  | { readonly kind: 'session-started' }
  /** `agreed`: rated here to the same bill. `void`: billed to nobody. */
  | { readonly kind: 'session-ended'; readonly verdict: 'agreed' | 'disagreed' | 'void' };

export type OrderRefusal = 'already-charging' | 'already-failed' | 'already-ended';

const endedState = { agreed: 'completed', disagreed: 'abnormal', void: 'void' } as const;

/**
 * The life of an order. A start that failed stays failed: a session that begins all the same is stopped and
 * voided by the site, and if it is not void after all, a person has to look at it.
 */
export function nextOrderState(state: OrderState, event: OrderEvent): Result<OrderState, OrderRefusal> {
  switch (state) {
    case 'starting':
      if (event.kind === 'start-failed') return ok('start_failed');
      if (event.kind === 'session-started') return ok('charging');
      return ok(event.verdict === 'void' ? 'start_failed' : endedState[event.verdict]);
    case 'charging':
      return event.kind === 'session-ended' ? ok(endedState[event.verdict]) : refuse('already-charging');
    case 'start_failed':
      if (event.kind === 'start-failed') return refuse('already-failed');
      if (event.kind === 'session-started') return ok('start_failed');
      return ok(event.verdict === 'void' ? 'start_failed' : 'abnormal');
    case 'completed':
    case 'void':
    case 'abnormal':
      return refuse('already-ended');
  }
}
