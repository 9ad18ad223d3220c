import { ok, type Result, refuse } from '#shared/result.ts';
import type { OrderState } from '../db/schema.ts';

export type OrderEvent =
  /** The start was refused on site, cancelled, or not confirmed in time. */
  | { readonly kind: 'start-failed' }
  | { readonly kind: 'session-started' }
  /** The site has told everything it has, and knows of no such session; or it is gone, and tells nothing any more. */
  | { readonly kind: 'session-lost' }
  /** `agreed`: rated here to the same bill. `void`: billed to nobody. */
  | { readonly kind: 'session-ended'; readonly verdict: 'agreed' | 'disagreed' | 'void' };

export type OrderRefusal = 'already-charging' | 'already-failed' | 'already-ended' | 'not-charging';

const endedState = { agreed: 'completed', disagreed: 'abnormal', void: 'void' } as const;

/**
 * The life of an order. A start that failed stays failed: a session that begins all the same is stopped and
 * voided by the site, and if it is not void after all, a person has to look at it.
 *
 * An order that was ended because its session was lost is before a person, and stays there when the record of the charge comes all
 * the same: what flowed is then known, and he decides with it. No other order gets a second record.
 */
export function nextOrderState(state: OrderState, event: OrderEvent): Result<OrderState, OrderRefusal> {
  switch (state) {
    case 'starting':
      if (event.kind === 'session-lost') return refuse('not-charging');
      if (event.kind === 'start-failed') return ok('start_failed');
      if (event.kind === 'session-started') return ok('charging');
      return ok(event.verdict === 'void' ? 'start_failed' : endedState[event.verdict]);
    case 'charging':
      if (event.kind === 'session-lost') return ok('abnormal');
      return event.kind === 'session-ended' ? ok(endedState[event.verdict]) : refuse('already-charging');
    case 'start_failed':
      if (event.kind === 'start-failed' || event.kind === 'session-lost') return refuse('already-failed');
      if (event.kind === 'session-started') return ok('start_failed');
      return ok(event.verdict === 'void' ? 'start_failed' : 'abnormal');
    case 'abnormal':
      return event.kind === 'session-ended' ? ok('abnormal') : refuse('already-ended');
    case 'completed':
    case 'void':
      return refuse('already-ended');
  }
}
