import type { AccessList, CardEntry } from '#shared/access/access-list.ts';

/** A list of cards as it is asked: each by its reference, times as instants. */
export interface KnownCards {
  readonly version: number;
  readonly validUntilMs: number;
  readonly byReference: ReadonlyMap<string, CardEntry>;
}

export const knownCards = ({ version, validUntil, cards }: AccessList): KnownCards => ({
  version,
  validUntilMs: Date.parse(validUntil),
  byReference: new Map(cards.map((entry) => [entry.card, entry])),
});
