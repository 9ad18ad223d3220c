import type { FaultCode } from '#shared/faults.ts';
import type { Stamp } from '#shared/stamp.ts';
import { nextBandChangeMs } from '#shared/tariff/bands.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { LocalUser } from '#shared/wire/cdr.ts';
import type {
  CancelReservationCommand,
  Command,
  RaiseHoldCommand,
  ReserveCommand,
  StartCommand,
  StopCommand,
} from '#shared/wire/messages.ts';
import type { RecordBody, RecordKind, RecordOf } from '#shared/wire/records.ts';
import { type ChargeWish, wishOf } from './charge-wish.ts';
import {
  type ConnectorEvent,
  type ConnectorFacts,
  type ConnectorState,
  type Context,
  inService,
  type LedgerTransaction,
  newConnector,
  nothingRemembered,
  type OfferingWrite,
  type Order,
  type Service,
  sessionOf,
} from './connector.ts';
import { decide } from './decide.ts';
import type { Occupancy } from './occupancy.ts';
import type { Reading } from './reading.ts';
import type { Reservation } from './reservation.ts';
import type { Session } from './session.ts';
import type { Rung } from './stop-ladder.ts';

export const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

export const START_WALL_MS = Date.parse('2026-03-02T00:00:00Z');
export const START_MONO_MS = 1_000_000;

export const facts: ConnectorFacts = {
  siteId: 'site-1',
  pileId: 'P1',
  connectorId: 'P1-1',
  limitMa: 16_000,
  maxPowerW: 12_144,
  energy: { kind: 'cumulative', rollsOverAtWh: null, resolutionWh: 1 },
  overTemperatureDc: 800,
  overVoltageMv: null,
  underVoltageMv: null,
  minLimitMa: 6000,
  canPause: true,
  followsWithinMs: 5000,
  maxDurationMs: 86_400_000,
  maxEnergyWh: 200_000,
  stopLeadMs: 4000,
  stopsByItselfAfterMs: 15_000,
  hasTrip: false,
  maintains: [],
};

/** 1.00 before noon in Shanghai (04:00Z), 2.00 after it. */
export const tariff: Tariff = {
  tariffId: 'T1',
  version: 1,
  currency: 'CNY',
  timezone: 'Asia/Shanghai',
  bands: [
    { name: 'morning', startMinute: 0, electricityPriceE4: 10_000, servicePriceE4: 0 },
    { name: 'afternoon', startMinute: 720, electricityPriceE4: 20_000, servicePriceE4: 0 },
  ],
};

export const plugged: Reading = {
  status: 'plugged',
  currentMa: 0,
  powerW: 0,
  temperatureDc: 300,
  registerWh: 50_000,
  fault: null,
  faultDetail: null,
  voltageMv: null,
  socPercent: null,
  setpointMa: null,
  meterId: null,
  serialNumber: null,
  firmware: null,
};
export const charging: Reading = { ...plugged, status: 'charging', currentMa: 15_900, powerW: 10_970 };

export const startCommand = (change: Partial<StartCommand> = {}): StartCommand => ({
  v: 1,
  kind: 'start',
  commandId: uuid(1),
  requestId: 'REQ-1',
  orderId: uuid(2),
  connectorId: facts.connectorId,
  issuedAtMs: START_WALL_MS,
  expect: 'no-session',
  expiresAtMs: START_WALL_MS + 60_000,
  ttlMs: 60_000,
  tariff,
  ...change,
});

export const cardholder: LocalUser = { kind: 'card', reference: 'K1' };

/** What somebody with a card wants. */
export const localWish = (change: Partial<ChargeWish> = {}): ChargeWish => ({
  ...wishOf(startCommand()),
  orderId: null,
  commandId: null,
  startedBy: cardholder,
  requestId: 'LOCAL-1',
  ...change,
});

export const stopCommand = (sessionId: string, change: Partial<StopCommand> = {}): StopCommand => ({
  v: 1,
  kind: 'stop',
  commandId: uuid(10),
  requestId: 'REQ-STOP',
  orderId: uuid(2),
  connectorId: facts.connectorId,
  issuedAtMs: START_WALL_MS,
  sessionId,
  reason: 'partner',
  ...change,
});

export const raiseHold = (sessionId: string, change: Partial<RaiseHoldCommand> = {}): RaiseHoldCommand => ({
  v: 1,
  kind: 'raise-hold',
  commandId: uuid(60),
  requestId: 'REQ-RAISE',
  orderId: uuid(2),
  connectorId: facts.connectorId,
  issuedAtMs: START_WALL_MS,
  sessionId,
  holdMinor: 500,
  ...change,
});

