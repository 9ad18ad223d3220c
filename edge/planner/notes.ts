import type { LineConfig, SiteConfig } from '../config/site.ts';
import type {
  SiteCardReader,
  SiteDevices,
  SiteIoBoard,
  SiteMeter,
  SiteParking,
  SitePile,
} from '../config/site-devices.ts';
import { type TripOutputConfig, tripOutputOf } from '../config/site-io.ts';
import { ROOT_NODE } from '../config/site-power.ts';
import { PHASES } from '../power/network.ts';
import { amperes, seconds } from './figures.ts';
import type { InputPlan } from './plan-inputs.ts';
import { type LinePlan, STOP_ON_WIRE_TARGET_MS } from './plan-line.ts';
import type { SupplyPlan } from './plan-supply.ts';

const STABLE_NAMES = '/dev/serial/by-id/';

/** What nothing forbids, but a technician has to see to at the site. */
export function notesOf(
  site: SiteConfig,
  devices: SiteDevices,
  lines: readonly LinePlan[],
  supply: SupplyPlan,
  inputs: readonly InputPlan[],
): string[] {
  return [
    ...site.lines.flatMap(pathNote),
    ...lines.flatMap(paceNotes),
    ...devices.piles.flatMap((pile) => settingsNote(pile.config.pileId, pile)),
    ...devices.meters.flatMap((meter) => settingsNote(meter.config.meterId, meter)),
    ...devices.parking.flatMap((device) => settingsNote(device.config.deviceId, device)),
    ...devices.io.flatMap((board) => settingsNote(board.config.boardId, board)),
    ...devices.readers.flatMap((reader) => settingsNote(reader.config.readerId, reader)),
    ...devices.piles.flatMap((pile) => pileNotes(pile, tripOutputOf(site.io, pile.config.connectorId))),
    ...inputs.flatMap(inputNote),
    ...devices.io.flatMap(boardNotes),
    ...supplyNote(supply),
    ...powerNotes(site, supply, devices),
    ...meterNotes(site),
  ];
}

/** Adapters are numbered in the order in which they are found: after a restart two lines may have changed places. */
function pathNote(line: LineConfig): string[] {
  if (line.transport !== 'serial' || line.path.startsWith(STABLE_NAMES)) return [];
  return [`${line.lineId}: ${line.path} may name another adapter after a restart; prefer a path below ${STABLE_NAMES}`];
}

function paceNotes({ lineId, utilisation, saturatedCycleMs, stop }: LinePlan): string[] {
  const notes: string[] = [];
  if (utilisation > 1)
    notes.push(
      `${lineId}: asked for ${percent(utilisation)} of its time; each device is polled every ${seconds(saturatedCycleMs)} at best`,
    );
  if (stop !== null && !stop.isOnTarget)
    notes.push(
      `${lineId}: a stop may wait ${seconds(stop.healthyMs)} for the line; the target is ${seconds(STOP_ON_WIRE_TARGET_MS)}`,
    );
  return notes;
}

const percent = (share: number) => `${Math.round(share * 100)} %`;

function settingsNote(
  name: string,
  { line, profile }: SitePile | SiteMeter | SiteParking | SiteIoBoard | SiteCardReader,
): string[] {
  if (line.transport !== 'serial' || profile.serial === undefined) return [];
  const delivered = settingsText(profile.serial);
  if (delivered === settingsText(line)) return [];
  return [`${name}: ${profile.profileId} is delivered with ${delivered}; set it to ${settingsText(line)}`];
}

const settingsText = ({ baud, parity, stopBits }: { baud: number; parity: string; stopBits: number }) =>
  `${baud} baud, parity ${parity}, ${stopBits} stop bit${stopBits === 1 ? '' : 's'}`;

/** A pile polled more rarely than this is so because its vendor asks for it. */
const USUAL_POLL_MS = 1000;

function pileNotes({ config, profile }: SitePile, trip: TripOutputConfig | undefined): string[] {
  const { watchdog, commands, timing, profileId } = profile;
  const name = `${config.pileId} (${profileId})`;
  const notes: string[] = [];
  if (commands.hardStop === null && trip === undefined)
    notes.push(`${name}: has no second way to stop; the site needs a trip output for it`);
  if (watchdog === null)
    notes.push(
      `${name}: has no watchdog; without the edge its last limit stays, counted as ${amperes(config.limitMa)}`,
    );
  if (watchdog?.fallback.kind === 'full-power')
    notes.push(
      `${name}: falls back to full power; set the pile itself to no more than the ${amperes(config.limitMa)} that are counted`,
    );
  if (timing.pollMs > USUAL_POLL_MS)
    notes.push(`${name}: is polled every ${seconds(timing.pollMs)} as its profile asks; a fault is seen that late`);
  return notes;
}

function inputNote({ inputId, kind, isBlindToBrokenWire }: InputPlan): string[] {
  if (!isBlindToBrokenWire) return [];
  return [`${inputId}: ${kind} is normally open: a broken wire is not noticed; wire it normally closed`];
}

/** What nobody but a technician can find out about a trip output. */
function boardNotes({ config, profile }: SiteIoBoard): string[] {
  const unproven = config.outputs.filter(({ feedback }) => feedback === undefined);
  const letGo = profile.watchdog === null ? [] : config.outputs.filter(({ energised }) => energised === 'holds');
  return [
    ...unproven.map(
      ({ outputId }) => `${outputId}: no feedback tells whether its contactor opens; trip it once at commissioning`,
    ),
    ...letGo.map(
      ({ outputId }) =>
        `${outputId}: ${config.boardId} lets go of it when it has heard nothing for ${seconds(profile.watchdog?.timeoutMs ?? 0)}: everything behind it is cut off then`,
    ),
  ];
}

function supplyNote({ nodes }: SupplyPlan): string[] {
  return nodes.flatMap(({ nodeId, limitMa, fullMa }) => {
    const phase = PHASES.reduce((worst, p) => (fullMa[p] - limitMa[p] > fullMa[worst] - limitMa[worst] ? p : worst));
    if (fullMa[phase] <= limitMa[phase]) return [];
    const [name, what] = nodeId === ROOT_NODE ? ['supply', 'the supply'] : [nodeId, 'it'];
    return [
      `${name}: all piles at their limits take ${amperes(fullMa[phase])}, ${what} carries ${amperes(limitMa[phase])}: they share it`,
    ];
  });
}

/** What an installer could still find out or change. */
function powerNotes({ power }: SiteConfig, supply: SupplyPlan, { piles }: SiteDevices): string[] {
  const isShared = power !== undefined || supplyNote(supply).length > 0;
  const unknown = (power?.outlets ?? []).filter(({ phases }) => phases === 'unknown');
  const endless = isShared ? piles.filter(({ profile }) => profile.zeroMeans !== 'pause') : [];
  return [
    ...unknown.map(({ connectorId }) => `${connectorId}: nobody knows its phases: it counts on all three`),
    ...endless.map(
      ({ config, profile }) =>
        `${config.pileId} (${profile.profileId}): cannot pause; where the supply leaves less than ${amperes(profile.limits.minCurrentMa)} its charge ends`,
    ),
  ];
}

function meterNotes(site: SiteConfig): string[] {
  return site.meters
    .filter(
      ({ meterId }) =>
        !site.piles.some((pile) => pile.meterId === meterId) && meterId !== site.power?.gridMeter?.meterId,
    )
    .map(({ meterId }) => `${meterId}: bills for no connector`);
}
