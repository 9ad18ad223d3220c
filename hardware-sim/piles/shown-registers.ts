import type { ShownRegisters } from '../faults/state-effects.ts';
import type { ReadOutcome, RegisterImage } from '../line/register-image.ts';

/** `image` while some of its registers show other words than they should; what is written arrives as ever. */
export function withShown(image: RegisterImage, shown: readonly ShownRegisters[]): RegisterImage {
  if (shown.length === 0) return image;
  const wordAt = (at: number): number | undefined => {
    const last = shown.findLast(({ address, words }) => at >= address && at < address + words.length);
    return last?.words[at - last.address];
  };
  const replace = (outcome: ReadOutcome, address: number): ReadOutcome =>
    outcome.ok ? { ok: true, words: outcome.words.map((word, index) => wordAt(address + index) ?? word) } : outcome;
  return {
    ...image,
    readHolding: (address, count) => replace(image.readHolding(address, count), address),
    readInput: (address, count) => replace(image.readInput(address, count), address),
  };
}
