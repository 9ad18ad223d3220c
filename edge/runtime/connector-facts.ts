import type { SiteConfig } from '../config/site.ts';
import type { SiteMeter, SitePile } from '../config/site-devices.ts';
import { LARGEST_CHARGE_WH, LONGEST_CHARGE_MS } from '../control/charge-limits.ts';
import type { ConnectorFacts } from '../control/connector.ts';
import type { EnergyRegister } from '../control/meter-track.ts';
import { FOLLOWS_WITHIN_MS } from '../control/offer.ts';
import { energyRegisterOf } from '../devices/energy-register.ts';
import { stepsOf } from '../devices/pile-driver.ts';
import { mostPowerW } from '../devices/profile/limits.ts';

/** IEC 61851-1: a vehicle whose pilot stops oscillating has 3 s to stop drawing. */
const STOPS_DRAWING_WITHIN_MS = 3000;

/** What the site's file and the profiles say of a connector; the file can only tighten. */
export function connectorFactsOf(
  site: SiteConfig,
  { config, profile }: SitePile,
  meter: SiteMeter | null,
  hasTrip = false,
): ConnectorFacts {
  const { limits, watchdog, zeroMeans } = profile;
  const limitMa = Math.min(config.limitMa, limits.maxCurrentMa);
  const { maxDurationMin, maxEnergyWh } = site.charge;
  return {
    siteId: site.siteId,
    pileId: config.pileId,
    connectorId: config.connectorId,
    limitMa,
    minLimitMa: limits.minCurrentMa,
    canPause: zeroMeans === 'pause' && stepsOf(profile, 'limit').length > 0,
    followsWithinMs: followsWithin(profile),
    maxPowerW: mostPowerW(limits, limitMa),
    energy: billedRegister(profile, meter),
    overTemperatureDc: limits.overTemperatureDc,
    overVoltageMv: limits.overVoltageMv,
    underVoltageMv: limits.underVoltageMv,
    maxDurationMs: maxDurationMin === undefined ? LONGEST_CHARGE_MS : maxDurationMin * 60_000,
    maxEnergyWh: maxEnergyWh ?? LARGEST_CHARGE_WH,
    stopLeadMs: profile.timing.pollMs + STOPS_DRAWING_WITHIN_MS,
    stopsByItselfAfterMs: watchdog?.fallback.kind === 'stop' ? watchdog.timeoutMs : null,
    hasTrip,
    maintains: (['reboot', 'unlock'] as const).filter((name) => profile.commands[name] !== undefined),
  };
}

/** GB/T 27930-2015: a DC pile comes down by at least 20 A of its output a second; no pack is below this voltage. */
const SLOWEST_AMPERES_PER_S = 20;
const LOWEST_PACK_V = 200;

function followsWithin({ limits: { dc } }: SitePile['profile']): number {
  if (dc === undefined) return FOLLOWS_WITHIN_MS;
  return FOLLOWS_WITHIN_MS + Math.ceil((1000 * dc.maxPowerW) / LOWEST_PACK_V / SLOWEST_AMPERES_PER_S);
}

/** The register that the connector's energy is billed by: the separate meter's, where there is one. */
function billedRegister(profile: SitePile['profile'], meter: SiteMeter | null): EnergyRegister {
  if (meter !== null) return energyRegisterOf(meter.profile);
  const { energy } = profile.measures;
  if (energy === null) throw new TypeError(`${profile.profileId} has no meter`);
  return energyRegisterOf({ ...profile, measures: { energy } });
}
