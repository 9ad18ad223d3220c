import { describeComplaints } from '#shared/complaints.ts';
import { type Complaint, PilegateError } from '#shared/errors.ts';
import { addressComplaint } from '../devices/framed/framing-schema.ts';
import type { Profile } from '../devices/load-profiles.ts';
import type { LineConfig, MeterConfig, ParkingConfig, PileConfig, SiteConfig } from './site.ts';
import type { CardReaderConfig } from './site-access.ts';
import type { IoBoardConfig } from './site-io.ts';
import type { PowerConfig } from './site-power.ts';

/** Which kinds of profile a part of the site's file may name. */
const kindsOf = {
  piles: ['pile'],
  meters: ['modbus-meter', 'dlt645-meter'],
  parking: ['parking-device'],
  io: ['io-board'],
  readers: ['card-reader'],
} as const;
export type SitePart = keyof typeof kindsOf;
type ProfileFor<Part extends SitePart> = Extract<Profile, { kind: (typeof kindsOf)[Part][number] }>;

/** A device of the site with everything that is known of it. */
export interface SiteDevice<Part extends SitePart, Config> {
  readonly config: Config;
  readonly line: LineConfig;
  readonly profile: ProfileFor<Part>;
}
export type SitePile = SiteDevice<'piles', PileConfig>;
export type SiteMeter = SiteDevice<'meters', MeterConfig>;
export type SiteParking = SiteDevice<'parking', ParkingConfig>;
export type SiteIoBoard = SiteDevice<'io', IoBoardConfig>;
export type SiteCardReader = SiteDevice<'readers', CardReaderConfig>;

/** All devices in the order of the site's file. */
export interface SiteDevices {
  readonly piles: readonly SitePile[];
  readonly meters: readonly SiteMeter[];
  readonly parking: readonly SiteParking[];
  readonly io: readonly SiteIoBoard[];
  readonly readers: readonly SiteCardReader[];
}

/**
 * Joins a site's devices with their profiles: every profile exists and fits, is reached over its line, and the
 * configuration only tightens it.
 *
 * @throws PilegateError `config.invalid` with the file, and every path and reason
 */
export function devicesOf(site: SiteConfig, profiles: ReadonlyMap<string, Profile>): SiteDevices {
  const { devices, complaints } = joinDevices(site, profiles);
  if (complaints.length === 0) return devices;
  throw new PilegateError('config.invalid', `${site.file}: ${describeComplaints(complaints)}`, { complaints });
}

/** The same, with what is wrong beside the devices that could be joined. */
export function joinDevices(
  site: SiteConfig,
  profiles: ReadonlyMap<string, Profile>,
): { readonly devices: SiteDevices; readonly complaints: readonly Complaint[] } {
  const complaints: Complaint[] = [];
  const join = <Part extends SitePart, Config extends { profile: string; lineId: string }>(
    part: Part,
    configs: readonly Config[],
    check: (device: SiteDevice<Part, Config>, complain: Complain) => void,
  ) =>
    configs.flatMap((config, i): SiteDevice<Part, Config>[] => {
      const complain: Complain = (key, reason) => void complaints.push({ path: `${part}.${i}.${key}`, reason });
      const line = site.lines.find((candidate) => candidate.lineId === config.lineId);
      const profile = profileFor(part, config.profile, profiles, complain);
      if (profile === null || line === undefined) return [];
      if (!transportsOf(profile).includes(line.transport))
        complain('lineId', `${config.profile} is not reached over ${line.transport}, but over ${listed(profile)}`);
      const device = { config, line, profile };
      check(device, complain);
      return [device];
    });
  const devices = {
    piles: join('piles', site.piles, checkPile),
    meters: join('meters', site.meters, checkMeter),
    parking: join('parking', site.parking, checkParking),
    io: join('io', site.io, checkBoard),
    readers: join('readers', site.readers, () => {}),
  };
  checkSharedUnits(devices.piles, site.piles, complaints);
  checkBlindPiles(devices, site.piles, complaints);
  if (site.power !== undefined) complaints.push(...powerComplaints(site.power, devices));
  return { devices, complaints };
}

type Complain = (key: string, reason: string) => void;

/** Frames of DL/T 645 travel on a serial line, or unchanged through a gateway to one. */
const transportsOf = (profile: Profile): readonly string[] =>
  profile.kind === 'dlt645-meter' ? ['serial', 'rtu-over-tcp'] : profile.transports;
const listed = (profile: Profile) => transportsOf(profile).join(', ');

function profileFor<Part extends SitePart>(
  part: Part,
  name: string,
  profiles: ReadonlyMap<string, Profile>,
  complain: Complain,
): ProfileFor<Part> | null {
  const profile = profiles.get(name);
  if (profile === undefined) {
    const known = [...profiles.values()].filter((candidate) => isFor(part, candidate));
    complain(
      'profile',
      `no profile is named "${name}"; there are ${known.map((p) => p.profileId).join(', ') || 'none'}`,
    );
    return null;
  }
  if (isFor(part, profile)) return profile;
  complain('profile', `"${name}" is a ${profile.kind}, needed is ${kindsOf[part].join(' or ')}`);
  return null;
}

function isFor<Part extends SitePart>(part: Part, profile: Profile): profile is ProfileFor<Part> {
  const kinds: readonly string[] = kindsOf[part];
  return kinds.includes(profile.kind);
}

