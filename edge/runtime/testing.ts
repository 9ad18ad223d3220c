import { pino } from 'pino';
import type { Shown } from '../access/card-sightings.ts';
import type { LineError } from '../bus/line-error.ts';
import { rtuLine } from '../bus/open-line.ts';
import { frame, hexOf, ManualTime, MemoryStream } from '../bus/testing.ts';
import { type Context, type LedgerTransaction, newConnector, nothingRemembered } from '../control/connector.ts';
import type { Session } from '../control/session.ts';
import { facts, uuid } from '../control/testing.ts';
import type { MeterDriver } from '../devices/meter-driver.ts';
import { PileDriver } from '../devices/pile-driver.ts';
import { type PileProfile, pileProfileSchema } from '../devices/profile/pile-profile.ts';
import { pointSchema } from '../devices/profile/point.ts';
import { ConnectorLoop } from './connector-loop.ts';
import type { RequestNote } from './request-notes.ts';

const REPLY_MS = 20;

const inAmps = { multiply: 100, unit: 'mA' };
const setpoint = pointSchema.parse({ fc: 3, address: 261, type: 'u16', ...inAmps });
const card = pointSchema.parse({ fc: 3, address: 1500, type: 'u32', unit: 'none', read: 'cards' });
/** A wall box as simple as a test needs it: state and measures in one block, a watchdog, a lock and a limit. */
const boxProfile = pileProfileSchema.parse({
  kind: 'pile',
  profileId: 'test-box',
  vendor: 'Test',
  model: 'Box',
  source: 'made up',
  transports: ['serial'],
  serial: { baud: 19_200, parity: 'even', stopBits: 1 },
  timing: { gapMs: 100, turnaroundMs: 20, responseTimeoutMs: 300, slowestReplyMs: 800, pollMs: 1000 },
  limits: {
    maxCurrentMa: 16_000,
    minCurrentMa: 6000,
    stepMa: 100,
    phases: 3,
    overTemperatureDc: 800,
    overVoltageMv: null,
    underVoltageMv: null,
  },
  zeroMeans: 'pause',
  maxReadRegisters: 20,
  maxReadGap: 10,
  watchdog: { timeoutMs: 15_000, refreshedBy: 'any-traffic', fallback: { kind: 'stop' } },
  points: {
    state: { fc: 4, address: 5, type: 'u16', unit: 'none' },
    currentL1: { fc: 4, address: 6, type: 'u16', ...inAmps },
    currentL2: { fc: 4, address: 7, type: 'u16', ...inAmps },
    currentL3: { fc: 4, address: 8, type: 'u16', ...inAmps },
    temperature: { fc: 4, address: 9, type: 'i16', unit: 'dC' },
    power: { fc: 4, address: 14, type: 'u16', unit: 'W' },
    energyTotal: { fc: 4, address: 17, type: 'u32', unit: 'Wh' },
    watchdogTimeout: { fc: 3, address: 257, type: 'u16', unit: 'ms', read: 'set-up' },
  },
  writes: {
    watchdogTimeout: { fc: 6, address: 257, type: 'u16' },
    standby: { fc: 6, address: 258, type: 'u16' },
    remoteLock: { fc: 6, address: 259, type: 'u16' },
    maxCurrent: { fc: 6, address: 261, type: 'u16', divide: 100 },
    fallbackCurrent: { fc: 6, address: 262, type: 'u16', divide: 100 },
  },
  state: [
    { when: [{ point: 'state', in: [2, 3] }], is: 'unplugged' },
    { when: [{ point: 'state', in: [4, 5, 6, 10] }], is: 'plugged' },
    { when: [{ point: 'state', in: [7, 8] }], is: 'charging' },
    { when: [{ point: 'state', in: [9, 11] }], is: 'fault' },
  ],
  measures: {
    currents: ['currentL1', 'currentL2', 'currentL3'],
    power: 'power',
    temperature: 'temperature',
    energy: { point: 'energyTotal', kind: 'cumulative', rollsOverAtWh: 4_294_967_296 },
  },
  commands: {
    setup: [
      { write: 'standby', value: 4 },
      { write: 'watchdogTimeout', value: 15_000 },
      { write: 'fallbackCurrent', value: 0 },
    ],
    start: [
      { write: 'remoteLock', value: 1 },
      { write: 'maxCurrent', value: 'limit' },
    ],
    softStop: [{ write: 'maxCurrent', value: 0 }],
    hardStop: [{ write: 'remoteLock', value: 0 }],
  },
});

