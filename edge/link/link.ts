import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import { isPilegateError } from '#shared/errors.ts';
import type { Stamp } from '#shared/stamp.ts';
import { decode, encode } from '#shared/wire/decode.ts';
import {
  ackSchema,
  type Command,
  type ConnectorView,
  cancelSchema,
  commandSchema,
  type Hello,
  MAX_BATCH_RECORDS,
  nackSchema,
  type State,
  type Welcome,
  welcomeSchema,
} from '#shared/wire/messages.ts';
import { allDown, type DownKind, parseDownTopic, type UpKind, upTopic, WIRE_VERSION } from '#shared/wire/topics.ts';
import type { Admission } from '../ledger/inbox.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Batch } from '../ledger/outbox.ts';
import { isStoreError, StoreInDoubt } from '../ledger/store-trouble.ts';
import { type BrokerSession, openBrokerSession } from './broker-session.ts';
import { type PumpEvent, type PumpState, pump, pumpAtRest } from './pump.ts';

const BATCH_LIMITS = { records: MAX_BATCH_RECORDS, bytes: 262_144 };
const TICK_MS = 250;

export interface LinkParts {
  readonly site: { siteId: string; shard: number; brokerUrl: string; password: string | null };
  readonly software: string;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly stamp: () => Stamp;
  readonly newId: () => string;
  readonly log: Logger;
  readonly onCommand: (command: Command) => void;
  readonly onCancel: (commandId: string) => void;
  readonly onAcknowledged: (sessionId: string) => void;
  /** The cloud has told its time, between these moments of our monotonic clock. */
  readonly onCloudTime: (told: { serverWallMs: number; askedMonoMs: number; heardMonoMs: number }) => void;
}

