import type { FaultCode } from '#shared/faults.ts';
import type { ConnectorStatus, ConnectorView } from '#shared/wire/messages.ts';
import { type ConnectorFacts, type ConnectorState, sessionOf } from './connector.ts';
import { objectionsOf } from './influence.ts';
import { faultIn } from './reading.ts';

function statusOf(state: ConnectorState): ConnectorStatus {
  const { phase, reading, latched } = state;
  if (phase.kind === 'stopping' || phase.kind === 'closing') return 'stopping';
  if (reading === null) return 'offline';
  if (phase.kind === 'charging') return 'charging';
  if (phase.kind === 'checking' || phase.kind === 'preparing' || phase.kind === 'starting' || phase.kind === 'adopting')
    return 'starting';
  if (state.service.disabledBy !== null) return 'unavailable';
  if (latched.length > 0 || unavailableBecause(state).length > 0 || faultIn(reading) !== null) return 'faulted';
  return reading.status === 'unplugged' ? 'available' : 'plugged';
}

/** What keeps a charge from beginning, though neither pile nor vehicle is at fault. */
function unavailableBecause({ influence, setUp }: ConnectorState): readonly FaultCode[] {
  const objections = objectionsOf(influence).map(({ fault }) => fault);
  return setUp.result === 'refused' ? [...objections, 'setup-not-taken'] : objections;
}

/** What no battery can have is left out: the cloud would take nothing of a view that says it. */
const toldSoc = (percent: number | null): number | null =>
  percent !== null && percent >= 0 && percent <= 100 ? percent : null;

/** A connector as the cloud and the technician see it. What the pile does not tell is null. */
export function viewOf(state: ConnectorState, facts: ConnectorFacts): ConnectorView {
  const session = sessionOf(state.phase);
  const { reading } = state;
  const present = reading === null ? null : faultIn(reading);
  const socPercent = session === null ? null : toldSoc(reading?.socPercent ?? null);
  return {
    pileId: facts.pileId,
    connectorId: facts.connectorId,
    status: statusOf(state),
    observedAtMs: state.readingWallMs,
    plugged:
      reading === null || reading.status === 'fault' || reading.status === 'unknown'
        ? null
        : reading.status !== 'unplugged',
    sessionId: session?.sessionId ?? null,
    energyWh: session === null ? null : session.lastReading.registerWh - session.readings[0].registerWh,
    powerW: reading?.powerW ?? null,
    currentMa: reading?.currentMa ?? null,
    temperatureC: reading?.temperatureDc == null ? null : reading.temperatureDc / 10,
    ...(state.reservation !== null && { reservationId: state.reservation.reservationId }),
    ...(socPercent !== null && { socPercent }),
    faults: [...new Set([...state.latched, ...unavailableBecause(state), ...(present === null ? [] : [present])])],
  };
}
