/** What a connector asks of the supply at one moment, and what it may take of it whatever is granted. */
export interface Demand {
  readonly connectorId: string;
  /** `start`: waits for its first share; `charge`: has a charge, paused or not. */
  readonly wants: 'nothing' | 'start' | 'charge';
  /** The most that it may be granted. */
  readonly maxMa: number;
  /** The most that may flow: what has been offered and may still be in force, whatever has been told since. */
  readonly mayTakeMa: number;
  /** What is seen to flow: what nobody sees counts with what it may take, and is no sign that more flows than should. */
  readonly flowsMa: number;
  /** What its charge has been offered, of what is known to be in force: a charge that was found running goes on with it. */
  readonly inForceMa: number;
  /** So much of it nobody can take away at present: it does not obey, or nobody knows. */
  readonly floorMa: number;
  /** Its start is on its way: what it has can be taken away, but not added to. */
  readonly isStarting: boolean;
  /** Its charge has been found in the ledger, and its pile has not been read yet: nobody knows what it has. */
  readonly isFound: boolean;
}

export const noDemand = (connectorId: string): Demand => ({
  connectorId,
  wants: 'nothing',
  maxMa: 0,
  mayTakeMa: 0,
  flowsMa: 0,
  inForceMa: 0,
  floorMa: 0,
  isStarting: false,
  isFound: false,
});

/** What a connector has been granted, and since when. */
export interface Share {
  readonly grantMa: number;
  /** Since when it has had something without a break; null while it has nothing. */
  readonly onSinceMonoMs: number | null;
  /** Since when it has wanted something and had nothing; null while it has. */
  readonly waitsSinceMonoMs: number | null;
  /** When it wanted something last. */
  readonly askedMonoMs: number;
  /** When a charge was paused last; null while it is not. */
  readonly pausedMonoMs: number | null;
  /** Since when it could have had more; null while it could not. */
  readonly risesSinceMonoMs: number | null;
}

export type Shares = ReadonlyMap<string, Share>;

/** What bounds a grant. */
export type Because =
  | { readonly kind: 'idle' }
  /** The pile's, the charge's, or what something else around the connector leaves. */
  | { readonly kind: 'own-limit' }
  /** Index of a cell that has no room left. */
  | { readonly kind: 'full'; readonly cell: number }
  /** Others have their turn. */
  | { readonly kind: 'turn' }
  /** It has been paused, and stays so for some time. */
  | { readonly kind: 'paused'; readonly untilMonoMs: number }
  /** There will be more when others have taken less, seen to be so. */
  | { readonly kind: 'others-first' }
  /** There will be more when it has been there for some time. */
  | { readonly kind: 'rises-slowly' }
  /** Not everything that runs has been seen since the controller began. */
  | { readonly kind: 'not-all-seen' };

export interface Grant {
  readonly limitMa: number;
  readonly because: Because;
}
