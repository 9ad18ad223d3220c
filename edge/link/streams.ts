import type { Logger } from 'pino';
import type { Clock } from '#shared/clock.ts';
import { encode } from '#shared/wire/decode.ts';
import { type Ack, MAX_BATCH_RECORDS, type RecordEnvelope, type Welcome } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import { isStoreError } from '../ledger/store-trouble.ts';
import type { BatchHead } from './lane.ts';
import { payloadOf } from './payload.ts';
import { type PumpEvent, type PumpState, pump, pumpAtRest } from './pump.ts';
import type { StreamSource } from './stream-source.ts';

const BATCH_LIMITS = { records: MAX_BATCH_RECORDS, bytes: 262_144 };
/** However many a cloud allows. */
const MOST_BATCHES_IN_FLIGHT = 16;
/** An acknowledgement that comes late looks the same, and an older cloud has no answer. */
const DOUBT_AGAIN_MS = 60_000;
/** What a cloud takes that does not say. */
const FIRST_CLOUD: NonNullable<Welcome['accepts']> = { batchesInFlight: 1, streams: ['events'], encodings: [] };

export interface StreamsParts {
  readonly siteId: string;
  /** The process that sends, as it calls itself in its hello. */
  readonly lifeId: string;
  /** In order of priority. */
  readonly sources: readonly StreamSource[];
  readonly clock: Clock;
  /** Random, from 0 inclusive to 1 exclusive. */
  readonly fraction: () => number;
  readonly log: Logger;
  readonly sayHello: () => void;
  readonly publish: (payload: Uint8Array) => void;
}

/** A batch that was read, as it goes out. */
interface ReadBatch extends BatchHead {
  readonly payload: Uint8Array;
}

/** The site's streams of records on their way to the cloud: the pump, and what it pumps. */
export class Streams {
  readonly #parts: StreamsParts;
  #pump: PumpState;
  #accepts = FIRST_CLOUD;
  /** When hello was last said because the cloud knew less than it had acknowledged. */
  #doubtedMonoMs: number | null = null;
  /** The stores that hello has been said for. */
  #greeted: readonly string[] | null = null;

  constructor(parts: StreamsParts) {
    this.#parts = parts;
    const paces = parts.sources.map(({ bytesPerS }) => bytesPerS);
    this.#pump = pumpAtRest(paces, parts.fraction());
  }

  get link(): PumpState['link'] {
    return this.#pump.link;
  }

  /** How the cloud reads what is compressed. */
  get encodings(): readonly string[] {
    return this.#accepts.encodings;
  }

  connected(): void {
    this.#drive({ kind: 'connected' });
  }

  disconnected(): void {
    this.#drive({ kind: 'disconnected' });
  }

  /** New records, or time has passed. */
  tick(): void {
    // A store that was made anew has records of its own: the cloud has to be told which store it hears.
    const isOtherStore = this.#greeted !== null && !this.#isGreeted();
    this.#drive({ kind: isOtherStore && this.link !== 'down' ? 'connected' : 'tick' });
  }

  /** Hello has been said for the stores as they are now. */
  greeted(): void {
    this.#greeted = this.#epochs();
  }

  welcomed({ accepts = FIRST_CLOUD, otherCursors = [] }: Welcome): void {
    this.#accepts = accepts;
    for (const { stream, storeEpoch, ackedSeq } of otherCursors)
      this.#parts.sources.find((source) => source.stream === stream)?.hearCursor?.(storeEpoch, ackedSeq);
    this.#drive({
      kind: 'welcomed',
      batchesInFlight: Math.min(accepts.batchesInFlight, MOST_BATCHES_IN_FLIGHT),
      isTaken: this.#parts.sources.map(({ stream }) => accepts.streams.includes(stream)),
    });
  }

  /** Only what was sent on this connection counts, however far the cloud says that it is. */
  acked({ storeEpoch, stream, sendNo, ackedSeq, refused }: Ack): void {
    const { sources, log } = this.#parts;
    const lane = sources.findIndex((source) => source.stream === stream);
    const source = sources[lane];
    if (source === undefined || source.storeEpoch !== storeEpoch) return;
    for (const entry of refused) log.error(entry, 'the cloud refused a record; it is kept aside');
    const { state } = this.#step({ kind: 'acked', lane, sendNo: sendNo ?? null, ackedSeq });
    const throughSeq = state.lanes[lane]?.ackedSeq ?? 0;
    // What cannot be stored has not been acknowledged: it is sent again.
    if (throughSeq > (this.#pump.lanes[lane]?.ackedSeq ?? 0))
      source.acknowledge({ storeEpoch, ackedSeq: throughSeq, refused });
    this.#pump = state;
    if (ackedSeq < source.ackedSeq()) this.#doubt();
    this.tick();
  }

  /** The cloud has lost what it had acknowledged: behind that it takes nothing before a hello has told it so. */
  #doubt(): void {
    const nowMonoMs = this.#parts.clock.monoMs();
    if (this.#doubtedMonoMs !== null && nowMonoMs - this.#doubtedMonoMs < DOUBT_AGAIN_MS) return;
    this.#doubtedMonoMs = nowMonoMs;
    this.#parts.log.warn({}, 'the cloud knows less than it has acknowledged');
    this.connected();
  }

  #drive(event: PumpEvent): void {
    const { sayHello, publish, log } = this.#parts;
    const before = this.link;
    const { state, actions } = this.#step(event);
    this.#pump = state;
    if (state.link !== before) log.info({ link: state.link }, 'link changes');
    for (const action of actions) {
      if (action.kind === 'hello') sayHello();
      else publish(action.head.payload);
    }
  }

  #step(event: PumpEvent) {
    return pump<ReadBatch>(this.#pump, event, {
      nowMonoMs: this.#parts.clock.monoMs(),
      fraction: this.#parts.fraction(),
      next: (lane, afterSeq, sendNo) => this.#next(lane, afterSeq, sendNo),
    });
  }

  #epochs = (): string[] => this.#parts.sources.map(({ storeEpoch }) => storeEpoch);

  #isGreeted = (): boolean => this.#epochs().every((epoch, index) => epoch === this.#greeted?.[index]);

  /** A store that cannot be read at present, or that the cloud has not been told of, has nothing to send at present. */
  #next(lane: number, afterSeq: number, sendNo: number): ReadBatch | null {
    const { sources, log } = this.#parts;
    const source = sources[lane];
    if (source === undefined) return null;
    try {
      const batch = source.nextBatch(afterSeq, BATCH_LIMITS);
      if (batch === null) return null;
      const { throughSeq } = batch;
      const hasMore = source.headSeq() > throughSeq;
      if (!this.#isGreeted()) return null;
      const payload = this.#encode(source, batch.records, sendNo);
      return { throughSeq, hasMore, payload, bytes: payload.byteLength };
    } catch (error) {
      if (!isStoreError(error)) throw error;
      log.error({ code: 'store.unavailable', reason: error.message }, 'records cannot be read');
      return null;
    }
  }

  #encode({ storeEpoch, stream }: StreamSource, records: readonly RecordEnvelope[], sendNo: number): Uint8Array {
    const { siteId, lifeId } = this.#parts;
    const text = encode({
      v: WIRE_VERSION,
      siteId,
      storeEpoch,
      stream,
      ...(this.#accepts === FIRST_CLOUD ? {} : { sendNo }),
      records,
      lifeId,
    });
    return payloadOf(text, this.#accepts.encodings);
  }
}
