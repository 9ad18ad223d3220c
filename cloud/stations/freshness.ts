import type { ConnectorStatus } from '#shared/wire/messages.ts';

/** A state older than this says nothing about the present any more. */
export const FRESH_MS = 15_000;

export interface ObservedState {
  readonly status: string;
  readonly observationAgeMs: number;
  readonly receivedAtMs: number;
}

/** `reserved`: held for somebody who is still to come. `unknown`: nothing fresh is known. */
export type PublicStatus = ConnectorStatus | 'reserved' | 'unknown';

/** Age of the observation: its age when it was sent plus the time since, so clock differences do not matter. */
export const ageMs = (state: Omit<ObservedState, 'status'>, nowMs: number): number =>
  Math.max(0, nowMs - state.receivedAtMs) + state.observationAgeMs;

/**
 * The status to show: an old one is `unknown`, never a confident old value. `offline` is what the site says
 * about a pile that it cannot reach, so it is judged by the age of the message alone.
 */
export function statusNow(state: ObservedState | null, nowMs: number): PublicStatus {
  if (state === null) return 'unknown';
  const toldMsAgo = nowMs - state.receivedAtMs;
  const old = state.status === 'offline' ? toldMsAgo : ageMs(state, nowMs);
  return old > FRESH_MS ? 'unknown' : (state.status as PublicStatus);
}

/** A site counts as online while its last heartbeat is fresh and no will of this connection says otherwise. */
export const linkIsFresh = (link: { online: boolean; heardAtMs: number | null } | null, nowMs: number): boolean =>
  link?.online === true && link.heardAtMs !== null && nowMs - link.heardAtMs <= FRESH_MS;
