import { expect, test } from 'vitest';
import type { OrderState } from '../db/schema.ts';
import { nextOrderState, type OrderEvent } from './machine.ts';

const failed: OrderEvent = { kind: 'start-failed' };
const begun: OrderEvent = { kind: 'session-started' };
const lost: OrderEvent = { kind: 'session-lost' };
const end = (verdict: 'agreed' | 'disagreed' | 'void'): OrderEvent => ({ kind: 'session-ended', verdict });

/** Every state × every event: the next state, or the name of the refusal. */
const table: [OrderState, OrderEvent, string][] = [
  ['starting', failed, 'start_failed'],
  ['starting', begun, 'charging'],
  ['starting', lost, 'not-charging'],
  ['starting', end('agreed'), 'completed'],
  ['starting', end('disagreed'), 'abnormal'],
  ['starting', end('void'), 'start_failed'],
  ['charging', failed, 'already-charging'],
  ['charging', begun, 'already-charging'],
  ['charging', lost, 'abnormal'],
  ['charging', end('agreed'), 'completed'],
  ['charging', end('disagreed'), 'abnormal'],
  ['charging', end('void'), 'void'],
  ['start_failed', failed, 'already-failed'],
  ['start_failed', begun, 'start_failed'],
  ['start_failed', lost, 'already-failed'],
  ['start_failed', end('agreed'), 'abnormal'],
  ['start_failed', end('disagreed'), 'abnormal'],
  ['start_failed', end('void'), 'start_failed'],
  ...(['completed', 'void'] as const).flatMap((state): [OrderState, OrderEvent, string][] =>
    [failed, begun, lost, end('agreed'), end('disagreed'), end('void')].map((event) => [state, event, 'already-ended']),
  ),
  ...[failed, begun, lost].map((event): [OrderState, OrderEvent, string] => ['abnormal', event, 'already-ended']),
  ...(['agreed', 'disagreed', 'void'] as const).map((verdict): [OrderState, OrderEvent, string] => [
    'abnormal',
    end(verdict),
    'abnormal',
  ]),
];

test.each(table)('OP-15 order %s on %o → %s', (state, event, expected) => {
  const next = nextOrderState(state, event);
  expect(next.ok ? next.value : next.reason).toBe(expected);
});
