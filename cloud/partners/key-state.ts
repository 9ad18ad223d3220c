import type { PartnerKeyRow } from './tables.ts';

export const keyStates = ['live', 'replaced', 'expired', 'disabled', 'revoked'] as const;
/** `replaced`: good until the overlap with the key after it is over. */
export type KeyState = (typeof keyStates)[number];

type Facts = Pick<PartnerKeyRow, 'disabled_at_ms' | 'revoked_at_ms' | 'expires_at_ms'>;

export function keyStateOf(key: Facts, nowMs: number): KeyState {
  if (key.revoked_at_ms !== null) return 'revoked';
  if (key.disabled_at_ms !== null) return 'disabled';
  if (key.expires_at_ms === null) return 'live';
  return key.expires_at_ms > nowMs ? 'replaced' : 'expired';
}

/** Whether a request that is signed with it is taken. */
export const isGoodKey = (state: KeyState): boolean => state === 'live' || state === 'replaced';
