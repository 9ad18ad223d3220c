import type { Environment } from '../db/schema.ts';

/** Separate rights of a key. `settlement`: statements. `keys`: to see, rotate and disable the partner's keys. */
export const scopes = ['read', 'control', 'orders', 'settlement', 'keys'] as const;
export type Scope = (typeof scopes)[number];

/** Who signed a request. A sandbox key sees and drives only sandbox sites, a live key only live ones. */
export interface Caller {
  readonly partnerId: string;
  readonly keyId: string;
  readonly environment: Environment;
  readonly scopes: readonly Scope[];
}