function checkPile({ config, profile }: SitePile, complain: Complain): void {
  checkLimit(config.limitMa, profile, complain);
  const { sockets, profileId } = profile;
  if (config.socket !== undefined && sockets === undefined) complain('socket', `${profileId} has no sockets to choose`);
  if (config.socket !== undefined && sockets !== undefined && config.socket > sockets.count)
    complain('socket', `${config.socket} is above the ${sockets.count} sockets of ${profileId}`);
  if (config.socket === undefined && sockets !== undefined && sockets.stride > 0)
    complain('socket', `needed: ${profileId} has ${sockets.count} sockets at one unit`);
  if (config.meterId === undefined && profile.measures.energy === null)
    complain('meterId', `needed: ${profileId} has no meter of its own`);
  if (config.readsCards === true && profile.measures.card === undefined)
    complain('readsCards', `${profileId} has no register that tells a card`);
}

function checkLimit(limitMa: number, { profileId, limits }: SitePile['profile'], complain: Complain): void {
  const { minCurrentMa, maxCurrentMa, stepMa } = limits;
  if (limitMa < minCurrentMa || limitMa > maxCurrentMa)
    return complain('limitMa', `${limitMa} is outside ${minCurrentMa} to ${maxCurrentMa} of ${profileId}`);
  if (limitMa % stepMa === 0) return;
  const below = limitMa - (limitMa % stepMa);
  const nearest = [below, below + stepMa].filter((ma) => ma >= minCurrentMa && ma <= maxCurrentMa);
  complain(
    'limitMa',
    `${limitMa} is no multiple of ${stepMa} mA, the step of ${profileId}: say ${nearest.join(' or ')}`,
  );
}

function checkMeter({ config, profile }: SiteMeter, complain: Complain): void {
  const needed = profile.kind === 'modbus-meter' ? 'unit' : 'address';
  const found = config.unit === undefined ? 'address' : 'unit';
  if (found !== needed) complain(found, `${profile.profileId} is a ${profile.kind}: say "${needed}"`);
}

function checkParking({ config, profile }: SiteParking, complain: Complain): void {
  const complaint = addressComplaint(profile.framing, config.address);
  if (complaint !== null) complain('address', complaint);
}

function checkBoard({ config, profile }: SiteIoBoard, complain: Complain): void {
  const { profileId, inputs, outputs } = profile;
  const check = (key: string, what: string, channel: number, count: number): void => {
    if (channel > count) complain(key, `${channel} is above the ${count} ${what} of ${profileId}`);
  };
  config.inputs.forEach(({ channel }, i) => {
    check(`inputs.${i}.channel`, 'inputs', channel, inputs.length);
  });
  config.outputs.forEach(({ channel, feedback }, o) => {
    check(`outputs.${o}.channel`, 'outputs', channel, outputs.length);
    if (feedback !== undefined) check(`outputs.${o}.feedback.channel`, 'inputs', feedback.channel, inputs.length);
  });
}

/** Sockets with units of their own share none: the socket's number does not move their registers. */
function checkSharedUnits(piles: readonly SitePile[], configs: readonly PileConfig[], complaints: Complaint[]): void {
  for (const { config, profile } of piles) {
    if (profile.sockets?.stride !== 0) continue;
    const first = configs.findIndex((other) => other.lineId === config.lineId && other.unit === config.unit);
    const index = configs.indexOf(config);
    if (first < index)
      complaints.push({
        path: `piles.${index}.unit`,
        reason: `unit ${config.unit} on ${config.lineId} is piles.${first} already; each socket of ${profile.profileId} has its own unit`,
      });
  }
}

/** A pile that measures no current is proven off by its meter, so that one has to measure currents, and quickly. */
function checkBlindPiles(
  { piles, meters }: SiteDevices,
  configs: readonly PileConfig[],
  complaints: Complaint[],
): void {
  for (const { config, profile } of piles) {
    if (profile.measures.currents.length > 0 || config.meterId === undefined) continue;
    const meter = meters.find((candidate) => candidate.config.meterId === config.meterId);
    if (meter === undefined) continue;
    if (meter.profile.kind === 'modbus-meter' && meter.profile.measures.currents.length > 0) continue;
    complaints.push({
      path: `piles.${configs.indexOf(config)}.meterId`,
      reason: `${profile.profileId} measures no current; its meter has to, and ${meter.profile.profileId} is not asked for any`,
    });
  }
}

/** What the profiles say of how piles hang at the supply, and of the meter that measures it. */
function powerComplaints({ outlets, gridMeter }: PowerConfig, { piles, meters }: SiteDevices): Complaint[] {
  const complaints = outlets.flatMap(({ connectorId, phases }, i): Complaint[] => {
    const profile = piles.find(({ config }) => config.connectorId === connectorId)?.profile;
    if (profile === undefined || phases === 'unknown') return [];
    const isRotation = phases.length > 2;
    const path = `power.outlets.${i}.phases`;
    if (isRotation && profile.limits.phases === 1)
      return [{ path, reason: `${profile.profileId} has one phase: say L1, L2 or L3` }];
    if (!isRotation && profile.limits.dc !== undefined)
      return [{ path, reason: `${profile.profileId} takes three phases: say their order, such as L1L2L3` }];
    return [];
  });
  const meter = meters.find(({ config }) => config.meterId === gridMeter?.meterId);
  if (meter === undefined) return complaints;
  const { profile } = meter;
  const isPerPhase = profile.kind === 'modbus-meter' && profile.measures.currents.length === 3;
  const reason = `${profile.profileId} is not asked for the current of each phase`;
  return isPerPhase ? complaints : [...complaints, { path: 'power.gridMeter.meterId', reason }];
}
