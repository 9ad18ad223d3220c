import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import { localTimeIn } from '#shared/local-time.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { SiteConfig } from '../config/site.ts';
import type { SiteDevices } from '../config/site-devices.ts';
import type { ConnectorState } from '../control/connector.ts';
import type { Influence } from '../control/influence.ts';
import type { MeterDriver } from '../devices/meter-driver.ts';
import type { Network } from '../power/network.ts';
import { networkOf, perPhase } from '../power/network-of.ts';
import type { PowerFacts } from '../power/round.ts';
import { GridMeterLoop } from './grid-meter-loop.ts';
import { SitePower } from './site-power.ts';

export interface FieldPowerParts {
  readonly site: SiteConfig;
  readonly devices: SiteDevices;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly stamp: () => Stamp;
  readonly log: Logger;
  readonly meterDriver: (meterId: string) => MeterDriver;
  readonly connectors: () => ReadonlyMap<string, ConnectorState>;
  readonly onInfluence: (connectorId: string, influence: Influence) => void;
  readonly onMeterLost: (detail: string) => void;
}

const MINUTE_MS = 60_000;
/** Where nothing is said of the supply: as `turnMinutes` has it by default. */
const DEFAULT_TURN_MIN = 15;

/** How the supply of a site is shared; null where it carries all piles at their limits, and nothing more is known of it. */
export function fieldPower(parts: FieldPowerParts): SitePower | null {
  const { site, devices, clock, timers, meterDriver } = parts;
  const { power } = site;
  const network = networkOf(site, devices);
  if (power === undefined && carriesAll(network)) return null;
  const grid = power?.gridMeter;
  const facts: PowerFacts = {
    network,
    turnMs: (power?.turnMinutes ?? DEFAULT_TURN_MIN) * MINUTE_MS,
    grid:
      grid === undefined
        ? null
        : {
            node: network.nodes.findIndex(({ nodeId }) => nodeId === grid.node),
            fallbackMa: perPhase(grid.fallbackLimitMa),
          },
  };
  return new SitePower({
    ...parts,
    facts,
    minuteOfDay: power?.timezone === undefined ? null : minuteIn(power.timezone),
    meter:
      grid === undefined
        ? null
        : new GridMeterLoop({ meter: meterDriver(grid.meterId), currentRatio: grid.currentRatio, clock, timers }),
  });
}

function minuteIn(timezone: string): (atMs: number) => number {
  const localTime = localTimeIn(timezone);
  return (atMs) => localTime(atMs).minuteOfDay;
}

const carriesAll = ({ nodes, outlets }: Network): boolean => {
  const fullMa = outlets.reduce((sum, { maxMa }) => sum + maxMa, 0);
  return fullMa <= Math.min(...(nodes[0]?.limitMa ?? [0]));
};
