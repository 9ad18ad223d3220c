import type { PileProfile } from './pile-profile.ts';

/** What a pile takes when its controller is gone, and why. */
export interface Fallback {
  readonly currentMa: number;
  readonly because: 'stop' | 'safe-current' | 'full-power' | 'no-watchdog';
}

/** Without a watchdog the last limit stays in force, and the last may have been the highest. */
export function fallbackOf({ watchdog }: Pick<PileProfile, 'watchdog'>, limitMa: number): Fallback {
  if (watchdog === null) return { currentMa: limitMa, because: 'no-watchdog' };
  const { fallback } = watchdog;
  switch (fallback.kind) {
    case 'stop':
      return { currentMa: 0, because: 'stop' };
    case 'safe-current':
      return { currentMa: fallback.currentMa, because: 'safe-current' };
    case 'full-power':
      return { currentMa: limitMa, because: 'full-power' };
  }
}
