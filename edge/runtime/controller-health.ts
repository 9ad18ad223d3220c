import { type Influence, noInfluence, type Objection } from '../control/influence.ts';
import { lossText, type StorageHealth } from '../ledger/storage-health.ts';
import type { LateLoop } from './liveness.ts';
import { lateText } from './systemd-service.ts';

/** How the controller itself is. What is wrong with it refuses new charges; those that run are ended as ever. */
export interface ControllerHealth {
  readonly storage: Pick<StorageHealth, 'mayCharge' | 'reason' | 'unconfirmedLoss'>;
  /** The ledger thread, when it does not turn: a disk that hangs gives no error, and nothing comes back. */
  readonly ledgerLate: LateLoop | null;
}

/** What the controller's health has to say to every connector: a charge that cannot be stored must not begin. */
export function healthInfluence({ storage, ledgerLate }: ControllerHealth): Influence {
  const refuse: Objection[] = [];
  const { unconfirmedLoss } = storage;
  if (unconfirmedLoss.length > 0) refuse.push({ fault: 'store-damaged', detail: lossText(unconfirmedLoss) });
  else if (!storage.mayCharge) refuse.push({ fault: 'storage-full', detail: storage.reason ?? '' });
  if (ledgerLate !== null) refuse.push({ fault: 'storage-stalled', detail: lateText([ledgerLate]) });
  return { ...noInfluence, refuse };
}