/** A wall box on a line in memory: it delivers when it is unlocked, told a current, and a vehicle is there. */
export class FakePile {
  isPlugged = true;
  registerWh = 50_000;
  temperatureDc = 300;
  deafToReads = false;
  deafToWrites = false;
  refusesWrites = false;
  refusesWritesTo: readonly number[] = [];
  /** Acknowledges writes without effect. */
  forgetsWrites = false;
  readonly holding = new Map<number, number>([
    [259, 0],
    [261, 0],
  ]);
  /** "261=160": what was written, in order. */
  readonly written: { atMs: number; what: string }[] = [];
  reads = 0;
  readonly #time: ManualTime;

  constructor(time: ManualTime, stream: MemoryStream) {
    this.#time = time;
    stream.onWrite = (bytes) => {
      const reply = this.#answer(bytes);
      if (reply !== null) time.after(REPLY_MS, () => stream.receive(frame(reply)));
    };
  }

  get isCharging(): boolean {
    return this.isPlugged && this.holding.get(259) === 1 && (this.holding.get(261) ?? 0) >= 60;
  }

  #answer(request: Uint8Array): string | null {
    const [unit = 0, functionCode = 0, high = 0, low = 0, valueHigh = 0, valueLow = 0] = request;
    if (functionCode === 4) {
      this.reads += 1;
      const words = this.#inputs().slice(4 * (low - 5), 4 * (low - 5 + valueLow));
      return this.deafToReads ? null : `${hexOf(Uint8Array.of(unit, 4, 2 * valueLow))}${words}`;
    }
    if (functionCode === 3) {
      const words = Array.from({ length: valueLow }, (_, i) => this.holding.get((high << 8) + low + i) ?? 0);
      return hexOf(Uint8Array.of(unit, 3, 2 * valueLow, ...words.flatMap((word) => [word >>> 8, word & 0xff])));
    }
    this.written.push({ atMs: this.#time.monoMs(), what: `${(high << 8) + low}=${(valueHigh << 8) + valueLow}` });
    if (this.deafToWrites) return null;
    if (this.refusesWrites || this.refusesWritesTo.includes((high << 8) + low))
      return hexOf(Uint8Array.of(unit, functionCode | 0x80, 4));
    if (!this.forgetsWrites) this.holding.set((high << 8) + low, (valueHigh << 8) + valueLow);
    return hexOf(request.subarray(0, 6));
  }

  #inputs(): string {
    const tenths = this.isCharging ? (this.holding.get(261) ?? 0) : 0;
    if (this.isCharging) this.registerWh += 3;
    const state = this.isCharging ? 7 : this.isPlugged ? 5 : 3;
    const { registerWh: wh } = this;
    const words = [state, tenths, tenths, tenths, this.temperatureDc, 230, 230, 230, 1, tenths * 69];
    const all = [...words, 0, 0, Math.floor(wh / 65_536), wh % 65_536];
    return all.map((word) => word.toString(16).padStart(4, '0')).join('');
  }
}

export interface LoopOptions {
  readonly watchdog?: PileProfile['watchdog'];
  readonly setupProof?: PileProfile['setupProof'];
  readonly currents?: string[];
  /** The pile tells the limit in force. */
  readonly tellsLimit?: boolean;
  /** The pile has a card reader of its own, at 1500, and hears what it shows. */
  readonly onCard?: (shown: Shown) => void;
  readonly onNote?: (note: RequestNote) => void;
  readonly meter?: MeterDriver;
  readonly trip?: () => Promise<void>;
  readonly session?: Session | null;
  /** No change of the price band by default. */
  readonly bandChangeMs?: Context['bandChangeMs'];
  /** What the ledger does with a transaction; it stores by default. */
  readonly store?: (transaction: LedgerTransaction) => Promise<void>;
}

