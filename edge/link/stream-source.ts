import type { StreamName } from '#shared/wire/messages.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Acknowledged, Batch, BatchLimits } from '../ledger/outbox.ts';

/** Where the records of a stream come from, and where it is kept how far the cloud has them. */
export interface StreamSource {
  readonly stream: StreamName;
  /** The store that the numbers belong to. It changes when a damaged one was replaced; hello is then said again. */
  readonly storeEpoch: string;
  /** How fast the stream may be sent, in bytes a second on the wire; null: as fast as the cloud takes it. */
  readonly bytesPerS: number | null;
  /**
   * The oldest records behind `afterSeq` (0: from the first that is not acknowledged), as many as fit; null when there are none.
   *
   * @throws SqliteError or StoreInDoubt when they cannot be read at present
   */
  nextBatch(afterSeq: number, limits: BatchLimits): Batch | null;
  /** The last record that was written. */
  headSeq(): number;
  /** The last one that the cloud has acknowledged. */
  ackedSeq(): number;
  /**
   * The cloud has everything of the store `storeEpoch` up to `ackedSeq`, all of which was sent on this connection. Refused
   * records are kept aside. It may come twice, and for less than is known already.
   */
  acknowledge(ack: Acknowledged): void;
  /** A welcome has told how far the cloud knows a store other than the ledger. */
  hearCursor?(storeEpoch: string, ackedSeq: number): void;
}

/** The outbox of the ledger: what must reach the cloud exactly once. */
export function eventsOf(ledger: Ledger, onAcknowledged: (sessionId: string) => void): StreamSource {
  return {
    stream: 'events',
    get storeEpoch() {
      return ledger.storeEpoch;
    },
    bytesPerS: null,
    nextBatch: (afterSeq, limits) => ledger.nextBatch(limits, afterSeq),
    headSeq: () => ledger.headSeq(),
    ackedSeq: () => ledger.ackedSeq(),
    acknowledge(ack) {
      for (const sessionId of ledger.acknowledge(ack)) onAcknowledged(sessionId);
    },
  };
}
