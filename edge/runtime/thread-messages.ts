import type { FaultCode } from '#shared/faults.ts';
import type { BootClock, Stamp } from '#shared/stamp.ts';
import type { Command, ConnectorView, DocumentPush, HoldReason } from '#shared/wire/messages.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import type { LedgerTransaction, Service } from '../control/connector.ts';
import type { KnownDevice } from '../control/known-device.ts';
import type { Occupancy } from '../control/occupancy.ts';
import type { Reservation } from '../control/reservation.ts';
import type { Session } from '../control/session.ts';
import type { DocumentChange, StoredDocument } from '../documents/document-history.ts';
import type { PushRefusal } from '../documents/pushed-document.ts';
import type { DeadLetter, DeadLetterChange } from '../ledger/dead-letters.ts';
import type { StorageHealth } from '../ledger/storage-health.ts';
import type { FieldFigures } from '../metrics/field-figures.ts';
import type { RuleHistory } from '../rules/rule-history.ts';
import type { Sample } from '../samples/sampler.ts';

/** From the field thread, which drives the piles, to the ledger thread, which owns disk and network. */
export type ToLedger =
  | { readonly kind: 'commit'; readonly commitId: number; readonly transaction: LedgerTransaction; readonly at: Stamp }
  /** The live view. Newer replaces older; nothing of it is stored. */
  | { readonly kind: 'view'; readonly connectors: readonly ConnectorView[] }
  /** For systemd: the edge drives its piles, or begins to end in order. */
  | { readonly kind: 'announce'; readonly phase: 'started' | 'stopping' }
  /** Telemetry: stored when there is room for it, never answered. */
  | { readonly kind: 'samples'; readonly samples: readonly Sample[] }
  /** Makes a version of the site's rules the active one; answered like a commit. */
  | { readonly kind: 'put-rules'; readonly commitId: number; readonly version: number; readonly document: unknown }
  /** Stores what has changed of a kind of documents, and the records that tell of it; answered like a commit. */
  | {
      readonly kind: 'put-documents';
      readonly commitId: number;
      readonly change: DocumentChange;
      readonly records: readonly RecordBody[];
      readonly at: Stamp;
    }
  /** Copies the ledger to a file; answered like a commit. */
  | { readonly kind: 'back-up'; readonly commitId: number; readonly path: string }
  /** What is to be done with a record that the cloud has refused; null: nothing. Answered with what there is then. */
  | {
      readonly kind: 'dead-letters';
      readonly commitId: number;
      readonly change: DeadLetterChange | null;
      readonly at: Stamp;
    }
  /** What a damaged ledger has lost is confirmed by a technician; answered like a commit. */
  | { readonly kind: 'confirm-loss'; readonly commitId: number }
  /** What the field knows of itself, for a diagnostics bundle. */
  | { readonly kind: 'field-facts'; readonly bundleId: string; readonly facts: Readonly<Record<string, unknown>> }
  /** How the field thread is doing, for metrics; told only where somebody may ask. */
  | { readonly kind: 'figures'; readonly figures: FieldFigures }
  | { readonly kind: 'close' };

export type FromLedger =
  | {
      readonly kind: 'opened';
      readonly storeEpoch: string;
      readonly sessions: readonly Session[];
      readonly commands: readonly Command[];
      readonly cancelled: readonly string[];
      readonly latches: ReadonlyMap<string, readonly FaultCode[]>;
      /** Sessions out of a backup: never to be adopted as running. */
      readonly restored: ReadonlySet<string>;
      readonly devices: ReadonlyMap<string, KnownDevice>;
      readonly service: ReadonlyMap<string, Service>;
      /** Vehicles that stayed after their charge, by connector. */
      readonly occupancies: ReadonlyMap<string, Occupancy>;
      /** What connectors are held for. */
      readonly reservations: ReadonlyMap<string, Reservation>;
      /** Site inputs that have latched. */
      readonly inputs: readonly string[];
      readonly rules: RuleHistory;
      /** All kinds, newest first within each. */
      readonly documents: readonly StoredDocument[];
      readonly storage: StorageHealth;
    }
  | { readonly kind: 'committed'; readonly commitId: number }
  | { readonly kind: 'commit-failed'; readonly commitId: number; readonly reason: string }
  | {
      readonly kind: 'dead-letters';
      readonly commitId: number;
      readonly letters: readonly DeadLetter[];
      readonly refused: string | null;
    }
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'cancel'; readonly commandId: string }
  /** `refusal`: why it is not to be looked at; null when it may be. */
  | { readonly kind: 'document'; readonly push: DocumentPush; readonly refusal: PushRefusal | null }
  /** The cloud knows that this session, or this reservation, has begun. */
  | { readonly kind: 'acknowledged'; readonly id: string }
  /** What stamps are made with from here on. The first comes before "opened". */
  | { readonly kind: 'clock'; readonly clock: BootClock }
  /** Facts of the field are wanted. */
  | { readonly kind: 'collect'; readonly bundleId: string }
  | { readonly kind: 'sync'; readonly sync: SyncView }
  | { readonly kind: 'storage'; readonly health: StorageHealth }
  | { readonly kind: 'closed' };

/** How the site stands with the cloud, for the technician. */
export interface SyncView {
  readonly link: 'down' | 'greeting' | 'open';
  /** Why the cloud does not want to hear this box; null when it does, or has not said. */
  readonly held: HoldReason | null;
  /** Which way to the broker is used: 0 is the first. */
  readonly way: number;
  readonly storeEpoch: string;
  readonly backlog: number;
  readonly ackedSeq: number;
  readonly headSeq: number;
}
