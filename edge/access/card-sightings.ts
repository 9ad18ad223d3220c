/**
 * A card that is seen again within this time after it was last seen is still the same presentation. Modules for 125 kHz
 * repeat a number several times a second while the card lies there, and a hand wavers; a driver who has thought better of
 * it takes longer. A start that the second half of the same gesture stops again would help nobody.
 */
export const SAME_CARD_WITHIN_MS = 3000;

/** The card that was seen last at one place, and when that was last. */
export interface Sighting {
  readonly reference: string;
  readonly monoMs: number;
}

/** Whether a card that is seen now is presented now, or still is. */
export function sight(
  last: Sighting | null,
  reference: string,
  nowMonoMs: number,
): { readonly sighting: Sighting; readonly isPresented: boolean } {
  const isSame = last !== null && last.reference === reference && nowMonoMs - last.monoMs < SAME_CARD_WITHIN_MS;
  return { sighting: { reference, monoMs: nowMonoMs }, isPresented: !isSame };
}

/** What a pile's register for cards showed when it was last looked at: a number, none, or nobody knows. */
export type Shown = string | null | 'unknown';

/**
 * The number that has come into the register since it was last looked at; null when none has. What was there before
 * anybody looked may have been there for days, and some piles show the last card for ever.
 */
export const cameUp = (before: Shown, now: string | null): string | null =>
  before === 'unknown' || before === now ? null : now;
