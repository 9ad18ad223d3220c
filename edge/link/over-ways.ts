import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import { parseUpTopic } from '#shared/wire/topics.ts';
import type {
  BrokerListener,
  BrokerLogin,
  BrokerSession,
  BrokerSettings,
  OpenBrokerSession,
} from './broker-session.ts';
import { chooseWay, firstWay, type WayChoice, type WayEvent } from './way-choice.ts';

/** An address of the broker, and over which network it is reached. */
export interface BrokerWay {
  readonly url: string;
  /** An address of this box: connections begin there. Left out: the system decides. */
  readonly localAddress?: string | undefined;
}

export interface WaysParts {
  readonly clock: Pick<Clock, 'monoMs'>;
  readonly timers: Timers;
  readonly log: Logger;
  /** Another way is in use, counted from 0. */
  readonly onWay: (way: number) => void;
}

const TICK_MS = 1000;

/**
 * A session over the first of several ways that works: one connection at a time, under one name. While another than the first is
 * used, a trial connection over the first shows when that is good again; nothing is said on it and nothing heard.
 */
export function overWays(open: OpenBrokerSession, ways: readonly BrokerWay[], parts: WaysParts): OpenBrokerSession {
  const [only, ...others] = ways;
  if (others.length === 0) return (settings, listener) => open({ ...settings, ...only }, listener);
  return (settings, listener) => new SessionOverWays(open, ways, parts, settings, listener);
}

class SessionOverWays implements BrokerSession {
  readonly #open: OpenBrokerSession;
  readonly #ways: readonly BrokerWay[];
  readonly #parts: WaysParts;
  readonly #settings: BrokerSettings;
  readonly #listener: BrokerListener;
  #choice: WayChoice;
  #session: BrokerSession;
  #trial: BrokerSession | null = null;
  /** What the present session was last made with. */
  #login: BrokerLogin | null = null;
  #cancelTick: () => void = () => {};

  constructor(
    open: OpenBrokerSession,
    ways: readonly BrokerWay[],
    parts: WaysParts,
    settings: BrokerSettings,
    listener: BrokerListener,
  ) {
    this.#open = open;
    this.#ways = ways;
    this.#parts = parts;
    this.#settings = settings;
    this.#listener = listener;
    this.#choice = firstWay(parts.clock.monoMs());
    this.#session = this.#begin();
    this.#tick();
  }

  publish(topic: string, payload: string | Uint8Array): void {
    // Hello is what a cloud always answers.
    if (parseUpTopic(topic)?.kind === 'hello') this.#take('unheard');
    this.#session.publish(topic, payload);
  }

  reconnect(): void {
    this.#session.reconnect();
    this.#trial?.reconnect();
  }

  async close(): Promise<void> {
    this.#cancelTick();
    await Promise.all([this.#session.close(), this.#trial?.close()]);
  }

  #tick(): void {
    this.#take('tick');
    this.#cancelTick = this.#parts.timers.after(TICK_MS, () => this.#tick());
  }

  #take(event: WayEvent): void {
    const before = this.#choice.way;
    this.#choice = chooseWay(this.#choice, event, this.#ways.length, this.#parts.clock.monoMs());
    if (this.#choice.way !== before) this.#change();
  }

  #change(): void {
    const { log, onWay } = this.#parts;
    const { way } = this.#choice;
    log.warn({ way, url: this.#ways[way]?.url }, 'the cloud is looked for over another way');
    const former = this.#session;
    this.#session = this.#begin();
    void former.close();
    void this.#trial?.close();
    this.#trial = way === 0 ? null : this.#beginTrial();
    this.#listener.onDown('another way is taken');
    onWay(way);
  }

  #settingsOf(way: number): BrokerSettings {
    return { ...this.#settings, ...this.#ways[way] };
  }

  /** What a session says after another has taken its place is about nothing. */
  #begin(): BrokerSession {
    const isPresent = () => this.#session === session;
    const session: BrokerSession = this.#open(this.#settingsOf(this.#choice.way), {
      login: () => {
        this.#login = this.#listener.login();
        return this.#login;
      },
      will: () => this.#listener.will(),
      onUp: () => isPresent() && this.#listener.onUp(),
      onDown: (reason) => {
        if (!isPresent()) return;
        this.#take('unheard');
        if (isPresent()) this.#listener.onDown(reason);
      },
      onMessage: (topic, payload) => {
        if (!isPresent()) return;
        this.#take('heard');
        this.#listener.onMessage(topic, payload);
      },
    });
    return session;
  }

  #beginTrial(): BrokerSession {
    const isPresent = () => this.#trial === trial;
    const settings = { ...this.#settingsOf(0), clientId: `${this.#settings.clientId}/trial`, isTrial: true };
    const trial: BrokerSession = this.#open(settings, {
      // Asking for another one would count as a try of it.
      login: () => this.#login,
      will: () => ({ topic: '', payload: '' }),
      onUp: () => isPresent() && this.#take('trial-up'),
      onDown: () => isPresent() && this.#take('trial-down'),
      onMessage: () => {},
    });
    return trial;
  }
}