/** A loop with everything real but the wire, the disk and the time. */
export function loopRig(options: LoopOptions = {}) {
  const base = boxProfile;
  const { watchdog = base.watchdog, setupProof = base.setupProof, currents = base.measures.currents } = options;
  const told = options.tellsLimit === true;
  const hasCards = options.onCard !== undefined;
  const profile: PileProfile = {
    ...base,
    watchdog,
    setupProof,
    points: { ...base.points, ...(told ? { setpoint } : {}), ...(hasCards ? { card } : {}) },
    measures: {
      ...base.measures,
      currents,
      ...(told ? { setpoint: 'setpoint' } : {}),
      ...(hasCards ? { card: { point: 'card', byteOrder: 'first-byte-first' } } : {}),
    },
  };
  const time = new ManualTime();
  const stream = new MemoryStream(time);
  const pile = new FakePile(time, stream);
  const { line, modbus } = rtuLine({
    lineId: 'L1',
    stream,
    silenceMs: 2,
    wireMs: () => 0,
    hasTransactionIds: false,
    reconnectAfterFailures: null,
    clock: time,
    timers: time,
    fineTimers: time,
    tap: () => {},
  });
  const stored: LedgerTransaction[] = [];
  const logged: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (text: string) => logged.push(JSON.parse(text)) });
  const stamp = () => ({
    wallMs: time.wallMs(),
    monoMs: Math.floor(time.monoMs()),
    bootId: uuid(900),
    clock: 'trusted' as const,
  });
  let ids = 100;
  const loop = new ConnectorLoop({
    facts,
    driver: new PileDriver(profile, { modbus, unit: 1, socket: 1 }),
    meter: options.meter ?? null,
    initial: newConnector({ ...nothingRemembered, session: options.session ?? null }, stamp()),
    clock: time,
    timers: time,
    stamp,
    newId: () => {
      ids += 1;
      return uuid(ids);
    },
    bandChangeMs: options.bandChangeMs ?? (() => null),
    log,
    commit: async (transaction) => {
      await options.store?.(transaction);
      stored.push(transaction);
    },
    onChange: () => {},
    trip: options.trip ?? null,
    lastFrames: () => [{ monoMs: 1, wallMs: 1, lineId: 'L1', direction: 'sent', hex: '01' }],
    onCard: options.onCard ?? null,
    onTurn: () => {},
    onFirmware: () => {},
    ...(options.onNote === undefined ? {} : { onNote: options.onNote }),
  });
  /** Ends the loop; what is under way on the line needs time to end. */
  const end = async (): Promise<void> => {
    const ended = loop.stop();
    await time.pass(5000);
    await ended;
  };
  const recordsStored = () => stored.flatMap((transaction) => transaction.records.map(nameOf));
  /** Something else keeps the line: a question of the highest class that nobody answers, again and again. */
  const keepLine = (forMs: number): void => {
    const untilMonoMs = time.monoMs() + forMs;
    const exchange = { begin: () => Uint8Array.of(0xff), feed: () => ({ kind: 'more' }) as const };
    const timing = { gapMs: 0, responseTimeoutMs: 5000, slowestReplyMs: 5000 };
    let device = 0;
    const again = (): void => {
      device += 1;
      if (time.monoMs() >= untilMonoMs) return;
      const job = { device: `other ${device}`, priority: 'stop' as const, timing, exchange, answerBytes: 0 };
      void line.ask(job).then(again, (error: LineError) => (error.failure === 'timeout' ? again() : undefined));
    };
    again();
  };
  return { time, stream, pile, line, loop, stored, recordsStored, log, logged, end, keepLine };
}

const nameOf = (record: LedgerTransaction['records'][number]): string =>
  record.kind === 'command.reported' ? `${record.status}${record.code === null ? '' : ` ${record.code}`}` : record.kind;
