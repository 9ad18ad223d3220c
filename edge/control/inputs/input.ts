import type { FaultCode } from '#shared/faults.ts';
import type { LedgerTransaction } from '../connector.ts';
import type { Objection } from '../influence.ts';
import { siteAlarm } from '../report.ts';

/** What a site input watches. Everything but a door stops what runs, and stays in force until a technician resets it. */
export const inputKinds = ['emergency-stop', 'fire', 'smoke', 'flood', 'door'] as const;
export type InputKind = (typeof inputKinds)[number];

/** What never changes about an input while the process runs. */
export interface InputFacts {
  readonly inputId: string;
  readonly kind: InputKind;
  /** After its release it stays in force until a technician resets it. */
  readonly latches: boolean;
  /** Stops what runs; otherwise it only refuses new charges. */
  readonly stops: boolean;
}

export type Level = 'active' | 'released';

export interface InputState {
  /** What the looks agree on; `unknown` before they do, and after the input was lost. */
  readonly level: Level | 'unknown';
  /** The other level, and since which look it has been seen without a break. */
  readonly change: { readonly to: Level; readonly sinceMonoMs: number } | null;
  readonly latched: boolean;
  /** Nobody has seen it for too long. Ends when the looks agree again. */
  readonly lost: boolean;
  /** When the last good look was asked for. */
  readonly seenMonoMs: number;
}

export type InputEvent =
  /** `askedMonoMs`: when the board was asked. It told what was so at some time between then and now. */
  | { readonly kind: 'look'; readonly isActive: boolean; readonly askedMonoMs: number }
  | { readonly kind: 'look-failed' }
  | { readonly kind: 'tick' }
  /** A technician has looked at what the input watches. */
  | { readonly kind: 'reset' };

export interface InputDecision {
  readonly state: InputState;
  /** What must be on disk together; null when nothing has to be. */
  readonly store: LedgerTransaction | null;
}

export interface InputContext {
  readonly facts: InputFacts;
  readonly nowMonoMs: number;
  readonly newId: () => string;
}

/** An emergency stop counts when two looks in a row, more than this apart, show it: a contact bounces, a relay nearby disturbs. */
export const CONFIRM_AFTER_MS = 100;
/** So a contact that seems active is looked at again as soon as the second look can count. */
export const LOOK_AGAIN_AFTER_MS = CONFIRM_AFTER_MS + 10;
/** A release counts when every look for longer than this shows it. */
export const RELEASE_AFTER_MS = 500;
/** An input that has not been seen for so long counts as active. */
export const LOST_AFTER_MS = 3000;

/** An input as it is before anybody has looked. `latched`: as the ledger has it. */
export const newInput = (latched: boolean, nowMonoMs: number): InputState => ({
  level: 'unknown',
  change: null,
  latched,
  lost: false,
  seenMonoMs: nowMonoMs,
});

const faults: Record<InputKind, FaultCode> = {
  'emergency-stop': 'site-emergency-stop',
  fire: 'fire',
  smoke: 'smoke',
  flood: 'flood',
  door: 'door-open',
};

/** The whole mind of one site input: what it is, what was seen, what follows. Pure and synchronous. */
export function decideInput(state: InputState, event: InputEvent, context: InputContext): InputDecision {
  switch (event.kind) {
    case 'look':
      return settle(state, looked(state, event, context), context);
    case 'look-failed':
      return overdue(isReleasing(state) ? { ...state, change: null } : state, context);
    case 'tick':
      return overdue(state, context);
    case 'reset':
      return reset(state, context);
  }
}

/** A look that did not come may have shown it active: a release is counted anew. What may be an emergency goes on. */
const isReleasing = ({ change }: InputState): boolean => change?.to === 'released';

function looked(
  state: InputState,
  { isActive, askedMonoMs }: Extract<InputEvent, { kind: 'look' }>,
  { nowMonoMs }: InputContext,
): InputState {
  const to: Level = isActive ? 'active' : 'released';
  const seen = { ...state, seenMonoMs: askedMonoMs };
  if (to === state.level) return { ...seen, change: null };
  if (state.change?.to !== to) return { ...seen, change: { to, sinceMonoMs: nowMonoMs } };
  // From the answer to the first look to the question of this one: the contact has been so for at least that long.
  const neededMs = isActive ? CONFIRM_AFTER_MS : RELEASE_AFTER_MS;
  return askedMonoMs - state.change.sinceMonoMs > neededMs ? { ...seen, level: to, change: null, lost: false } : seen;
}

function settle(before: InputState, after: InputState, context: InputContext): InputDecision {
  const hasTripped = after.level === 'active' && before.level !== 'active' && !before.latched;
  if (!hasTripped) return { state: after, store: null };
  const { facts } = context;
  const records = [siteAlarm(faults[facts.kind], context.newId(), `${nameOf(facts)} ${tripText[facts.kind]}`)];
  if (!facts.latches) return { state: after, store: { session: null, records } };
  const inputs = { inputId: facts.inputId, latched: true };
  return { state: { ...after, latched: true }, store: { session: null, records, inputs } };
}

function overdue(state: InputState, context: InputContext): InputDecision {
  if (state.lost || context.nowMonoMs - state.seenMonoMs < LOST_AFTER_MS) return { state, store: null };
  const records = [siteAlarm('site-input-lost', context.newId(), `${nameOf(context.facts)} cannot be seen`)];
  return { state: { ...state, level: 'unknown', change: null, lost: true }, store: { session: null, records } };
}

/** Why a latched input may not be reset now, in words for the technician; null when it may. */
export function inputResetRefusal({ latched, level }: InputState, facts: InputFacts): string | null {
  if (!latched) return `${nameOf(facts)} is not latched`;
  if (level === 'active') return `${nameOf(facts)} ${tripText[facts.kind]} still: release it first`;
  return level === 'unknown' ? `${nameOf(facts)} cannot be seen, so nobody knows that it is released` : null;
}

function reset(state: InputState, { facts }: InputContext): InputDecision {
  if (inputResetRefusal(state, facts) !== null) return { state, store: null };
  const inputs = { inputId: facts.inputId, latched: false };
  return { state: { ...state, latched: false }, store: { session: null, records: [], inputs } };
}

/** What an input has against a charge at the connectors that it covers; null when nothing. */
export function inputObjection(
  { level, latched, lost }: InputState,
  facts: InputFacts,
): { readonly objection: Objection; readonly isStop: boolean } | null {
  const name = nameOf(facts);
  const object = (fault: FaultCode, detail: string, isStop = facts.stops) => ({ objection: { fault, detail }, isStop });
  if (level === 'active') return object(faults[facts.kind], `${name} ${tripText[facts.kind]}`);
  if (latched) return object(faults[facts.kind], `${name} waits for a technician's reset`);
  if (lost) return object('site-input-lost', `${name} cannot be seen`);
  return level === 'unknown' ? object('site-input-lost', `${name} has not been seen yet`, false) : null;
}

const tripText: Record<InputKind, string> = {
  'emergency-stop': 'is pressed',
  fire: 'has gone off',
  smoke: 'has gone off',
  flood: 'has gone off',
  door: 'is open',
};

const nameOf = ({ kind, inputId }: InputFacts): string => `${kind} ${inputId}`;
