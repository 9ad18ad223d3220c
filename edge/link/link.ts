import type { Clock, Timers } from '#shared/clock.ts';
import type { DocumentKeysOffer } from '#shared/document-signing.ts';
import { isPilegateError } from '#shared/errors.ts';
import type { Stamp } from '#shared/stamp.ts';
import { type CredentialWish, credentialGrantSchema } from '#shared/wire/credentials.ts';
import { decode, encode } from '#shared/wire/decode.ts';
import {
  ackSchema,
  beatSchema,
  type ConnectorView,
  cancelSchema,
  commandSchema,
  type Diagnose,
  type DocumentPush,
  diagnoseSchema,
  documentPushSchema,
  type Hello,
  type Hold,
  type HoldReason,
  holdSchema,
  nackSchema,
  type Piece,
  type State,
  type Welcome,
  welcomeSchema,
} from '#shared/wire/messages.ts';
import { allDown, type DownKind, parseDownTopic, type UpKind, upTopic, WIRE_VERSION } from '#shared/wire/topics.ts';
import { isStoreError } from '../ledger/store-trouble.ts';
import type { Gap } from '../ledger/tell-again.ts';
import type { BrokerSession, OpenBrokerSession } from './broker-session.ts';
import { asked, heard, isAway, isToBeAsked, unheardOf, welcomedBy } from './cloud-watch.ts';
import { CommandIntake, type IntakeParts } from './command-intake.ts';
import { fixedLogin, type LinkLogin } from './link-login.ts';
import { payloadOf } from './payload.ts';
import type { PumpState } from './pump.ts';
import { eventsOf, type StreamSource } from './stream-source.ts';
import { Streams } from './streams.ts';

const TICK_MS = 250;

export interface LinkParts extends IntakeParts {
  readonly site: { siteId: string; shard: number; brokerUrl: string; password: string | null };
  /** What the site logs in with; left out: its password, as it is. */
  readonly login?: LinkLogin;
  /** PEM of the authority that the broker's certificate is from; left out: those that the system trusts. */
  readonly authority?: string | null;
  readonly openBroker: OpenBrokerSession;
  /** Which box this is; null where that cannot be told. */
  readonly controllerId: string | null;
  readonly software: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly newId: () => string;
  /** Random, from 0 inclusive to 1 exclusive. */
  readonly fraction: () => number;
  /** What else is sent when the cloud takes it, in order of priority, after the events of the ledger. */
  readonly otherStreams: readonly StreamSource[];
  readonly onAcknowledged: (sessionId: string) => void;
  readonly onDocument: (push: DocumentPush) => void;
  /** A piece of a diagnostics bundle is asked for. */
  readonly onDiagnose: (question: Diagnose) => void;
  /** The keys that pushed documents are accepted from. */
  readonly documentKeyIds: () => string[];
  /** The cloud has told what it signs documents with. */
  readonly onDocumentKeys: (offer: DocumentKeysOffer) => void;
  /** The cloud has told its time, between these moments of our monotonic clock. */
  readonly onCloudTime: (told: { serverWallMs: number; askedMonoMs: number; heardMonoMs: number }) => void;
}

