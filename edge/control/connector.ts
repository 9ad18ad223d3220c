import type { FaultCode } from '#shared/faults.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { Command, StartCommand } from '#shared/wire/messages.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import { freshInterlocks, type InterlockState } from './interlocks.ts';
import type { EnergyRegister, MeterTrack } from './meter-track.ts';
import type { Reading } from './reading.ts';
import { type Session, withMark } from './session.ts';
import { type SetUpResult, type SetUpState, withoutSetUp } from './set-up.ts';
import type { Rung, StopLadder } from './stop-ladder.ts';

/** What never changes about a connector while the process runs. */
export interface ConnectorFacts {
  readonly siteId: string;
  readonly pileId: string;
  readonly connectorId: string;
  /** What a charge is offered: the tighter of profile and site. */
  readonly limitMa: number;
  readonly maxPowerW: number;
  readonly energy: EnergyRegister;
  readonly overTemperatureDc: number | null;
}

/** Where a connector stands. A session that exists is carried by its phase. */
export type Phase =
  | { readonly kind: 'idle' }
  /** A start waits for a reading taken after it came in. */
  | {
      readonly kind: 'checking';
      readonly command: StartCommand;
      readonly receivedMonoMs: number;
      readonly confirmByMonoMs: number;
    }
  /** The session is being made durable; nothing may flow before it is. */
  | { readonly kind: 'preparing'; readonly session: Session; readonly confirmByMonoMs: number }
  | { readonly kind: 'starting'; readonly session: Session; readonly confirmByMonoMs: number }
  | {
      readonly kind: 'charging';
      readonly session: Session;
      readonly confirmByMonoMs: number;
      readonly vehicleIdleSinceMonoMs: number | null;
      readonly savedMonoMs: number;
    }
  | {
      readonly kind: 'stopping';
      readonly session: Session;
      readonly ladder: StopLadder;
      /** Proven off, waiting for the register to come to rest. */
      readonly provenMonoMs: number | null;
    }
  /** The CDR is being made durable; `retryMonoMs` is set when the ledger could not take it. */
  | {
      readonly kind: 'closing';
      readonly session: Session;
      readonly records: readonly RecordBody[];
      readonly retryMonoMs: number | null;
    }
  /** Found in the ledger at start-up: the pile is read before anything is decided. */
  | { readonly kind: 'adopting'; readonly session: Session };

export interface ConnectorState {
  readonly phase: Phase;
  readonly interlocks: InterlockState;
  readonly latched: readonly FaultCode[];
  /** Faults of what stands around the connector: they refuse a new charge and leave a running one alone. */
  readonly blockedBy: readonly FaultCode[];
  readonly setUp: SetUpState;
  /** What is believed of the energy register; null before it is first told. */
  readonly track: MeterTrack | null;
  /** The pile delivers without a session, and this was last done against it. */
  readonly stray: { readonly lastWrite: Rung; readonly writtenMonoMs: number } | null;
  /** The last good reading and when it came; null before the first and after communication is lost. */
  readonly reading: Reading | null;
  readonly readingMonoMs: number;
  readonly readingWallMs: number;
}

export type ConnectorEvent =
  /** `requestedMonoMs`: when the pile was asked, so that nothing is proven by an older look. */
  | { readonly kind: 'reading'; readonly reading: Reading; readonly requestedMonoMs: number }
  | { readonly kind: 'poll-failed' }
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'cancel'; readonly commandId: string }
  | { readonly kind: 'durable'; readonly sessionId: string }
  | { readonly kind: 'store-failed'; readonly sessionId: string }
  | { readonly kind: 'acknowledged'; readonly sessionId: string }
  | { readonly kind: 'written'; readonly write: 'start' | Rung }
  | { readonly kind: 'write-failed'; readonly write: 'start' | Rung }
  /** What stands around the connector has failed, or works again. */
  | { readonly kind: 'blocked'; readonly by: readonly FaultCode[] }
  /** The pile has taken its set-up, has not, or may have lost it. */
  | { readonly kind: 'set-up'; readonly result: SetUpResult }
  /** A technician clears latched faults. */
  | { readonly kind: 'reset' };

/** What must be on disk together. `session` replaces what is stored; one that is not `open` is over. */
export interface LedgerTransaction {
  readonly session: { readonly session: Session; readonly open: boolean } | null;
  readonly records: readonly RecordBody[];
  /** The connector's latched faults, when they have changed. */
  readonly latched?: { readonly connectorId: string; readonly faults: readonly FaultCode[] };
}

export type Order =
  | {
      readonly kind: 'write';
      readonly write: 'start' | Rung;
      readonly limitMa: number | null;
      readonly requestId: string | null;
    }
  /** `answer`: which session waits for the "durable" or "store-failed" event; null when nobody waits. */
  | { readonly kind: 'commit'; readonly transaction: LedgerTransaction; readonly answer: string | null }
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
  readonly bandChanged: (tariff: Tariff, fromMs: number, toMs: number) => boolean;
}

export function newConnector(session: Session | null, latched: readonly FaultCode[], now: Stamp): ConnectorState {
  return {
    phase: session === null ? { kind: 'idle' } : { kind: 'adopting', session: withMark(session, 'adopted') },
    interlocks: freshInterlocks(now.monoMs),
    latched,
    blockedBy: [],
    setUp: withoutSetUp(now.monoMs),
    track: null,
    stray: null,
    reading: null,
    readingMonoMs: now.monoMs,
    readingWallMs: now.wallMs,
  };
}

export const sessionOf = (phase: Phase): Session | null => ('session' in phase ? phase.session : null);

export const stay = (state: ConnectorState): Decision => ({ state, orders: [] });

export const enter = (state: ConnectorState, phase: Phase, ...orders: Order[]): Decision => ({
  state: { ...state, phase },
  orders,
});

/** Stores a session and its records together; nobody waits for it. */
export const record = (session: Session, ...records: RecordBody[]): Order => ({
  kind: 'commit',
  answer: null,
  transaction: { session: { session, open: true }, records },
});
