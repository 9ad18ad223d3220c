import type { Environment } from '../db/schema.ts';

export const scopes = ['read', 'control', 'orders'] as const;
export type Scope = (typeof scopes)[number];

/** Who signed a request. A sandbox key sees and drives only sandbox sites, a live key only live ones. */
export interface Caller {
  readonly partnerId: string;
  readonly keyId: string;
  readonly environment: Environment;
  readonly scopes: readonly Scope[];
}
