import type { Claim } from './admit.ts';
import { roomLeft } from './room.ts';

/** While somebody may not give up what he is to give up, the others may take no more than this of one cell together. */
export interface Cover {
  readonly cell: number;
  readonly of: Claim;
  /** Beside what cannot be taken away from them, and their least. */
  readonly roomUa: number;
}

/** What is less is not worth a cover: a measurement is no better. */
const WORTH_COVERING_MA = 1000;
/** So much of a cell is kept free beside: a house that has just switched something on may go on to. */
const KEPT_FREE = 0.05;
/** Of a cell, those who are to give up most: one who does not is covered, not all at once. */
const MOST_COVERED = 8;

/**
 * What the others have to leave where more flows than a cell carries: any one of those who are told to take less may not
 * follow, and when that has been found out the supply has been overloaded for too long. So the others make room for him as
 * well, as far as their least allows, until he is seen to have followed.
 *
 * @param roomUa what the cells carry beside what everybody keeps
 * @param targetMa what would be fair if everybody followed
 * @param keepsMa what a claim has whatever the others have: its least, or what cannot be taken away from it
 */
export function coversOf(
  claims: readonly Claim[],
  limitsMa: readonly number[],
  roomUa: readonly number[],
  targetMa: (claim: Claim) => number,
  keepsMa: (claim: Claim) => number,
): Cover[] {
  const unusedUa = roomLeft(claims, limitsMa, ({ demand }) => demand.flowsMa);
  const givesUpMa = (claim: Claim) => claim.demand.flowsMa - Math.max(targetMa(claim), claim.demand.floorMa);
  return limitsMa.flatMap((limitMa, cell) => {
    if ((unusedUa[cell] ?? 0) >= 0) return [];
    const limitUa = limitMa * 1000;
    const freeUa = limitUa - Math.floor(limitUa * (1 - KEPT_FREE));
    return claims
      .filter((claim) => claim.cells.includes(cell) && givesUpMa(claim) >= WORTH_COVERING_MA)
      .sort((a, b) => givesUpMa(b) - givesUpMa(a))
      .slice(0, MOST_COVERED)
      .map((of) => {
        const goesOnUa = (of.demand.flowsMa - keepsMa(of)) * of.outlet.drawPermille;
        return { cell, of, roomUa: (roomUa[cell] ?? 0) - freeUa - goesOnUa };
      });
  });
}
