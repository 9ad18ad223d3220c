import { expect, test } from 'vitest';
import type { Result } from '#shared/result.ts';
import { reservationEndReasonSchema } from '#shared/wire/records.ts';
import { nextOrderState, type OrderEvent } from '../../cloud/orders/machine.ts';
import { orderSchema } from '../../cloud/orders/schemas.ts';
import {
  nextReservationState,
  type ReservationEvent,
  type ReservationState,
  reservationStates,
} from '../../cloud/reservations/machine.ts';
import { guides } from './guide-vectors.ts';

/** Goal: the diagrams of the guides are the machines. Method: each state and event is tried, and every way to another state is an arrow. */

const ended = (['agreed', 'disagreed', 'void'] as const).map(
  (verdict): OrderEvent => ({ kind: 'session-ended', verdict }),
);
const orderEvents: OrderEvent[] = [
  { kind: 'start-failed' },
  { kind: 'session-started' },
  { kind: 'session-lost' },
  ...ended,
];
const reservationEvents: ReservationEvent[] = [
  { kind: 'activated' },
  { kind: 'refused' },
  { kind: 'withdrawn' },
  { kind: 'lost' },
  { kind: 'site-revoked' },
  ...reservationEndReasonSchema.options.map((reason): ReservationEvent => ({ kind: 'ended', reason })),
];

/** The arrows of a machine as a diagram has them: from the first state, between states, and out of those that nothing leaves. */
function arrowsOf<State extends string, Event>(
  states: readonly State[],
  events: readonly Event[],
  next: (state: State, event: Event) => Result<State, string>,
): string[] {
  const [first = ''] = states;
  const ways = states.flatMap((state) => {
    const reached = events.flatMap((event) => {
      const result = next(state, event);
      return result.ok && result.value !== state ? [result.value] : [];
    });
    return reached.length === 0 ? [`${state} --> [*]`] : reached.map((other) => `${state} --> ${other}`);
  });
  return [...new Set([`[*] --> ${first}`, ...ways])].sort();
}

/** The arrows of the guide's diagram that begins with a state; each way to another state says why. */
function drawnIn(guide: string, first: string): string[] {
  const diagrams = [...guide.matchAll(/```mermaid\nstateDiagram-v2\n([\s\S]*?)```/g)].map(([, lines = '']) => lines);
  const [diagram, ...others] = diagrams.filter((lines) => lines.includes(`[*] --> ${first}`));
  if (diagram === undefined || others.length > 0) throw new Error(`not one diagram that begins with ${first}`);
  const arrows = diagram.trim().split('\n');
  expect(arrows.filter((arrow) => !arrow.endsWith('[*]') && !/: .{2,}$/.test(arrow))).toEqual([]);
  return arrows.map((arrow) => arrow.split(':')[0]?.trim() ?? '').sort();
}

test.each(Object.entries(guides))(
  'OP-17 OP-23 the diagram of orders in the guide (%s) is the machine',
  (_language, guide) => {
    const states = orderSchema.shape.state.options;
    expect(drawnIn(guide, 'starting')).toEqual(arrowsOf(states, orderEvents, nextOrderState));
  },
);

test.each(Object.entries(guides))(
  'OP-23 OP-24 the diagram of reservations in the guide (%s) is the machine',
  (_language, guide) => {
    const machine = arrowsOf<ReservationState, ReservationEvent>(
      reservationStates,
      reservationEvents,
      nextReservationState,
    );
    expect(drawnIn(guide, 'requested')).toEqual(machine);
  },
);
