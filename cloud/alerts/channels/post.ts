import type { AlertFacts } from '../facts.ts';

/** What is to be sent: the alerts that are in it, or none: a test. */
export interface Post {
  readonly id: string;
  readonly createdAtMs: number;
  readonly alerts: readonly AlertFacts[];
}

export type SendOutcome =
  /** `complaint`: not to everybody. */
  | { readonly kind: 'delivered'; readonly complaint?: string }
  /** `isGone`: the receiver wants nothing more. `isOurs`: it was broken off here, as this process ends. */
  | { readonly kind: 'failed'; readonly error: string; readonly isGone?: boolean; readonly isOurs?: true };

export const typeOf = (post: Post): 'alert' | 'alert.test' => (post.alerts.length === 0 ? 'alert.test' : 'alert');
