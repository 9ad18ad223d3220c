import type { Environment } from '../db/schema.ts';

/** Separate rights of a key. `settlement`: statements. `keys`: to see, rotate and disable the partner's keys. */
export const scopes = ['read', 'control', 'orders', 'settlement', 'keys'] as const;
export type Scope = (typeof scopes)[number];

/** Who signed a request. A sandbox key sees and drives only sandbox sites, a live key only live ones. */
export interface Caller {
  readonly partnerId: string;
  readonly keyId: string;
  /** The key that this one, by any number of rotations, came from: what is limited and watched is so by it. */
  readonly familyId: string;
  readonly environment: Environment;
  readonly scopes: readonly Scope[];
  /** The request at hand; absent where a caller is no request. */
  readonly call?: PartnerCall;
}

/** What a request is found again by. */
export interface PartnerCall {
  readonly address: string;
  readonly correlationId: string;
  /** Of the caller's own tracing, as W3C Trace Context names it; null: it has told none. */
  readonly traceId: string | null;
}
