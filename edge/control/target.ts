import type { ConnectorFacts } from './connector.ts';
import type { Influence, Objection } from './influence.ts';

/**
 * What a charge shall be offered, in mA: no more than it may have and than its surroundings leave. Below the least that
 * the pile can offer that is a pause, 0; null where the pile cannot pause, and the charge has to end.
 */
export function targetMa(
  limitMa: number,
  { ceilingMa }: Influence,
  { minLimitMa, canPause }: Pick<ConnectorFacts, 'minLimitMa' | 'canPause'>,
): number | null {
  const leftMa = Math.min(limitMa, ceilingMa ?? limitMa);
  if (leftMa >= minLimitMa) return leftMa;
  return canPause ? 0 : null;
}

/** Why a charge ends whose surroundings leave less than the pile can offer, and which cannot pause. */
export const tooLittleLeft: Objection = { fault: 'site-rule', detail: 'the site leaves less than the pile can offer' };