/** For half an hour, unless said otherwise. */
export const reserveCommand = (change: Partial<ReserveCommand> = {}): ReserveCommand => ({
  v: 1,
  kind: 'reserve',
  commandId: uuid(80),
  requestId: 'REQ-RESERVE',
  connectorId: facts.connectorId,
  issuedAtMs: START_WALL_MS,
  reservationId: uuid(81),
  untilMs: START_WALL_MS + 1_800_000,
  expiresAtMs: START_WALL_MS + 60_000,
  ttlMs: 60_000,
  ...change,
});

export const cancelReservationCommand = (reservationId = uuid(81)): CancelReservationCommand => ({
  v: 1,
  kind: 'cancel-reservation',
  commandId: uuid(82),
  requestId: 'REQ-CANCEL',
  connectorId: facts.connectorId,
  issuedAtMs: START_WALL_MS,
  reservationId,
});

export interface RigOptions {
  readonly session?: Session | null;
  readonly latched?: readonly FaultCode[];
  readonly service?: Service;
  readonly occupancy?: Occupancy | null;
  readonly reservation?: Reservation | null;
  readonly facts?: Partial<ConnectorFacts>;
  readonly wallMs?: number;
  readonly monoMs?: number;
  readonly bootId?: string;
  readonly clock?: Stamp['clock'];
}

/** A connector with a clock in the hand: events go in, orders are kept for the test to look at. */
export class Rig {
  state: ConnectorState;
  wallMs: number;
  monoMs: number;
  clock: Stamp['clock'];
  /** Everything ordered so far, in order. */
  readonly orders: Order[] = [];
  readonly #facts: ConnectorFacts;
  readonly #bootId: string;
  #ids = 100;

  constructor(options: RigOptions = {}) {
    this.wallMs = options.wallMs ?? START_WALL_MS;
    this.monoMs = options.monoMs ?? START_MONO_MS;
    this.#bootId = options.bootId ?? uuid(900);
    this.clock = options.clock ?? 'trusted';
    this.#facts = { ...facts, ...options.facts };
    // Set up, as a pile is soon after the first look at it.
    this.state = {
      ...newConnector(
        {
          ...nothingRemembered,
          session: options.session ?? null,
          latched: options.latched ?? [],
          service: options.service ?? inService,
          occupancy: options.occupancy ?? null,
          reservation: options.reservation ?? null,
        },
        this.now,
      ),
      setUp: { result: 'taken', sinceMonoMs: this.monoMs, wasTaken: true },
    };
  }

