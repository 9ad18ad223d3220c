import { faultCatalogue } from '#shared/faults.ts';
import type { Refusal } from './answer.ts';
import type { ConnectorFacts, ConnectorState, Context } from './connector.ts';
import { objectionsOf } from './influence.ts';
import { standsAgainstStart } from './interlocks.ts';
import { isOff, type Reading } from './reading.ts';
import { lacksPower, offerableMa } from './target.ts';

/** What stands against any charge at this connector, whatever its pile shows; null when nothing does. */
export function whyNotTake(state: ConnectorState, facts: ConnectorFacts): Refusal | null {
  const { latched, maintaining, service, influence } = state;
  if (latched.length > 0)
    return { code: 'connector.faulted', detail: `latched until a technician resets: ${latched.join(', ')}` };
  if (maintaining !== null) return { code: 'connector.occupied', detail: `"${maintaining.write}" is under way` };
  if (service.disabledBy !== null) return { code: 'connector.disabled' };
  const [objection] = objectionsOf(influence);
  if (objection !== undefined) return { code: 'connector.faulted', detail: `${objection.fault}: ${objection.detail}` };
  // A share of the supply is waited for.
  const isTooLittle = offerableMa(facts.limitMa, { ...influence, grantMa: null }, facts) === 0;
  return isTooLittle ? { code: 'connector.faulted', detail: 'the site leaves less than the pile can offer' } : null;
}

/** What the pile shows that a charge must not begin with; null when there is nothing. */
export function whyNotBegin({ interlocks }: ConnectorState, reading: Reading, nowMonoMs: number): Refusal | null {
  if (reading.status === 'unplugged') return { code: 'connector.not_plugged' };
  if (reading.status === 'charging') return { code: 'connector.occupied' };
  const objection = standsAgainstStart(interlocks, reading, nowMonoMs);
  if (objection !== null) return { code: 'connector.faulted', detail: `${objection.fault}: ${objection.detail}` };
  // Current that nobody offered, or that nobody can see, is no ground to offer more.
  return (reading.registerWh ?? -1) < 0 || !isOff(reading) ? { code: 'connector.faulted' } : null;
}

/**
 * Everything that has been looked at for a start, once more: between the look and the write the disk may have taken its
 * time.
 */
export function whyNotWrite(state: ConnectorState, context: Context): Refusal | null {
  const { reading, setUp } = state;
  if (reading === null) return { code: 'connector.offline' };
  if (setUp.result !== 'taken') return { code: 'connector.faulted', detail: faultCatalogue['setup-not-taken'].en };
  const { facts, now } = context;
  return whyNotTake(state, facts) ?? whyNotBegin(state, reading, now.monoMs) ?? whyNoPower(state, facts);
}

/** A charge begins with a share of the supply that nobody else has; null when it has one, or nothing is shared. */
export const whyNoPower = ({ influence }: ConnectorState, facts: ConnectorFacts): Refusal | null =>
  lacksPower(facts.limitMa, influence, facts) ? { code: 'site.no_power' } : null;
