import { loadProfiles, packagedProfiles } from '../../edge/devices/load-profiles.ts';
import { PileDriver } from '../../edge/devices/pile-driver.ts';
import type { PileProfile } from '../../edge/devices/profile/pile-profile.ts';
import type { ModelOptions } from '../../hardware-sim/piles/model-options.ts';
import { LINE_ID, PILE_ID, type SimulatedSite, simulatedSite, type Transport } from './simulated-site.ts';

export const profiles = loadProfiles(packagedProfiles);
export const pileProfiles: readonly PileProfile[] = [...profiles.values()].flatMap((one) =>
  one.kind === 'pile' ? [one] : [],
);

/** One profile against the simulator's model of the same name, in one of the ways that it can stand on a site. */
export interface PileCase {
  readonly name: string;
  readonly profile: PileProfile;
  readonly transport: Transport;
  readonly unit: number;
  readonly socket: number;
  readonly options: ModelOptions;
}

/**
 * A current that an installer has left behind for the loss of communication: what set-up writes has to change something.
 * An Alfen's cannot be changed over Modbus and must be low enough already.
 */
const safeCurrentAOf = ({ profileId }: PileProfile) => (profileId === 'alfen-ng9xx' ? 6 : 10);

const caseOf = (profile: PileProfile, change: Partial<PileCase> = {}): PileCase => {
  const transport = change.transport ?? profile.transports[0] ?? 'tcp';
  return {
    name: `${profile.profileId} over ${transport}`,
    profile,
    transport,
    unit: 1,
    socket: 1,
    ...change,
    options: { safeCurrentA: safeCurrentAOf(profile), ...change.options },
  };
};

function profileOf(profileId: string): PileProfile {
  const profile = pileProfiles.find((one) => one.profileId === profileId);
  if (profile === undefined) throw new Error(`no profile ${profileId}`);
  return profile;
}

const variant = (profileId: string, what: string, change: Partial<PileCase>): PileCase =>
  caseOf(profileOf(profileId), { name: `${profileId}, ${what}`, ...change });

/** Profiles of AC piles: the comparison looks at phases, pilot and contactor. */
export const acProfiles = pileProfiles.filter(({ limits }) => limits.dc === undefined);

/** Every AC pile profile, over its first transport. */
export const eachProfile: readonly PileCase[] = acProfiles.map((profile) => caseOf(profile));

/** The DC pile over every transport. */
export const dcCases: readonly PileCase[] = pileProfiles
  .filter(({ limits }) => limits.dc !== undefined)
  .flatMap((profile) => profile.transports.map((transport) => caseOf(profile, { transport })));

/** Every AC pile profile over every transport, and the firmware, editions and sockets that change its registers. */
export const everyCase: readonly PileCase[] = [
  ...acProfiles.flatMap((profile) => profile.transports.map((transport) => caseOf(profile, { transport }))),
  variant('keba-p40', 'firmware 1.2.0', { options: { firmware: '1.2.0' } }),
  variant('bender-cc612', '4You', { options: { edition: '4you' } }),
  variant('alfen-ng9xx', 'second socket', { unit: 2, socket: 2 }),
  variant('phoenix-charx-sec', 'third connector', { socket: 3 }),
];

/** Not 0, more than one register wide, and not a whole number of any register's steps. */
export const INITIAL_REGISTER_WH = 1_234_567.9;

/** A site with the case's pile, a vehicle beside it that can take all that is offered, and the edge's driver for it. */
export function pileSite(
  { profile, transport, unit, socket, options }: PileCase,
  more: { readonly pile?: object; readonly piles?: readonly object[]; readonly meters?: readonly object[] } = {},
): SimulatedSite & { readonly driver: PileDriver } {
  const ofUnit = profile.profileId === 'phoenix-charx-sec' ? socket : 1;
  const pile = {
    pileId: PILE_ID,
    model: profile.profileId,
    lineId: LINE_ID,
    unit,
    socket: ofUnit,
    initialRegisterWh: INITIAL_REGISTER_WH,
    vehicle: { maxCurrentA: 32, phases: 3 },
    options,
    ...more.pile,
  };
  const { piles = [], meters = [] } = more;
  const site = simulatedSite(transport, profile, { piles: [pile, ...piles], meters });
  return { ...site, driver: new PileDriver(profile, { modbus: site.modbus, unit, socket }) };
}
