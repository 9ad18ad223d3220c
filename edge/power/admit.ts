import type { Demand, Share } from './demand.ts';
import { loadedCells, type Outlet, stepDown } from './network.ts';

/** An outlet with what it wants and what it has. */
export interface Claim {
  readonly outlet: Outlet;
  readonly cells: readonly number[];
  readonly demand: Demand;
  readonly share: Share | null;
  /** What it had before this round, as far as it may keep it. */
  readonly heldMa: number;
  /** The most that it may have, as the pile knows it. */
  readonly maxMa: number;
}

export type Refused = { readonly kind: 'full'; readonly cell: number } | { readonly kind: 'turn' };

/** A contactor that has opened stays open for so long: a house that comes and goes must not wear it out. */
export const PAUSED_AT_LEAST_MS = 300_000;
/** A charge that was paused goes on only where so much more than its least is free. */
const RESUME_MARGIN_MA = 1000;

export function claimOf(outlet: Outlet, demand: Demand, share: Share | null): Claim {
  const cells = loadedCells(outlet);
  if (demand.wants === 'nothing') return { outlet, cells, demand, share, heldMa: 0, maxMa: 0 };
  const grantedMa = share?.grantMa ?? demand.inForceMa;
  const mostMa = Math.min(demand.maxMa, outlet.maxMa, demand.isStarting ? grantedMa : demand.maxMa);
  const maxMa = stepDown(outlet, mostMa);
  return { outlet, cells, demand, share, heldMa: stepDown(outlet, Math.min(grantedMa, maxMa)), maxMa };
}

/** When a paused charge may go on; null when nothing keeps it. */
export function pausedUntil({ share }: Claim): number | null {
  return share?.pausedMonoMs == null ? null : share.pausedMonoMs + PAUSED_AT_LEAST_MS;
}

const mayHave = ({ demand, maxMa }: Claim) => demand.wants !== 'nothing' && maxMa > 0;

/**
 * Who has the least current, when not all can: charges that cannot be paused; then by priority, and within one who has
 * his turn, who has waited longest, and who has had his turn.
 *
 * @param roomUa what the cells carry beside what cannot be taken away; the least of those admitted is taken off
 */
export function admit(
  claims: readonly Claim[],
  roomUa: number[],
  { nowMonoMs, turnMs }: { nowMonoMs: number; turnMs: number },
): { admitted: ReadonlySet<Claim>; refused: ReadonlyMap<Claim, Refused> } {
  const admitted = new Set<Claim>();
  const refused = new Map<Claim, Refused>();
  const isEligible = (claim: Claim) => claim.heldMa > 0 || nowMonoMs >= (pausedUntil(claim) ?? nowMonoMs);
  const rank = (claim: Claim) => rankOf(claim, nowMonoMs, turnMs);
  const candidates = claims.filter((claim) => mayHave(claim) && isEligible(claim)).sort(inOrder(rank));
  for (const claim of candidates) {
    const cell = fullCell(claim, roomUa);
    if (cell === null) {
      admitted.add(claim);
      takeLeast(claim, roomUa);
    } else refused.set(claim, claim.heldMa === 0 ? { kind: 'full', cell } : reasonOf(claim, cell, nowMonoMs, turnMs));
  }
  return { admitted, refused };
}

/** 0: it cannot be paused; 1: it has its turn; 2: it waits; 3: it has had its turn. */
function rankOf({ outlet, heldMa, share }: Claim, nowMonoMs: number, turnMs: number): number {
  if (heldMa === 0) return 2;
  if (!outlet.canPause) return 0;
  return isTurnOver(share, nowMonoMs, turnMs) ? 3 : 1;
}

const isTurnOver = (share: Share | null, nowMonoMs: number, turnMs: number) =>
  nowMonoMs - (share?.onSinceMonoMs ?? nowMonoMs) >= turnMs;

const reasonOf = ({ share }: Claim, cell: number, nowMonoMs: number, turnMs: number): Refused =>
  isTurnOver(share, nowMonoMs, turnMs) ? { kind: 'turn' } : { kind: 'full', cell };

const inOrder =
  (rank: (claim: Claim) => number) =>
  (a: Claim, b: Claim): number =>
    Number(rank(b) === 0) - Number(rank(a) === 0) ||
    b.outlet.priority - a.outlet.priority ||
    rank(a) - rank(b) ||
    // Who has waited longest comes first, and of those whose turn is over who began last.
    (rank(a) === 2 ? waitsSince(a) - waitsSince(b) : onSince(b) - onSince(a)) ||
    (a.outlet.connectorId < b.outlet.connectorId ? -1 : 1);

const waitsSince = ({ share }: Claim) => share?.waitsSinceMonoMs ?? Number.MAX_SAFE_INTEGER;
const onSince = ({ share }: Claim) => share?.onSinceMonoMs ?? 0;

/** What it needs beside what cannot be taken away from it. */
const needMa = ({ outlet, demand }: Claim) => Math.max(0, outlet.minMa - demand.floorMa);

function fullCell(claim: Claim, roomUa: readonly number[]): number | null {
  const { outlet, cells, share, heldMa } = claim;
  const marginMa = heldMa === 0 && share?.pausedMonoMs != null ? RESUME_MARGIN_MA : 0;
  const needUa = (needMa(claim) + marginMa) * outlet.drawPermille;
  return cells.find((cell) => (roomUa[cell] ?? 0) < needUa) ?? null;
}

function takeLeast(claim: Claim, roomUa: number[]): void {
  const needUa = needMa(claim) * claim.outlet.drawPermille;
  for (const cell of claim.cells) roomUa[cell] = (roomUa[cell] ?? 0) - needUa;
}
