import type { FaultCode } from '#shared/faults.ts';
import type { BootClock, Stamp } from '#shared/stamp.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { LocalUser } from '#shared/wire/cdr.ts';
import type { Command, MaintenanceAction } from '#shared/wire/messages.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import type { Refusal } from './answer.ts';
import type { ChargeWish } from './charge-wish.ts';
import { type Influence, noInfluence } from './influence.ts';
import { freshInterlocks, type InterlockState } from './interlocks.ts';
import type { KnownDevice } from './known-device.ts';
import type { EnergyRegister, MeterTrack } from './meter-track.ts';
import { type Occupancy, repairOccupancy } from './occupancy.ts';
import type { Offer } from './offer.ts';
import { type Outage, outageOf } from './outage.ts';
import type { Reading } from './reading.ts';
import { takeUpSession } from './repair-session.ts';
import type { Reservation } from './reservation.ts';
import { type Session, withMark } from './session.ts';
import { type SetUpResult, type SetUpState, withoutSetUp } from './set-up.ts';
import type { Rung, StopLadder } from './stop-ladder.ts';
import type { Stray } from './stray.ts';

/** What never changes about a connector while the process runs. */
export interface ConnectorFacts {
  readonly siteId: string;
  readonly pileId: string;
  readonly connectorId: string;
  /** What a charge is offered: the tighter of profile and site. */
  readonly limitMa: number;
  /** The least that the pile can offer. IEC 61851-1: 6 A. */
  readonly minLimitMa: number;
  /** A limit of 0 pauses the charge, and a higher one lets it go on. */
  readonly canPause: boolean;
  /** How long what flows may take to come down to a lower limit that the pile has taken. */
  readonly followsWithinMs: number;
  readonly maxPowerW: number;
  readonly energy: EnergyRegister;
  /** Null where the pile does not tell the value. */
  readonly overTemperatureDc: number | null;
  readonly overVoltageMv: number | null;
  readonly underVoltageMv: number | null;
  /** The longest charge, and the most that one may take. */
  readonly maxDurationMs: number;
  readonly maxEnergyWh: number;
  /** From a look to the moment when the current is off, should the stop be decided only at the look after it. */
  readonly stopLeadMs: number;
  /** After so long without a word from us the pile stops by itself; null when it goes on. */
  readonly stopsByItselfAfterMs: number | null;
  /** The site can cut this pile off by an output of its own. */
  readonly hasTrip: boolean;
  /** What the model has a command for. */
  readonly maintains: readonly MaintenanceWrite[];
}

/** Where a connector stands. A session that exists is carried by its phase. */
export type Phase =
  | { readonly kind: 'idle' }
  /** A start waits for a reading taken after it came in. */
  | {
      readonly kind: 'checking';
      readonly wish: ChargeWish;
      readonly receivedMonoMs: number;
      readonly confirmByMonoMs: number;
    }
  /** The session is being made durable; nothing may flow before it is. */
  | { readonly kind: 'preparing'; readonly session: Session; readonly confirmByMonoMs: number }
  | {
      readonly kind: 'starting';
      readonly session: Session;
      readonly confirmByMonoMs: number;
      /** How often the start has been written. */
      readonly attempts: number;
      /** When it is written again, should the pile not charge by then. */
      readonly againMonoMs: number;
      /** The most that has been told with it, in mA: an earlier start may have arrived unheard. */
      readonly mostMa: number;
    }
  | {
      readonly kind: 'charging';
      readonly session: Session;
      readonly confirmByMonoMs: number;
      readonly flow: Flow;
      readonly offer: Offer;
      readonly savedMonoMs: number;
      /** The pile has taken its set-up anew: if it is at rest, it has restarted under the charge. */
      readonly mayHaveRestarted: boolean;
    }
  | {
      readonly kind: 'stopping';
      readonly session: Session;
      readonly ladder: StopLadder;
      /** Proven off, waiting for the register to come to rest. */
      readonly provenMonoMs: number | null;
      /** Faults that alarms have told of. */
      readonly told: readonly FaultCode[];
      /** It has taken the soft stop: one that was only stopped hard may go on by itself when what was wrong with it is over. */
      readonly isDisarmed: boolean;
      /** Until then it is not spoken to, so that its own watchdog can stop it; null before that has been tried. */
      readonly quietUntilMonoMs: number | null;
    }
  /** The CDR is being made durable; `retryMonoMs` is set when the ledger could not take it. */
  | {
      readonly kind: 'closing';
      readonly session: Session;
      readonly records: readonly RecordBody[];
      readonly retryMonoMs: number | null;
    }
  /** Found in the ledger at start-up: the pile is read before anything is decided. `outage`: nobody has looked for so long. */
  | { readonly kind: 'adopting'; readonly session: Session; readonly outage: Outage };

