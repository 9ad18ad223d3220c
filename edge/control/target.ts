import type { ConnectorFacts } from './connector.ts';
import type { Influence, Objection } from './influence.ts';

type Offering = Pick<ConnectorFacts, 'limitMa' | 'minLimitMa' | 'canPause'>;

/**
 * What a charge shall be offered, in mA: no more than it may have, than its pile may have since, than its surroundings leave
 * and than its share of the supply. Below the least that the pile can offer that is a pause, 0; null where the pile cannot pause, and the charge
 * has to end.
 */
export function targetMa(limitMa: number, { ceilingMa, grantMa }: Influence, facts: Offering): number | null {
  const leftMa = Math.min(limitMa, facts.limitMa, ceilingMa ?? limitMa, grantMa ?? limitMa);
  if (leftMa >= facts.minLimitMa) return leftMa;
  return facts.canPause ? 0 : null;
}

/** What can be offered: nothing, where less is left than the pile can offer. */
export const offerableMa = (limitMa: number, influence: Influence, facts: Offering): number =>
  targetMa(limitMa, influence, facts) ?? 0;

/** Whether nothing but the supply keeps a charge from being offered anything. */
export function lacksPower(limitMa: number, influence: Influence, facts: Offering): boolean {
  const isLeft = (of: Influence) => offerableMa(limitMa, of, facts) > 0;
  return !isLeft(influence) && isLeft({ ...influence, grantMa: null });
}

/** Why a charge ends whose surroundings leave less than the pile can offer, and which cannot pause. */
export function tooLittleLeft(limitMa: number, influence: Influence, facts: Offering): Objection {
  return lacksPower(limitMa, influence, facts)
    ? { fault: 'site-power', detail: 'the supply leaves less than the pile can offer' }
    : { fault: 'site-rule', detail: 'the site leaves less than the pile can offer' };
}
