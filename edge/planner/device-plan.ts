import { frameBytes, type ModbusRequest } from '../bus/request.ts';
import type { LineConfig } from '../config/site.ts';
import type { SiteIoBoard, SiteMeter, SiteParking, SitePile } from '../config/site-devices.ts';
import { FRAME_BYTES, MOST_WAKE_UP_BYTES } from '../devices/dlt645/frame.ts';
import { frameBytes as framedBytes } from '../devices/framed/frame.ts';
import { hexBytes } from '../devices/framed/framing-schema.ts';
import { planReads } from '../devices/plan-reads.ts';
import type { Point } from '../devices/profile/point.ts';
import type { Step, Write } from '../devices/profile/write.ts';
import { placementOf } from '../devices/register-device.ts';
import { encodeWrite, type Placement } from '../devices/registers.ts';
import { GRID_POLL_MS } from '../power/grid-meter.ts';
import { type TransactionTime, type TransactionTiming, transactionTime } from './wire-time.ts';

/** DI3 to DI0 before the data. DL/T 645-2007, 5.2. */
const IDENTIFIER_BYTES = 4;

export interface PlannedTransaction extends TransactionTime {
  /** Function code, first address and count: "04 5+14"; of a DL/T 645 meter the identifier: "00010000". */
  readonly what: string;
}

/** What one device asks of its line. */
export interface DevicePlan {
  readonly part: 'piles' | 'meters' | 'parking' | 'io';
  readonly deviceId: string;
  readonly profileId: string;
  /** Its address on the line, for people. */
  readonly address: string;
  readonly pollMs: number;
  /** One poll. */
  readonly polls: readonly PlannedTransaction[];
  readonly watchdogMs: number | null;
  /** One feeding of a watchdog that polls do not refresh; at least every third of `watchdogMs`. */
  readonly feeds: readonly PlannedTransaction[];
  /** The soft stop of a pile. */
  readonly stops: readonly PlannedTransaction[];
  /** Set-up, commands, moves: no part of the cycle, but a stop may have to wait for one of them. */
  readonly occasional: readonly PlannedTransaction[];
}

export const baudOf = (line: LineConfig): number | null => {
  if (line.transport === 'tcp') return null;
  return line.transport === 'serial' ? line.baud : line.gatewayBaud;
};

/** What a pile asks of its line. */
export function planPile({ config, line, profile }: SitePile): DevicePlan {
  const { commands, watchdog, timing } = profile;
  const place = placementOf(profile, { unit: config.unit, socket: config.socket ?? 1 });
  const writes = (steps: readonly Step[]) => steps.flatMap((step) => writeOf(profile.writes, step, place));
  const timed = (questions: readonly Question[]) => timedOn(line, timing, questions);
  const others = [commands.setup, commands.start, commands.hardStop ?? []].flatMap(writes);
  return {
    part: 'piles',
    deviceId: config.pileId,
    profileId: profile.profileId,
    address: `unit ${config.unit}${config.socket === undefined ? '' : ` socket ${config.socket}`}`,
    pollMs: timing.pollMs,
    polls: timed([
      ...modbusReads(profile, 'poll', place),
      ...(config.readsCards === true ? modbusReads(profile, 'cards', place) : []),
    ]),
    watchdogMs: watchdog?.timeoutMs ?? null,
    feeds: timed(writes(watchdog?.feed ?? [])),
    stops: timed(writes(commands.softStop)),
    occasional: timed([...others, ...modbusReads(profile, 'set-up', place)]),
  };
}

const NOTHING_TO_FEED_OR_STOP = { watchdogMs: null, feeds: [], stops: [] } as const;

/** What a meter asks of its line. The grid meter is read at a pace of its own. */
export function planMeter({ config, line, profile }: SiteMeter, isGridMeter = false): DevicePlan {
  const { unit = 0, address } = config;
  const reads = (when: 'poll' | 'set-up') =>
    profile.kind === 'modbus-meter' ? modbusReads(profile, when, placementOf(profile, { unit, socket: 1 })) : [];
  const polls = profile.kind === 'dlt645-meter' ? dlt645Reads(profile) : reads('poll');
  return {
    ...NOTHING_TO_FEED_OR_STOP,
    part: 'meters',
    deviceId: config.meterId,
    profileId: profile.profileId,
    address: address === undefined ? `unit ${unit}` : `address ${address}`,
    pollMs: isGridMeter ? GRID_POLL_MS : profile.timing.pollMs,
    polls: timedOn(line, profile.timing, polls),
    occasional: timedOn(line, profile.timing, reads('set-up')),
  };
}

