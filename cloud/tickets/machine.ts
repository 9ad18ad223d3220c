export const ticketStates = ['open', 'in_progress', 'waiting', 'resolved', 'closed', 'reopened'] as const;
export type TicketState = (typeof ticketStates)[number];

/** What people do with a ticket. `wait`: somebody outside has to do something first. `close`: whoever asked has seen that it is resolved. */
export const ticketMoves = ['begin', 'wait', 'resolve', 'close', 'reopen'] as const;
export type TicketMove = (typeof ticketMoves)[number];

const transitions: Readonly<Record<TicketState, Partial<Record<TicketMove, TicketState>>>> = {
  open: { begin: 'in_progress', wait: 'waiting', resolve: 'resolved' },
  in_progress: { wait: 'waiting', resolve: 'resolved' },
  waiting: { begin: 'in_progress', resolve: 'resolved' },
  resolved: { close: 'closed', reopen: 'reopened' },
  closed: { reopen: 'reopened' },
  reopened: { begin: 'in_progress', wait: 'waiting', resolve: 'resolved' },
};

/** The state after a move; null: it is not allowed in this state. */
export const afterMove = (state: TicketState, move: TicketMove): TicketState | null => transitions[state][move] ?? null;

/** The moves that a state allows, to be told with a refusal. */
export const movesOf = (state: TicketState): readonly string[] => Object.keys(transitions[state]);

/** Whether nobody has to do anything any more. */
export const isOver = (state: TicketState): boolean => state === 'resolved' || state === 'closed';
