import { expect, test } from 'vitest';
import { alertLevels } from '../alerts/levels.ts';
import { afterMove, isOver, movesOf, ticketMoves, ticketStates } from './machine.ts';
import { allowedMs, opensTicket, priorityOf, ticketPriorities } from './policy.ts';

test('XC-02 a ticket goes from state to state as a person works on it, and no other way', () => {
  const allowed = ticketStates.flatMap((state) =>
    ticketMoves.flatMap((move) => {
      const next = afterMove(state, move);
      return next === null ? [] : [`${state} ${move} ${next}`];
    }),
  );
  expect(allowed).toEqual([
    'open begin in_progress',
    'open wait waiting',
    'open resolve resolved',
    'in_progress wait waiting',
    'in_progress resolve resolved',
    'waiting begin in_progress',
    'waiting resolve resolved',
    'resolved close closed',
    'resolved reopen reopened',
    'closed reopen reopened',
    'reopened begin in_progress',
    'reopened wait waiting',
    'reopened resolve resolved',
  ]);
  expect(ticketStates.filter(isOver)).toEqual(['resolved', 'closed']);
  for (const state of ticketStates) expect(movesOf(state).length).toBeGreaterThan(0);
});

test('XC-02 the more urgent, the sooner', () => {
  const times = ticketPriorities.map((priority) => allowedMs[priority]);
  expect(times).toEqual([...times].sort((a, b) => b - a));
  expect(alertLevels.map((level) => priorityOf[level])).toEqual(ticketPriorities);
});

test('XC-02 every emergency opens a ticket, and an overdue ticket opens none', () => {
  expect(opensTicket({ code: 'anything', level: 'emergency' })).toBe(true);
  expect(opensTicket({ code: 'webhook.endpoint_disabled', level: 'warning' })).toBe(true);
  expect(opensTicket({ code: 'ticket.overdue', level: 'critical' })).toBe(false);
});
