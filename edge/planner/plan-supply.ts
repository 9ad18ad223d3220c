import type { SitePile } from '../config/site-devices.ts';

/** What a pile takes when its controller is gone, and why. */
export interface FallbackCurrent {
  readonly pileId: string;
  readonly currentMa: number;
  readonly because: 'stop' | 'safe-current' | 'full-power' | 'no-watchdog';
}

/** Currents per phase. Which phase a single-phase pile hangs on is not known: all of them count on one. */
export interface SupplyPlan {
  readonly limitMa: number;
  /** All piles in fallback at once. */
  readonly fallbackMa: number;
  /** All piles at their limits at once. */
  readonly fullMa: number;
  readonly piles: readonly FallbackCurrent[];
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, next) => total + next, 0);

/** Adds up what the piles take when the edge is gone: nobody is left to share the supply between them then. */
export function planSupply(limitMa: number, piles: readonly SitePile[]): SupplyPlan {
  const fallbacks = piles.map(fallbackOf);
  return {
    limitMa,
    fallbackMa: sum(fallbacks.map(({ currentMa }) => currentMa)),
    fullMa: sum(piles.map(({ config }) => config.limitMa)),
    piles: fallbacks,
  };
}

/** Without a watchdog the last limit stays in force, and the last may have been the highest. */
function fallbackOf({ config, profile }: SitePile): FallbackCurrent {
  const { pileId, limitMa } = config;
  if (profile.watchdog === null) return { pileId, currentMa: limitMa, because: 'no-watchdog' };
  const { fallback } = profile.watchdog;
  switch (fallback.kind) {
    case 'stop':
      return { pileId, currentMa: 0, because: 'stop' };
    case 'safe-current':
      return { pileId, currentMa: fallback.currentMa, because: 'safe-current' };
    case 'full-power':
      return { pileId, currentMa: limitMa, because: 'full-power' };
  }
}
