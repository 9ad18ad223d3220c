import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import type { Diagnose, Piece } from '#shared/wire/messages.ts';
import { type Bundle, type Facts, packBundle, pieceOf } from './bundle.ts';

export interface BundlesParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** Has the facts collected; `take` is called with them. */
  readonly collect: (bundleId: string) => void;
  readonly send: (piece: Omit<Piece, 'v' | 'siteId'>) => void;
}

/** However fast the cloud asks: charges come first on the link. */
export const PIECE_EVERY_MS = 500;

/**
 * Answers questions for pieces of a bundle. The first question has it made; it is kept in memory until another one is asked for, and
 * made anew after a restart, which the cloud sees by its digest. A question that is lost is asked again by the cloud.
 */
export class Bundles {
  readonly #parts: BundlesParts;
  #made: { readonly bundleId: string; readonly bundle: Bundle } | null = null;
  #asked: Diagnose | null = null;
  #mayAnswerMonoMs = 0;
  #cancel: () => void = () => {};

  constructor(parts: BundlesParts) {
    this.#parts = parts;
  }

  ask(question: Diagnose): void {
    this.#asked = question;
    if (this.#made?.bundleId === question.bundleId) return this.#answerInTime();
    this.#made = null;
    this.#parts.log.warn({ bundleId: question.bundleId }, 'staff asks for diagnostics');
    this.#parts.collect(question.bundleId);
  }

  take(bundleId: string, facts: Facts): void {
    if (this.#asked?.bundleId !== bundleId || this.#made !== null) return;
    this.#made = { bundleId, bundle: packBundle(facts) };
    this.#answerInTime();
  }

  close(): void {
    this.#cancel();
  }

  #answerInTime(): void {
    const { clock, timers } = this.#parts;
    this.#cancel();
    const waitMs = this.#mayAnswerMonoMs - clock.monoMs();
    if (waitMs <= 0) return this.#answer();
    this.#cancel = timers.after(waitMs, () => this.#answer());
  }

  #answer(): void {
    if (this.#asked === null || this.#made === null) return;
    const { bundleId, bundle } = this.#made;
    // Of a bundle that was made anew the piece that is asked for may not be there: the first one tells its digest.
    const piece = pieceOf(bundle, this.#asked.piece) ?? pieceOf(bundle, 0);
    if (piece === null) return;
    this.#mayAnswerMonoMs = this.#parts.clock.monoMs() + PIECE_EVERY_MS;
    this.#parts.send({ bundleId, ...piece });
  }
}