/** Whether a charge delivers, and if not, who has suspended it, and since when. */
export type Flow =
  | { readonly kind: 'delivering' }
  | { readonly kind: 'suspended'; readonly by: 'vehicle' | 'us'; readonly sinceMonoMs: number };

/** What people and failed starts have made of the connector: kept on disk. */
export interface Service {
  /** Who has taken it out of service; null while it is in service. */
  readonly disabledBy: string | null;
  /** Starts that failed one after the other for a reason of the pile. */
  readonly failedStarts: number;
  /** When whoever took it out of service or put it back wanted that; missing before anybody has. */
  readonly wantedAt?: Stamp;
}

export const inService: Service = { disabledBy: null, failedStarts: 0 };

export interface ConnectorState {
  readonly phase: Phase;
  readonly interlocks: InterlockState;
  readonly latched: readonly FaultCode[];
  /** What stands around the connector and has a say in it. */
  readonly influence: Influence;
  readonly service: Service;
  /** A reboot or an unlock is on its way to the pile, and this command waits for it; null commands are a technician's. */
  readonly maintaining: { readonly write: MaintenanceWrite; readonly commandId: string | null } | null;
  /** The vehicle of the last charge has stayed; null when none has, or nobody asks for that. */
  readonly occupancy: Occupancy | null;
  /** Somebody who is still to come has reserved it; null when nobody has. */
  readonly reservation: Reservation | null;
  /** Who answered here last; null before anybody has. */
  readonly device: KnownDevice | null;
  readonly setUp: SetUpState;
  /** At the last poll something came from it, whatever it was: then it hears us as well, and its watchdog does. */
  readonly isHeard: boolean;
  /** It had its set-up when it was last heard: then its own watchdog can be relied on when it falls silent. */
  readonly hadSetUp: boolean;
  /** A start that the pile did not follow has been counted since the gun was last plugged in. */
  readonly countedThisPlug: boolean;
  /** What is believed of the energy register; null before it is first told. */
  readonly track: MeterTrack | null;
  /** The pile delivers without a session, and this was last done against it. */
  readonly stray: Stray | null;
  /** The last good reading and when it came; null before the first and after communication is lost. */
  readonly reading: Reading | null;
  readonly readingMonoMs: number;
  readonly readingWallMs: number;
}

export type ConnectorEvent =
  /** `requestedMonoMs`: when the pile was asked, so that nothing is proven by an older look. */
  | { readonly kind: 'reading'; readonly reading: Reading; readonly requestedMonoMs: number }
  /** `heard`: it has answered something, though nothing that can be used. */
  | { readonly kind: 'poll-failed'; readonly heard: boolean }
  | { readonly kind: 'command'; readonly command: Command }
  /** Somebody on site, who may, wants a charge to begin. It has so long to be confirmed. */
  | { readonly kind: 'begin'; readonly wish: ChargeWish; readonly withinMs: number }
  /** Somebody on site, who may, wants the charge of this request to end, or not to begin. */
  | { readonly kind: 'end'; readonly requestId: string; readonly by: LocalUser }
  | { readonly kind: 'cancel'; readonly commandId: string }
  | { readonly kind: 'durable'; readonly sessionId: string }
  | { readonly kind: 'store-failed'; readonly sessionId: string }
  /** The cloud knows that this session, or this reservation, has begun. */
  | { readonly kind: 'acknowledged'; readonly id: string }
  /** The store was damaged and another has taken its place, with what could be read of it. */
  | { readonly kind: 'store-replaced' }
  | ({ readonly kind: 'written' } & Told)
  | ({ readonly kind: 'write-failed' } & Told)
  /** Withdrawn before all of it went out: something newer is told in its place. */
  | { readonly kind: 'superseded'; readonly write: OfferingWrite }
  /** What stands around the connector says something else. */
  | { readonly kind: 'influenced'; readonly influence: Influence }
  /** The pile has taken its set-up, has not, or may have lost it. */
  | { readonly kind: 'set-up'; readonly result: SetUpResult }
  /** More is known of this boot's clock. */
  | { readonly kind: 'clock'; readonly clock: BootClock }
  /** A technician clears latched faults. */
  | { readonly kind: 'reset' }
  /** A technician on site ends what the connector is held for. */
  | { readonly kind: 'release'; readonly by: string; readonly why: string }
  /** A technician on site wants maintenance. */
  | { readonly kind: 'maintain'; readonly wish: Maintenance };

/** What somebody wants done at the connector. */
export interface Maintenance {
  readonly action: MaintenanceAction;
  /** With `disable` alone: a charge that runs is stopped as well. */
  readonly stopRunning: boolean;
  readonly by: string;
  /** Who waits for the outcome; null: a technician on site, who sees it. */
  readonly commandId: string | null;
}

/** What maintenance writes to a pile. */
export type MaintenanceWrite = 'reboot' | 'unlock';

/** What is written to a pile, or to the output that cuts it off. `limit` changes what a running charge is offered. */
export type WriteName = 'start' | 'limit' | Rung | MaintenanceWrite;

