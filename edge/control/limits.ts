import type { ConnectorState, Context } from './connector.ts';
import type { InterlockLimits } from './interlocks.ts';
import { allowedMa } from './offer.ts';

/** What the pile may show at this moment: its own limits, and the current that it has been told to offer. */
export function limitsFor({ phase }: ConnectorState, { facts, now }: Context): InterlockLimits {
  const { limitMa, maxPowerW, overTemperatureDc, overVoltageMv, underVoltageMv } = facts;
  return {
    limitMa: phase.kind === 'charging' ? allowedMa(phase.offer, now.monoMs, facts.followsWithinMs) : limitMa,
    maxPowerW,
    overTemperatureDc,
    overVoltageMv,
    underVoltageMv,
  };
}
