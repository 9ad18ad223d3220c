export const applicationStates = ['draft', 'submitted', 'needs_more', 'rejected', 'approved', 'withdrawn'] as const;
export type ApplicationState = (typeof applicationStates)[number];

/** What the applicant does, and what staff decide. */
export const decisions = ['approve', 'reject', 'ask'] as const;
export type Decision = (typeof decisions)[number];
export type ApplicationEvent = 'revise' | 'submit' | 'withdraw' | Decision;

/** While it is with staff nothing of it changes: what is decided on is what was looked at. */
const transitions: Readonly<Record<ApplicationState, Partial<Record<ApplicationEvent, ApplicationState>>>> = {
  draft: { revise: 'draft', submit: 'submitted', withdraw: 'withdrawn' },
  submitted: { approve: 'approved', reject: 'rejected', ask: 'needs_more', withdraw: 'withdrawn' },
  needs_more: { revise: 'needs_more', submit: 'submitted', withdraw: 'withdrawn' },
  rejected: { revise: 'rejected', submit: 'submitted', withdraw: 'withdrawn' },
  approved: {},
  withdrawn: {},
};

/** The state after an event; null: it is not allowed in this state. */
export const afterEvent = (state: ApplicationState, event: ApplicationEvent): ApplicationState | null =>
  transitions[state][event] ?? null;

/** The events that a state allows, to be told with a refusal. */
export const allowedIn = (state: ApplicationState): readonly string[] => Object.keys(transitions[state]);