/** The site's end of the conversation with the cloud. It reads and writes the ledger; it decides nothing about piles. */
export class Link {
  readonly #parts: LinkParts;
  readonly #session: BrokerSession;
  readonly #streams: Streams;
  readonly #login: LinkLogin;
  #connectionEpoch: string;
  #view: readonly ConnectorView[] = [];
  #cancelTick: () => void = () => {};
  /** When hello was said first on this connection. */
  #firstHelloMonoMs: number | null = null;
  /** This process, as the cloud knows it. */
  readonly #lifeId: string;
  /** Which one the store was welcomed with before. */
  readonly #formerLifeId: string | null;
  #held: HoldReason | null = null;
  /** Welcomed on this connection, and not held since: what the cloud says is meant for this box. */
  #isMeant = false;
  #cloud = unheardOf;
  readonly #intake: CommandIntake;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#connectionEpoch = parts.newId();
    this.#intake = new CommandIntake(parts);
    this.#lifeId = parts.newId();
    this.#formerLifeId = parts.ledger.welcomedLifeId();
    const { siteId, shard, brokerUrl, password } = parts.site;
    this.#streams = new Streams({
      siteId,
      sources: [eventsOf(parts.ledger, parts.onAcknowledged), ...parts.otherStreams],
      clock: parts.clock,
      fraction: parts.fraction,
      log: parts.log,
      lifeId: this.#lifeId,
      sayHello: () => this.#greet(),
      publish: (payload) => this.#session.publish(upTopic(shard, siteId, 'batch'), payload),
    });
    const login = parts.login ?? fixedLogin(password);
    this.#login = login;
    const authority = parts.authority ?? null;
    // A name for this process alone: a broker would let two boxes with one name throw each other out, and neither be heard for long.
    const clientId = `${siteId}/${this.#lifeId}`;
    this.#session = parts.openBroker(
      {
        url: brokerUrl,
        clientId,
        username: siteId,
        authority,
        subscribeTo: allDown(shard, siteId),
        fraction: parts.fraction,
      },
      {
        login: () => login.login(),
        will: () => {
          this.#connectionEpoch = parts.newId();
          const absent = { v: WIRE_VERSION, siteId, connectionEpoch: this.#connectionEpoch, online: false };
          return { topic: upTopic(shard, siteId, 'presence'), payload: encode(absent) };
        },
        onUp: () => {
          this.#firstHelloMonoMs = null;
          this.#isMeant = false;
          this.#streams.connected();
        },
        onDown: (reason) => this.#onDown(reason),
        onMessage: (topic, payload) => this.#receive(topic, payload),
      },
    );
    this.#tick();
  }

  get state(): PumpState['link'] {
    return this.#streams.link;
  }

  /** Why the cloud does not want to hear this box at present; null when it does, or has not said. */
  get held(): HoldReason | null {
    return this.#held;
  }

  /** The ledger has new records. */
  poke(): void {
    this.#streams.tick();
  }

  /** Says hello once more: the welcome tells the cloud's time. @returns false when the cloud is not there */
  askTime(): boolean {
    if (this.state !== 'open') return false;
    this.#greet();
    return true;
  }

  /** Publishes the live view, which is the heartbeat as well. Before the welcome nobody would know whose it is. */
  showView(connectors: readonly ConnectorView[]): void {
    this.#view = connectors;
    if (this.state === 'open') this.#publishView();
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  /** Asks the cloud for the credential that is to take the place of the present one. */
  askCredential(wish: CredentialWish): void {
    this.#publish('renewal', { v: WIRE_VERSION, siteId: this.#parts.site.siteId, wish });
  }

  /** The next connection is made at once, with what is good then. */
  reconnect(): void {
    this.#session.reconnect();
  }

  /** May be lost: the cloud asks again. */
  sendPiece(piece: Omit<Piece, 'v' | 'siteId'>): void {
    if (this.state === 'open') this.#publish('piece', { v: WIRE_VERSION, siteId: this.#parts.site.siteId, ...piece });
  }

  async close(): Promise<void> {
    this.#cancelTick();
    await this.#session.close();
  }

  #tick(): void {
    if (this.state === 'open' && isAway(this.#cloud, this.#parts.clock.monoMs())) this.#onAway();
    this.#streams.tick();
    this.#cancelTick = this.#parts.timers.after(TICK_MS, () => this.#tick());
  }

  /** The broker is there, and nobody behind it. */
  #onAway(): void {
    this.#parts.log.warn({}, 'the cloud does not answer');
    this.#streams.connected();
  }

  #onDown(reason: string): void {
    if (this.state !== 'down') this.#parts.log.warn({ reason }, 'link is lost');
    this.#streams.disconnected();
  }

  #publish(kind: UpKind, message: object): void {
    this.#session.publish(upTopic(this.#parts.site.shard, this.#parts.site.siteId, kind), encode(message));
  }

  /** Without its store a site has nothing to say of itself; it tries again. */
  #greet(): void {
    try {
      this.#sayHello();
      this.#streams.greeted();
    } catch (error) {
      if (!isStoreError(error)) throw error;
      this.#parts.log.error({ code: 'store.unavailable', reason: error.message }, 'hello cannot be said');
    }
  }

  #sayHello(): void {
    const { ledger, site, software, stamp } = this.#parts;
    const at = stamp();
    const credential = this.#login.fingerprint();
    this.#firstHelloMonoMs ??= at.monoMs;
    const hello: Hello = {
      v: WIRE_VERSION,
      siteId: site.siteId,
      connectionEpoch: this.#connectionEpoch,
      storeEpoch: ledger.storeEpoch,
      software,
      at,
      streams: [{ stream: 'events', headSeq: ledger.headSeq(), ackedSeq: ledger.ackedSeq() }],
      ...this.#otherStreams(),
      documents: ledger.documentsInForce(),
      reservations: this.#reservations(),
      documentKeyIds: this.#parts.documentKeyIds(),
      life: { lifeId: this.#lifeId, formerLifeId: this.#formerLifeId, controllerId: this.#parts.controllerId },
      runningSessions: this.#runningSessions(at),
      toldAgain: ledger.toldAgain(),
      ...(credential === null ? {} : { credential }),
    };
    this.#publish('hello', hello);
  }

  /** Those of the ledger. A store that took the place of a damaged one may not have been told yet of what the connectors show. */
  #runningSessions(at: Stamp): Hello['runningSessions'] {
    const stored = this.#parts.ledger
      .openWork(at)
      .sessions.map(({ sessionId, connectorId }) => ({ sessionId, connectorId }));
    const isStored = (sessionId: string) => stored.some((session) => session.sessionId === sessionId);
    const shown = this.#view.flatMap(({ sessionId, connectorId }) =>
      sessionId === null || isStored(sessionId) ? [] : [{ sessionId, connectorId }],
    );
    return [...stored, ...shown];
  }

  /** The same of what connectors are held for. */
  #reservations(): NonNullable<Hello['reservations']> {
    const stored = this.#parts.ledger.reservations();
    const isStored = (id: string) => stored.some(({ reservationId }) => reservationId === id);
    const shown = this.#view.flatMap(({ reservationId, connectorId }) =>
      reservationId === undefined || isStored(reservationId) ? [] : [{ reservationId, connectorId }],
    );
    return [...stored, ...shown];
  }

  /** Of those whose store works. */
  #otherStreams(): Pick<Hello, 'otherStreams'> {
    const working = this.#parts.otherStreams.filter(({ storeEpoch }) => storeEpoch !== '');
    if (working.length === 0) return {};
    const otherStreams = working.map((source) => ({
      stream: source.stream,
      storeEpoch: source.storeEpoch,
      headSeq: source.headSeq(),
      ackedSeq: source.ackedSeq(),
    }));
    return { otherStreams };
  }

  #publishView(encodings = this.#streams.encodings): void {
    const { site, stamp, clock } = this.#parts;
    const isAsking = isToBeAsked(this.#cloud, clock.monoMs());
    if (isAsking) this.#cloud = asked(this.#cloud, clock.monoMs());
    const state: State = {
      v: WIRE_VERSION,
      siteId: site.siteId,
      connectionEpoch: this.#connectionEpoch,
      at: stamp(),
      connectors: [...this.#view],
      ...(isAsking ? { ask: true } : {}),
      ...(this.#isRemembered() ? { lifeId: this.#lifeId } : {}),
    };
    const topic = upTopic(site.shard, site.siteId, 'state');
    this.#session.publish(topic, payloadOf(encode(state), encodings));
  }

  /** Whether a process that comes after this one will know that it was welcomed. */
  #isRemembered(): boolean {
    try {
      return this.#parts.ledger.welcomedLifeId() === this.#lifeId;
    } catch (error) {
      if (isStoreError(error)) return false;
      throw error;
    }
  }

  #receive(topic: string, payload: Uint8Array): void {
    const parsed = parseDownTopic(topic);
    if (parsed === null) return;
    try {
      this.#handle(parsed.kind, payload);
      if (this.#isMeant && parsed.kind !== 'beat') this.#cloud = heard(this.#cloud, this.#parts.clock.monoMs());
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

  /** Before it is welcomed a box does nothing that the cloud says: it may be meant for another one. */
  #handle(kind: DownKind, payload: Uint8Array): void {
    switch (kind) {
      case 'hold': {
        const hold = decode(holdSchema, payload);
        if (hold.lifeId === this.#lifeId && hold.storeEpoch === this.#parts.ledger.storeEpoch) this.#hold(hold);
        return;
      }
      case 'welcome': {
        const welcome = decode(welcomeSchema, payload);
        if (welcome.connectionEpoch !== this.#connectionEpoch || welcome.storeEpoch !== this.#parts.ledger.storeEpoch)
          return;
        return this.#welcomed(welcome);
      }
      case 'beat':
        if (decode(beatSchema, payload).connectionEpoch === this.#connectionEpoch)
          this.#cloud = heard(this.#cloud, this.#parts.clock.monoMs());
        return;
      case 'ack': {
        const ack = decode(ackSchema, payload);
        if (!this.#isMeant) return;
        const isOurs = ack.stream === 'events' && ack.storeEpoch === this.#parts.ledger.storeEpoch;
        if (isOurs && ack.isCopy === true) return this.#beginEpoch('other records are known under its numbers');
        return this.#streams.acked(ack);
      }
      case 'command':
        if (!this.#isMeant) return;
        this.#intake.take(decode(commandSchema, payload));
        return this.poke();
      case 'cancel':
        if (!this.#isMeant) return;
        this.#intake.cancel(decode(cancelSchema, payload).commandId);
        return this.poke();
      case 'document':
        if (!this.#isMeant) return;
        return this.#parts.onDocument(decode(documentPushSchema, payload));
      case 'credential':
        return this.#login.granted(decode(credentialGrantSchema, payload));
      case 'diagnose':
        if (this.#isMeant) this.#parts.onDiagnose(decode(diagnoseSchema, payload));
        return;
      case 'nack': {
        const nack = decode(nackSchema, payload);
        if (nack.code === 'credential.refused' || nack.code === 'credential.kind') this.#login.refused();
        this.#parts.log.error(
          { code: nack.code, topic: nack.topic, detail: nack.detail },
          'the cloud could not read a message',
        );
      }
    }
  }

  /**
   * A cloud that has more of this store than the store itself knows another life of it: it was restored from a copy. To go on
   * would give new records the names of old ones, so it goes on under an epoch of its own, and says so.
   *
   * Nothing counts as told on the strength of a welcome: a copy that has worked on has other records under those numbers. Sent
   * again from our own cursor they are compared in the cloud. Of a store that is no copy only the batch comes twice whose
   * acknowledgement was lost.
   */
  #welcomed(welcome: Welcome): void {
    const { ledger, onDocumentKeys } = this.#parts;
    this.#hearTime(welcome);
    this.#held = null;
    this.#login.welcomed(welcome.serverWallMs);
    const pinned = this.#pinned();
    if (welcome.documentKeys !== undefined) onDocumentKeys(welcome.documentKeys);
    const headSeq = ledger.headSeq();
    const ahead = welcome.cursors.find(({ stream, ackedSeq }) => stream === 'events' && ackedSeq > headSeq);
    if (ahead !== undefined)
      return this.#beginEpoch(`it has ${headSeq} records, and the cloud knows ${ahead.ackedSeq}`);
    this.#remember();
    this.#isMeant = true;
    this.#cloud = welcomedBy(welcome.beats === true, this.#parts.clock.monoMs());
    this.#publishView(welcome.accepts?.encodings ?? []);
    this.#streams.welcomed(welcome);
    const hasTold = welcome.tellAgain !== undefined && this.#tellAgain(welcome.tellAgain);
    // What hello says of this site has changed, and the cloud acts by it.
    if (hasTold || this.#pinned() !== pinned) this.#greet();
  }

  #pinned = (): string => this.#parts.documentKeyIds().join();

  /** On a disk that takes nothing it is done after a later welcome. @returns whether anything has changed */
  #tellAgain(gap: Gap): boolean {
    const { ledger, stamp, log } = this.#parts;
    try {
      if (ledger.toldAgain() === gap.gapId) return false;
      ledger.tellAgain(gap, stamp());
    } catch (error) {
      if (!isStoreError(error)) throw error;
      log.error({ code: 'store.unavailable', reason: error.message }, 'records cannot be told again');
      return false;
    }
    log.error({ code: 'wire.gap', ...gap }, 'the cloud has lost records: what is still here is told again');
    this.poke();
    return true;
  }

  /** On a disk that takes nothing it is remembered at the next welcome. */
  #remember(): void {
    try {
      this.#parts.ledger.welcomedAs(this.#lifeId);
    } catch (error) {
      if (!isStoreError(error)) throw error;
      this.#parts.log.error({ code: 'store.unavailable', reason: error.message }, 'welcome cannot be remembered');
    }
  }

  /** The site goes on by itself; what it has to tell waits in the ledger. */
  #hold({ reason }: Hold): void {
    const { log } = this.#parts;
    if (this.#held !== reason) log.error({ code: 'wire.conflict', reason }, 'the cloud does not want to hear this box');
    this.#held = reason;
    this.#isMeant = false;
    if (reason === 'begin-epoch') this.#beginEpoch('the cloud has heard a later life of it');
    // Asked again from time to time: a person may have chosen this box.
    else if (this.state === 'open') this.#streams.connected();
  }

  /** What was put back from a copy, or copied, must not be mixed with what the cloud knows. The next tick says hello for the new epoch. */
  #beginEpoch(why: string): void {
    const { ledger, stamp, log } = this.#parts;
    const former = ledger.storeEpoch;
    ledger.beginEpoch(`The ledger is a copy of epoch ${former}: ${why}.`, stamp());
    log.error({ code: 'wire.conflict', why, former, storeEpoch: ledger.storeEpoch }, 'this store is a copy');
  }

  /** A welcome that does not say which hello it answers may be that of the first. */
  #hearTime({ serverWallMs, helloMonoMs }: Welcome): void {
    const { stamp, onCloudTime } = this.#parts;
    const askedMonoMs = helloMonoMs ?? this.#firstHelloMonoMs;
    if (askedMonoMs !== null) onCloudTime({ serverWallMs, askedMonoMs, heardMonoMs: stamp().monoMs });
  }
}
