import type { Stamp } from '#shared/stamp.ts';
import type { ConnectorStatus } from '#shared/wire/messages.ts';
import { type ConnectorFacts, type ConnectorState, sessionOf } from '../control/connector.ts';
import { viewOf } from '../control/status.ts';

/** One look at a connector. What the pile does not tell is null. */
export interface Sample {
  readonly connectorId: string;
  readonly at: Stamp;
  readonly status: ConnectorStatus;
  readonly registerWh: number | null;
  readonly currentMa: number | null;
  readonly powerW: number | null;
  /** Tenths of a degree Celsius. */
  readonly temperatureDc: number | null;
  readonly sessionId: string | null;
}

/** Of each connector: the interval in which it was sampled last, and what it was doing. */
export type SamplerState = ReadonlyMap<string, { readonly interval: number; readonly status: ConnectorStatus }>;

export const nothingSampled: SamplerState = new Map();

/**
 * What is to be sampled: each connector once in every interval, and whenever its status has changed. Intervals are those
 * of the monotonic clock, the same for all connectors, so that one commit takes the samples of all of them.
 */
export function takeSamples(
  before: SamplerState,
  connectors: readonly { readonly facts: ConnectorFacts; readonly state: ConnectorState }[],
  at: Stamp,
  everyMs: number,
): { readonly state: SamplerState; readonly samples: readonly Sample[] } {
  const interval = Math.floor(at.monoMs / everyMs);
  const samples = connectors.map(({ facts, state }) => sampleOf(facts, state, at));
  const isDue = ({ connectorId, status }: Sample) => {
    const last = before.get(connectorId);
    return last === undefined || last.interval !== interval || last.status !== status;
  };
  return {
    state: new Map(samples.map(({ connectorId, status }) => [connectorId, { interval, status }])),
    samples: samples.filter(isDue),
  };
}

function sampleOf(facts: ConnectorFacts, state: ConnectorState, at: Stamp): Sample {
  const { reading } = state;
  return {
    connectorId: facts.connectorId,
    at,
    status: viewOf(state, facts).status,
    registerWh: reading?.registerWh ?? null,
    currentMa: reading?.currentMa ?? null,
    powerW: reading?.powerW ?? null,
    temperatureDc: reading?.temperatureDc ?? null,
    sessionId: sessionOf(state.phase)?.sessionId ?? null,
  };
}