/** The site's end of the conversation with the cloud. It reads and writes the ledger; it decides nothing about piles. */
export class Link {
  readonly #parts: LinkParts;
  readonly #session: BrokerSession;
  #pump: PumpState = pumpAtRest;
  #connectionEpoch: string;
  #view: readonly ConnectorView[] = [];
  #cancelTick: () => void = () => {};
  /** When hello was said first on this connection. */
  #firstHelloMonoMs: number | null = null;
  /** The store that hello has been said for. */
  #greetedEpoch: string | null = null;
  #told: { storeEpoch: string; throughSeq: number };
  /** Commands of which nobody knows whether they were taken in. */
  readonly #inDoubt = new Set<string>();

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#connectionEpoch = parts.newId();
    this.#told = { storeEpoch: parts.ledger.storeEpoch, throughSeq: parts.ledger.headSeq() };
    const { siteId, shard, brokerUrl, password } = parts.site;
    this.#session = openBrokerSession(
      { url: brokerUrl, clientId: siteId, username: siteId, password, subscribeTo: allDown(shard, siteId) },
      {
        will: () => {
          this.#connectionEpoch = parts.newId();
          const absent = { v: WIRE_VERSION, siteId, connectionEpoch: this.#connectionEpoch, online: false };
          return { topic: upTopic(shard, siteId, 'presence'), payload: encode(absent) };
        },
        onUp: () => {
          this.#firstHelloMonoMs = null;
          this.#drive({ kind: 'connected' });
        },
        onDown: (reason) => this.#onDown(reason),
        onMessage: (topic, payload) => this.#receive(topic, payload),
      },
    );
    this.#tick();
  }

  get state(): PumpState['link'] {
    return this.#pump.link;
  }

  /** The ledger has new records. */
  poke(): void {
    this.#drive({ kind: 'tick' });
  }

  /** Says hello once more: the welcome tells the cloud's time. @returns false when the cloud is not there */
  askTime(): boolean {
    if (this.#pump.link !== 'open') return false;
    this.#greet();
    return true;
  }

  /** Publishes the live view, which is the heartbeat as well. Before the welcome nobody would know whose it is. */
  showView(connectors: readonly ConnectorView[]): void {
    this.#view = connectors;
    if (this.#pump.link === 'open') this.#publishView();
  }

  async close(): Promise<void> {
    this.#cancelTick();
    await this.#session.close();
  }

  #tick(): void {
    // A store that was made anew has records of its own: the cloud has to be told which store it hears.
    const isOtherStore = this.#greetedEpoch !== null && this.#greetedEpoch !== this.#parts.ledger.storeEpoch;
    this.#drive({ kind: isOtherStore && this.#pump.link !== 'down' ? 'connected' : 'tick' });
    this.#cancelTick = this.#parts.timers.after(TICK_MS, () => this.#tick());
  }

  #drive(event: PumpEvent): void {
    const before = this.#pump.link;
    // A site that is offline for weeks need not read its backlog four times a second.
    const maySend = event.kind === 'welcomed' || (event.kind !== 'disconnected' && before === 'open');
    const batch = maySend ? this.#nextBatch() : null;
    const { state, action } = pump(this.#pump, event, this.#parts.clock.monoMs(), batch?.throughSeq ?? null);
    this.#pump = state;
    if (state.link !== before) this.#parts.log.info({ link: state.link }, 'link changes');
    if (action === 'hello') this.#greet();
    if (action === 'batch' && batch !== null) this.#sendBatch(batch);
  }

  /** A store that cannot be read at present has nothing to send at present. */
  #nextBatch(): Batch | null {
    try {
      return this.#parts.ledger.nextBatch(BATCH_LIMITS);
    } catch (error) {
      if (!isStoreError(error)) throw error;
      this.#parts.log.error({ code: 'store.unavailable', reason: error.message }, 'records cannot be read');
      return null;
    }
  }

  #onDown(reason: string): void {
    if (this.#pump.link !== 'down') this.#parts.log.warn({ reason }, 'link is lost');
    this.#drive({ kind: 'disconnected' });
  }

  #publish(kind: UpKind, message: object): void {
    this.#session.publish(upTopic(this.#parts.site.shard, this.#parts.site.siteId, kind), encode(message));
  }

  /** Without its store a site has nothing to say of itself; it tries again. */
  #greet(): void {
    try {
      this.#sayHello();
      this.#greetedEpoch = this.#parts.ledger.storeEpoch;
    } catch (error) {
      if (!isStoreError(error)) throw error;
      this.#parts.log.error({ code: 'store.unavailable', reason: error.message }, 'hello cannot be said');
    }
  }

  #sayHello(): void {
    const { ledger, site, software, stamp } = this.#parts;
    const at = stamp();
    this.#firstHelloMonoMs ??= at.monoMs;
    const hello: Hello = {
      v: WIRE_VERSION,
      siteId: site.siteId,
      connectionEpoch: this.#connectionEpoch,
      storeEpoch: ledger.storeEpoch,
      software,
      at,
      streams: [{ stream: 'events', headSeq: ledger.headSeq(), ackedSeq: ledger.ackedSeq() }],
      runningSessions: ledger.openWork(at).sessions.map(({ sessionId, connectorId }) => ({ sessionId, connectorId })),
    };
    this.#publish('hello', hello);
  }

  #sendBatch(batch: Batch): void {
    const { ledger, site } = this.#parts;
    this.#told = { storeEpoch: ledger.storeEpoch, throughSeq: Math.max(this.#toldThrough(), batch.throughSeq) };
    this.#publish('batch', {
      v: WIRE_VERSION,
      siteId: site.siteId,
      storeEpoch: ledger.storeEpoch,
      stream: 'events',
      records: batch.records,
    });
  }

  #publishView(): void {
    const { site, stamp } = this.#parts;
    const state: State = {
      v: WIRE_VERSION,
      siteId: site.siteId,
      connectionEpoch: this.#connectionEpoch,
      at: stamp(),
      connectors: [...this.#view],
    };
    this.#publish('state', state);
  }

  #receive(topic: string, payload: Uint8Array): void {
    const parsed = parseDownTopic(topic);
    if (parsed === null) return;
    try {
      this.#handle(parsed.kind, payload);
    } catch (error) {
      this.#refuse(topic, error);
    }
  }

  /** What cannot be read or stored is told to whoever sent it, who has it still; the link goes on. */
  #refuse(topic: string, error: unknown): void {
    const { log } = this.#parts;
    if (isStoreError(error)) {
      log.error({ code: 'store.unavailable', topic, reason: error.message }, 'message could not be stored');
      this.#publish('nack', { v: WIRE_VERSION, code: 'store.unavailable', topic, detail: error.message });
      return;
    }
    if (!isPilegateError(error)) throw error;
    log.warn({ code: error.code, topic, detail: error.detail }, 'message is refused');
    this.#publish('nack', { v: WIRE_VERSION, code: error.code, topic, detail: error.detail.slice(0, 1000) });
  }

  #handle(kind: DownKind, payload: Uint8Array): void {
    switch (kind) {
      case 'welcome': {
        const welcome = decode(welcomeSchema, payload);
        if (welcome.connectionEpoch !== this.#connectionEpoch || welcome.storeEpoch !== this.#parts.ledger.storeEpoch)
          return;
        return this.#welcomed(welcome);
      }
      case 'ack': {
        const ack = decode(ackSchema, payload);
        if (ack.storeEpoch !== this.#parts.ledger.storeEpoch) return;
        this.#acknowledge(ack.ackedSeq, ack.refused);
        this.#drive({ kind: 'acked', ackedSeq: ack.ackedSeq });
        return;
      }
      case 'command':
        return this.#admit(decode(commandSchema, payload));
      case 'cancel': {
        const { commandId } = decode(cancelSchema, payload);
        this.#cancel(commandId);
        return this.poke();
      }
      case 'nack': {
        const nack = decode(nackSchema, payload);
        this.#parts.log.error(
          { code: nack.code, topic: nack.topic, detail: nack.detail },
          'the cloud could not read a message',
        );
      }
    }
  }

  /**
   * A cloud that knows records which this store has never told knows a later state of it: the disk has lost commits, or somebody
   * put a copy in its place. To go on would give new records the numbers of old ones, so that a store with another epoch takes
   * over what there is.
   */
  #welcomed(welcome: Welcome): void {
    const { ledger, log } = this.#parts;
    this.#hearTime(welcome);
    const ahead = welcome.cursors.find((cursor) => cursor.ackedSeq > this.#toldThrough());
    if (ahead !== undefined) {
      const headSeq = ledger.headSeq();
      log.fatal(
        { code: 'wire.conflict', headSeq, ackedSeq: ahead.ackedSeq },
        'this store is older than the cloud knows it',
      );
      return ledger.startAnew(`the cloud knows ${ahead.ackedSeq} records of it, and it has told ${this.#toldThrough()}`);
    }
    for (const { ackedSeq } of welcome.cursors) this.#acknowledge(ackedSeq, []);
    this.#drive({ kind: 'welcomed' });
    this.#publishView();
  }

  /** The last record that the cloud can know: told in this life, or there when it began. */
  #toldThrough(): number {
    const { storeEpoch } = this.#parts.ledger;
    if (this.#told.storeEpoch !== storeEpoch) this.#told = { storeEpoch, throughSeq: 0 };
    return this.#told.throughSeq;
  }

  /** A welcome that does not say which hello it answers may be that of the first. */
  #hearTime({ serverWallMs, helloMonoMs }: Welcome): void {
    const { stamp, onCloudTime } = this.#parts;
    const askedMonoMs = helloMonoMs ?? this.#firstHelloMonoMs;
    if (askedMonoMs !== null) onCloudTime({ serverWallMs, askedMonoMs, heardMonoMs: stamp().monoMs });
  }

  #acknowledge(ackedSeq: number, refused: { seq: number; code: string; detail: string }[]): void {
    for (const entry of refused) this.#parts.log.error(entry, 'the cloud refused a record; it is kept aside');
    for (const sessionId of this.#parts.ledger.acknowledge({ ackedSeq, refused }))
      this.#parts.onAcknowledged(sessionId);
  }

  #cancel(commandId: string): void {
    const { ledger, stamp, onCancel } = this.#parts;
    const mayRun = evenUnstored(
      () => ledger.cancel(commandId, stamp()),
      () => onCancel(commandId),
    );
    if (mayRun) onCancel(commandId);
  }

  #admit(command: Command): void {
    const { ledger, stamp, log, onCommand } = this.#parts;
    const { commandId, requestId, connectorId, kind } = command;
    // A stop waits for no disk: it acts, and is taken in after.
    const isActedOn = kind === 'stop' && !this.#isKnown(commandId);
    if (isActedOn) onCommand(command);
    const admission = this.#admissionOf(command);
    log.info({ commandId, requestId, connectorId, kind, admission }, 'command arrives');
    if (admission !== 'new') ledger.reportAgain(commandId, stamp());
    else if (!isActedOn) onCommand(command);
    this.poke();
  }

  /** One of which nobody knew whether it was stored has been handed to nobody: it is new, wherever it was found. */
  #admissionOf(command: Command): Admission {
    const { ledger, stamp } = this.#parts;
    const { commandId } = command;
    try {
      const admission = ledger.admit(command, stamp());
      const isNew = this.#inDoubt.delete(commandId) && admission === 'known';
      return isNew ? 'new' : admission;
    } catch (error) {
      if (error instanceof StoreInDoubt && command.kind !== 'stop') this.#inDoubt.add(commandId);
      throw error;
    }
  }

  /** What cannot be looked up is not known. */
  #isKnown(commandId: string): boolean {
    try {
      return this.#parts.ledger.isKnown(commandId);
    } catch (error) {
      if (isStoreError(error)) return false;
      throw error;
    }
  }
}

/** A cancel acts though it cannot be recorded; the cloud sends it again, and it is known by its id. */
function evenUnstored<Value>(store: () => Value, act: () => void): Value {
  try {
    return store();
  } catch (error) {
    if (isStoreError(error)) act();
    throw error;
  }
}
