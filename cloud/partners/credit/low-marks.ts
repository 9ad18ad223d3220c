import { z } from 'zod';

export const lowMarksOf = (stored: string): readonly number[] => z.array(z.int()).parse(JSON.parse(stored));

/**
 * The lowest mark that what is left has fallen below, if nobody was told of it; else null.
 *
 * @param marks in any order
 * @param toldMinor the lowest one that was told
 */
export function newMark(marks: readonly number[], toldMinor: number | null, availableMinor: number): number | null {
  const below = marks.filter((mark) => availableMinor < mark);
  const lowest = below.length === 0 ? null : Math.min(...below);
  return lowest !== null && (toldMinor === null || lowest < toldMinor) ? lowest : null;
}

/** What counts as told after money has come: of what it lies above again, the next fall is told anew. */
export function toldAfter(
  marks: readonly number[],
  toldMinor: number | null,
  availableMinor: number | null,
): number | null {
  if (toldMinor === null || availableMinor === null) return null;
  const still = marks.filter((mark) => mark >= toldMinor && availableMinor < mark);
  return still.length === 0 ? null : Math.min(...still);
}