/** What a charge is offered by. */
export type OfferingWrite = Extract<WriteName, 'start' | 'limit'>;

/** What was written; with its limit, for the outcome of an older one may come while a newer one is on its way. */
export type Told =
  | { readonly write: OfferingWrite; readonly limitMa: number }
  | { readonly write: Exclude<WriteName, OfferingWrite> };

/** What must be on disk together. `session` replaces what is stored; one that is not `open` is over. */
export interface LedgerTransaction {
  readonly session: { readonly session: Session; readonly open: boolean } | null;
  readonly records: readonly RecordBody[];
  /** The connector's latched faults, when they have changed. */
  readonly latched?: { readonly connectorId: string; readonly faults: readonly FaultCode[] };
  /** The connector's service, when it has changed. */
  readonly service?: { readonly connectorId: string; readonly service: Service };
  /** Who answers at the connector, when it is somebody else. */
  readonly device?: { readonly connectorId: string; readonly device: KnownDevice };
  /** A vehicle that stays after its charge; null: no more. */
  readonly occupancy?: { readonly connectorId: string; readonly occupancy: Occupancy | null };
  /** What the connector is held for; null: nothing any more. */
  readonly reservation?: { readonly connectorId: string; readonly reservation: Reservation | null };
  /** A site input that has latched, or has been reset. */
  readonly inputs?: { readonly inputId: string; readonly latched: boolean };
}

export type Order =
  | {
      readonly kind: 'write';
      readonly write: WriteName;
      readonly limitMa: number | null;
      readonly requestId: string | null;
    }
  /** `answer`: which session waits for the "durable" or "store-failed" event; null when nobody waits. */
  | { readonly kind: 'commit'; readonly transaction: LedgerTransaction; readonly answer: string | null }
  /** Told to whoever asked on site for a charge: why it does not begin, or that it has. */
  | { readonly kind: 'answer'; readonly requestId: string; readonly refusal: Required<Refusal> | null }
  | { readonly kind: 'poll-now' };

export interface Decision {
  readonly state: ConnectorState;
  readonly orders: readonly Order[];
}

/** The world as far as a decision may know it. */
export interface Context {
  readonly facts: ConnectorFacts;
  readonly now: Stamp;
  readonly newId: () => string;
  /** The first instant after one and before another at which the price band is another; null when there is none. */
  readonly bandChangeMs: (tariff: Tariff, afterMs: number, untilMs: number) => number | null;
}

/** What the ledger knows of a connector when the process begins. */
export interface Remembered {
  readonly session: Session | null;
  readonly latched: readonly FaultCode[];
  readonly service: Service;
  readonly device: KnownDevice | null;
  readonly occupancy: Occupancy | null;
  readonly reservation: Reservation | null;
}

export const nothingRemembered: Remembered = {
  session: null,
  latched: [],
  service: inService,
  device: null,
  occupancy: null,
  reservation: null,
};

export function newConnector(remembered: Remembered, now: Stamp): ConnectorState {
  const { session, latched, service, device, occupancy, reservation } = remembered;
  return {
    phase: session === null ? { kind: 'idle' } : takenUp(session, now),
    interlocks: freshInterlocks(now.monoMs),
    latched,
    influence: noInfluence,
    service,
    maintaining: null,
    occupancy:
      occupancy === null
        ? null
        : repairOccupancy(occupancy, { bootId: now.bootId, offsetMs: now.wallMs - now.monoMs, quality: now.clock }),
    reservation,
    device,
    setUp: withoutSetUp(now.monoMs),
    isHeard: false,
    // Without its set-up no charge was ever begun on it.
    hadSetUp: session !== null,
    countedThisPlug: false,
    track: null,
    stray: null,
    reading: null,
    readingMonoMs: now.monoMs,
    readingWallMs: now.wallMs,
  };
}

const takenUp = (session: Session, now: Stamp): Phase => ({
  kind: 'adopting',
  session: withMark(takeUpSession(session, now), 'adopted'),
  outage: outageOf(session, now),
});

export const sessionOf = (phase: Phase): Session | null => ('session' in phase ? phase.session : null);

export const stay = (state: ConnectorState): Decision => ({ state, orders: [] });

export const enter = (state: ConnectorState, phase: Phase, ...orders: Order[]): Decision => ({
  state: { ...state, phase },
  orders,
});

/** What is put on disk. */
export type Commit = Extract<Order, { kind: 'commit' }>;

/** Stores what belongs to no session; nobody waits for it. */
export const note = (parts: Partial<Omit<LedgerTransaction, 'session'>>): Commit => ({
  kind: 'commit',
  answer: null,
  transaction: { session: null, records: [], ...parts },
});

/** Stores a session and its records together; nobody waits for it. */
export const record = (session: Session, ...records: RecordBody[]): Commit => ({
  kind: 'commit',
  answer: null,
  transaction: { session: { session, open: true }, records },
});