/** What a ground lock or barrier asks of its line. */
export function planParking({ config, line, profile }: SiteParking): DevicePlan {
  const { framing, query, moves, timing } = profile;
  const exchange = (what: string, payload: string, replyBytes: number): Question => ({
    what,
    bytes: framedBytes(framing, hexBytes(payload).length) + framedBytes(framing, replyBytes),
  });
  const occasional = Object.entries(moves).map(([name, { payload, reply }]) =>
    exchange(name, payload, hexBytes(reply.accepted).length),
  );
  return {
    ...NOTHING_TO_FEED_OR_STOP,
    part: 'parking',
    deviceId: config.deviceId,
    profileId: profile.profileId,
    address: `address ${config.address}`,
    pollMs: timing.pollMs,
    polls: timedOn(line, timing, [exchange('query', query.payload, query.reply.payloadBytes)]),
    occasional: timedOn(line, timing, occasional),
  };
}

/** What a board with inputs and relays asks of its line. Its watchdog has the polls as its sign of life. */
export function planBoard({ config, line, profile }: SiteIoBoard): DevicePlan {
  const { timing, watchdog, writes } = profile;
  const place = placementOf(profile, { unit: config.unit, socket: 1 });
  const relays = Object.values(writes).map((write) => modbusQuestion(encodeWrite(write, 0, place)));
  return {
    ...NOTHING_TO_FEED_OR_STOP,
    part: 'io',
    deviceId: config.boardId,
    profileId: profile.profileId,
    address: `unit ${config.unit}`,
    pollMs: timing.pollMs,
    polls: timedOn(line, timing, modbusReads(profile, 'poll', place)),
    watchdogMs: watchdog?.timeoutMs ?? null,
    occasional: timedOn(line, timing, [...relays, ...modbusReads(profile, 'set-up', place)]),
  };
}

/** What is asked, and the bytes of question and answer together. */
interface Question {
  readonly what: string;
  readonly bytes: number;
}

/** One question for the register. The answer repeats the identifier, and may be preceded by wake-up bytes. */
function dlt645Reads(profile: Extract<SiteMeter['profile'], { kind: 'dlt645-meter' }>): Question[] {
  const point = profile.points[profile.measures.energy.point];
  if (point === undefined) return [];
  const bytes = profile.wakeUpBytes + MOST_WAKE_UP_BYTES + 2 * (FRAME_BYTES + IDENTIFIER_BYTES) + point.digits / 2;
  return [{ what: point.di, bytes }];
}

type ModbusProfile =
  | SitePile['profile']
  | SiteIoBoard['profile']
  | Extract<SiteMeter['profile'], { kind: 'modbus-meter' }>;

function modbusReads(profile: ModbusProfile, when: Point['read'], place: Placement): Question[] {
  const points = Object.values(profile.points).filter((point) => point.read === when);
  return planReads(points, profile, place).map(({ request }) => modbusQuestion(request));
}

/** Only the length of a write counts here, and it does not depend on the value. */
function writeOf(writes: Readonly<Record<string, Write>>, step: Step, place: Placement): Question[] {
  const write = writes[step.write];
  return write === undefined ? [] : [modbusQuestion(encodeWrite(write, 0, place))];
}

function modbusQuestion(request: ModbusRequest): Question {
  const bytes = frameBytes(request);
  const count = 'count' in request ? request.count : 'words' in request ? request.words.length : 1;
  const what = `${String(request.fc).padStart(2, '0')} ${request.address}${count > 1 ? `+${count}` : ''}`;
  return { what, bytes: bytes.request + bytes.reply };
}

const timedOn = (line: LineConfig, timing: TransactionTiming, questions: readonly Question[]): PlannedTransaction[] =>
  questions.map(({ what, bytes }) => ({ what, ...transactionTime(bytes, baudOf(line), timing) }));