  get now(): Stamp {
    return { wallMs: this.wallMs, monoMs: this.monoMs, bootId: this.#bootId, clock: this.clock };
  }

  get phase(): ConnectorState['phase']['kind'] {
    return this.state.phase.kind;
  }

  /** The session under way. Throws when there is none, so that a test need not ask. */
  get session(): Session {
    const session = sessionOf(this.state.phase);
    if (session === null) throw new Error(`no session in ${this.phase}`);
    return session;
  }

  send(event: ConnectorEvent): Order[] {
    const context: Context = {
      facts: this.#facts,
      now: this.now,
      newId: () => {
        this.#ids += 1;
        return uuid(this.#ids);
      },
      bandChangeMs: nextBandChangeMs,
    };
    const { state, orders } = decide(this.state, event, context);
    this.state = state;
    this.orders.push(...orders);
    return [...orders];
  }

  /** A poll: by default asked for and answered now. */
  see(reading: Reading, requestedMonoMs = this.monoMs): Order[] {
    return this.send({ kind: 'reading', reading, requestedMonoMs });
  }

  /** A poll without an answer, or with one that cannot be used. */
  lose(heard = false): Order[] {
    return this.send({ kind: 'poll-failed', heard });
  }

  command(command: Command): Order[] {
    return this.send({ kind: 'command', command });
  }

  pass(ms: number): this {
    this.monoMs += ms;
    this.wallMs += ms;
    return this;
  }

  /** From idle to a confirmed charge. */
  toCharging(command = startCommand()): this {
    this.toStarting(command);
    this.pass(200).send({ kind: 'written', write: 'start', limitMa: 16_000 });
    this.pass(800).see(charging);
    return this;
  }

  toStarting(command = startCommand()): this {
    this.toPreparing(command);
    this.send({ kind: 'durable', sessionId: this.session.sessionId });
    return this;
  }

  toPreparing(command = startCommand()): this {
    this.command(command);
    this.pass(100).see(plugged);
    return this;
  }

  /** What was told last that sets an offer: the pile takes it, or does not. */
  answerLimit(kind: 'written' | 'write-failed'): Order[] {
    const { write, limitMa } = this.offering;
    return this.send({ kind, write, limitMa });
  }

  get offering(): { readonly write: OfferingWrite; readonly limitMa: number } {
    for (const order of this.orders.toReversed()) {
      if (order.kind !== 'write' || order.limitMa === null) continue;
      if (order.write === 'start' || order.write === 'limit') return { write: order.write, limitMa: order.limitMa };
    }
    throw new Error('no limit was told');
  }

  /** Charges on at one poll a second, the register rising with the power. */
  charge(seconds: number, reading: Reading = charging): this {
    for (let i = 0; i < seconds; i += 1) {
      const registerWh = (this.state.reading?.registerWh ?? plugged.registerWh ?? 0) + 3;
      this.pass(1000).see({ ...reading, registerWh });
    }
    return this;
  }

  /** The stop's write is taken and the pile shows no current, and the same register after it has had time to rest. */
  proveOff(registerWh = this.session.lastReading.registerWh): this {
    this.pass(100).send({ kind: 'written', write: this.rung });
    this.pass(500).see({ ...plugged, registerWh });
    this.pass(1500).see({ ...plugged, registerWh });
    return this;
  }

  get rung(): Rung {
    const { phase } = this.state;
    if (phase.kind !== 'stopping') throw new Error(`not stopping but ${phase.kind}`);
    return phase.ladder.rung;
  }

  acknowledge(): this {
    this.send({ kind: 'acknowledged', id: this.session.sessionId });
    return this;
  }

  get records(): RecordBody[] {
    return this.orders.flatMap((order) => (order.kind === 'commit' ? order.transaction.records : []));
  }

  recordsOf<Kind extends RecordKind>(kind: Kind): RecordOf<Kind>[] {
    return this.records.filter((record): record is RecordOf<Kind> => record.kind === kind);
  }

  /** The one CDR of a session that has ended. */
  get cdr(): RecordOf<'session.ended'>['cdr'] {
    const [ended, ...others] = this.recordsOf('session.ended');
    if (ended === undefined || others.length > 0) throw new Error(`${others.length} CDRs too many, or none`);
    return ended.cdr;
  }

  get writes(): string[] {
    return this.orders.flatMap((order) => (order.kind === 'write' ? [order.write] : []));
  }
}

/** The session as it was last ordered to disk. */
export function onDisk(rig: Rig): Session {
  const sessions = rig.orders.flatMap((order) => (order.kind === 'commit' ? [order.transaction.session?.session] : []));
  const stored = sessions.filter((session) => session !== undefined).at(-1);
  if (stored === undefined) throw new Error('nothing was stored');
  return JSON.parse(JSON.stringify(stored));
}

/** Killed without warning; another process takes up what is on the disk. */
export function restartFromDisk(rig: Rig, awayMs: number, options: RigOptions = {}): Rig {
  const { wallMs, monoMs } = rig.pass(awayMs);
  return new Rig({ session: onDisk(rig), wallMs, monoMs, ...options });
}

/** "write softStop, commit open session.ended, poll-now": what was ordered, on one line. */
export function describeOrders(orders: readonly Order[]): string {
  const one = (order: Order): string => {
    if (order.kind === 'poll-now') return 'poll-now';
    if (order.kind === 'answer') return `answer ${order.refusal?.code ?? 'begun'}`;
    if (order.kind === 'write') return order.limitMa === null ? order.write : `${order.write} ${order.limitMa} mA`;
    const { session, records, latched, service, device, occupancy, reservation } = order.transaction;
    const parts = [
      session === null ? '' : session.open ? 'open' : 'closed',
      ...records.map((r) =>
        r.kind === 'command.reported' ? `${r.status}${r.code === null ? '' : ` ${r.code}`}` : r.kind,
      ),
      latched === undefined ? '' : `latched [${latched.faults.join(' ')}]`,
      service === undefined ? '' : describeService(service.service),
      describeStay(occupancy, session !== null),
      reservation === undefined ? '' : reservation.reservation === null ? 'free' : 'held',
      device === undefined || session !== null ? '' : 'device',
    ];
    return `commit(${parts.filter((part) => part !== '').join(', ')})`;
  };
  return orders.map(one).join('; ');
}

/** That a charge ends without a stay after it is nothing to speak of. */
function describeStay(put: LedgerTransaction['occupancy'], isEnd: boolean): string {
  if (put === undefined || (put.occupancy === null && isEnd)) return '';
  return put.occupancy === null ? 'left' : 'occupied';
}

const describeService = ({ disabledBy, failedStarts }: Service): string =>
  disabledBy === null ? `service, ${failedStarts} failed starts` : `disabled by ${disabledBy}`;
