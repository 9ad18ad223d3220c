import { maskedCard } from '#shared/access/card-number.ts';
import type { Refusal } from '../control/answer.ts';
import type { PresentedCard } from './card-reference.ts';

/** A card that was presented in vain. */
export interface Denial extends Required<Refusal> {
  readonly atWallMs: number;
  /** The reader, or the connector whose pile has one. */
  readonly place: string;
  readonly card: string;
  /** What a list would call it. */
  readonly reference: string;
}

const KEPT = 20;

/** The last denials, and how many there were for each reason since the process began. */
export class Denials {
  readonly #counts = new Map<string, number>();
  #last: readonly Denial[] = [];

  add({ reference, lastFour }: PresentedCard, place: string, refusal: Required<Refusal>, atWallMs: number): Denial {
    const denial = { ...refusal, atWallMs, place, card: maskedCard(lastFour), reference };
    this.#last = [denial, ...this.#last].slice(0, KEPT);
    this.#counts.set(refusal.code, (this.#counts.get(refusal.code) ?? 0) + 1);
    return denial;
  }

  /** Newest first. */
  get last(): readonly Denial[] {
    return this.#last;
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
