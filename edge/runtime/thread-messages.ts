import type { FaultCode } from '#shared/faults.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { Command, ConnectorView } from '#shared/wire/messages.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import type { Session } from '../control/session.ts';

/** From the field thread, which drives the piles, to the ledger thread, which owns disk and network. */
export type ToLedger =
  | { readonly kind: 'commit'; readonly commitId: number; readonly transaction: LedgerTransaction; readonly at: Stamp }
  /** The live view. Newer replaces older; nothing of it is stored. */
  | { readonly kind: 'view'; readonly connectors: readonly ConnectorView[] }
  | { readonly kind: 'close' };

export type FromLedger =
  | {
      readonly kind: 'opened';
      readonly storeEpoch: string;
      readonly sessions: readonly Session[];
      readonly commands: readonly Command[];
      readonly cancelled: readonly string[];
      readonly latches: readonly (readonly [string, readonly FaultCode[]])[];
    }
  | { readonly kind: 'committed'; readonly commitId: number }
  | { readonly kind: 'commit-failed'; readonly commitId: number; readonly reason: string }
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'cancel'; readonly commandId: string }
  | { readonly kind: 'acknowledged'; readonly sessionId: string }
  | { readonly kind: 'sync'; readonly sync: SyncView }
  | { readonly kind: 'closed' };

/** How the site stands with the cloud, for the technician. */
export interface SyncView {
  readonly link: 'down' | 'greeting' | 'open';
  readonly storeEpoch: string;
  readonly backlog: number;
  readonly ackedSeq: number;
  readonly headSeq: number;
}
