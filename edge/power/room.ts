import type { Claim } from './admit.ts';

/** Room in µA when every claim counts with `countMa`. */
export function roomLeft(
  claims: readonly Claim[],
  limitsMa: readonly number[],
  countMa: (claim: Claim) => number,
): number[] {
  const roomUa = limitsMa.map((limitMa) => limitMa * 1000);
  for (const claim of claims) {
    const countUa = countMa(claim) * claim.outlet.drawPermille;
    if (countUa > 0) for (const cell of claim.cells) roomUa[cell] = (roomUa[cell] ?? 0) - countUa;
  }
  return roomUa;
}
