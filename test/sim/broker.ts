import type { Dice } from './dice.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';
import { Lane, type Wire } from './wire.ts';

export type Payload = string | Uint8Array;

export interface BrokerClient {
  readonly clientId: string;
  readonly wire: Wire;
  readonly will: { readonly topic: string; readonly payload: Payload } | null;
  readonly wants: (topic: string) => boolean;
  readonly onMessage: (topic: string, payload: Uint8Array) => void;
  /** The connection is broken, and the client has noticed. */
  readonly onGone: (reason: string) => void;
}

export interface BrokerConnection {
  /** @param onTaken the broker has it: for QoS 1 */
  publish(topic: string, payload: Payload, onTaken?: () => void): void;
  /** The client's process has ended. @param silently the power is gone: nobody says that the connection is */
  drop(silently: boolean): void;
}

interface Open {
  readonly client: BrokerClient;
  readonly toBroker: Lane;
  readonly toClient: Lane;
  isOpen: boolean;
}

/** One and a half of the keep-alive of 10 s. */
const NOTICED_AFTER_MS = 15_000;

const bytesOf = (payload: Payload): Uint8Array => (typeof payload === 'string' ? Buffer.from(payload) : payload);

/** An MQTT broker with clean sessions: it keeps nothing for anybody, and forgets everything when it ends. */
export class SimBroker {
  readonly #scheduler: Scheduler;
  readonly #dice: Dice;
  readonly #trace: Trace;
  readonly #connections = new Map<string, Open>();
  #isRunning = true;

  constructor(scheduler: Scheduler, dice: Dice, trace: Trace) {
    this.#scheduler = scheduler;
    this.#dice = dice;
    this.#trace = trace;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Null when the broker cannot be reached. */
  connect(client: BrokerClient): BrokerConnection | null {
    const { wire, clientId } = client;
    if (!this.#isRunning || !wire.up.isOpen || !wire.down.isOpen) return null;
    const before = this.#connections.get(clientId);
    if (before !== undefined) this.#lose(before, 'another has its name');
    const open: Open = {
      client,
      toBroker: new Lane(this.#scheduler, this.#dice, wire.up),
      toClient: new Lane(this.#scheduler, this.#dice, wire.down),
      isOpen: true,
    };
    this.#connections.set(clientId, open);
    this.#watch(open);
    return {
      publish: (topic, payload, onTaken) => this.#publish(open, topic, bytesOf(payload), onTaken ?? null),
      drop: (silently) => this.#dropped(open, silently),
    };
  }

  #publish(from: Open, topic: string, payload: Uint8Array, onTaken: (() => void) | null): void {
    if (!from.isOpen) return;
    from.toBroker.send(() => {
      if (!from.isOpen) return;
      this.#route(topic, payload);
      if (onTaken !== null) from.toClient.send(() => from.isOpen && onTaken());
    });
  }

  #route(topic: string, payload: Uint8Array): void {
    for (const to of this.#connections.values()) {
      if (!to.client.wants(topic)) continue;
      to.toClient.send(() => to.isOpen && to.client.onMessage(topic, payload));
    }
  }

  /** Breaks a connection that nothing can come over, when its keep-alive has run out. */
  #watch(open: Open): void {
    let closedMs = 0;
    const everyMs = 5000;
    const look = () => {
      if (!open.isOpen) return;
      const { up, down } = open.client.wire;
      closedMs = up.isOpen && down.isOpen ? 0 : closedMs + everyMs;
      if (closedMs < NOTICED_AFTER_MS) return void this.#scheduler.after(everyMs, look);
      this.#lose(open, 'keep-alive');
      open.client.onGone('keep-alive');
    };
    this.#scheduler.after(everyMs, look);
  }

  #lose(open: Open, why: string): void {
    if (!open.isOpen) return;
    open.isOpen = false;
    const { clientId, will } = open.client;
    if (this.#connections.get(clientId) === open) this.#connections.delete(clientId);
    this.#trace.note('broker', `loses ${clientId}: ${why}`);
    if (will !== null) this.#route(will.topic, bytesOf(will.payload));
  }

  #dropped(open: Open, silently: boolean): void {
    this.#scheduler.after(silently ? NOTICED_AFTER_MS : 10, () => this.#lose(open, 'its process has ended'));
  }

  /** Breaks one connection; both ends notice. */
  breakOff(clientId: string): void {
    const open = this.#connections.get(clientId);
    if (open === undefined) return;
    this.#lose(open, 'reset');
    open.client.onGone('reset');
  }

  /** It ends, and with it everything in it: nobody's will is spoken. */
  crash(): void {
    this.#isRunning = false;
    const connections = [...this.#connections.values()];
    this.#connections.clear();
    for (const open of connections) {
      open.isOpen = false;
      this.#scheduler.after(this.#dice.between(0, 2000), () => open.client.onGone('broker has ended'));
    }
  }

  start(): void {
    this.#isRunning = true;
  }
}
