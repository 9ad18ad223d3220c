import type { Order } from '../control/connector.ts';
import type { Reading } from '../control/reading.ts';
import { charging, plugged, Rig, type RigOptions, startCommand, stopCommand, uuid } from '../control/testing.ts';

export type Outcome = 'taken' | 'refused' | 'unheard';

const FOLLOWS_WITHIN_MS = 5000;
const WATCHDOG_MS = 15_000;

/** A connector's machine with a pile and a vehicle that takes all it may for as long as it may. */
export class WorldPile {
  rig: Rig;
  isPlugged = true;
  /** It answers nothing: `deaf` does not hear either. */
  silence: { readonly kind: 'deaf' | 'mute'; readonly untilMs: number } | null = null;
  refusesUntilMs = 0;
  /** Its vehicle takes so much whatever it is told. */
  insistsMa = 0;
  /** It began to deliver by itself, and nobody has seen it yet. */
  isUnseen = false;
  readonly #tellsLimit: boolean;
  #registerMa = 0;
  #heardMs: number;
  /** What the vehicle may still take by what was in force before. */
  #follows: { readonly ma: number; readonly untilMs: number }[] = [];
  #taken = 0;
  #session: RigOptions['session'] = null;
  #commands = 0;
  readonly #name: number;

  constructor(name: number, monoMs: number, tellsLimit: boolean) {
    this.#name = name;
    this.#tellsLimit = tellsLimit;
    this.#heardMs = monoMs;
    this.rig = new Rig({ monoMs });
  }

  /** What may flow, and does. */
  flowMa(nowMs: number): number {
    const following = this.#follows.filter(({ untilMs }) => untilMs > nowMs).map(({ ma }) => ma);
    return this.isPlugged ? Math.max(this.#offersMa, ...following, this.insistsMa) : 0;
  }

  get #offersMa(): number {
    return this.#registerMa >= 6000 ? this.#registerMa : 0;
  }

  start(nowMs: number): void {
    this.#commands += 1;
    this.rig.wallMs += nowMs - this.rig.monoMs;
    this.rig.monoMs = nowMs;
    const commandId = uuid(1000 * this.#name + this.#commands);
    this.rig.command(startCommand({ commandId, issuedAtMs: this.rig.wallMs, expiresAtMs: this.rig.wallMs + 60_000 }));
  }

  stop(nowMs: number): void {
    const { phase } = this.rig.state;
    if (!('session' in phase)) return;
    this.rig.monoMs = nowMs;
    this.rig.command(stopCommand(phase.session.sessionId));
  }

  /** It delivers by itself. */
  stray(nowMs: number): void {
    if (this.rig.phase !== 'idle' || !this.isPlugged) return;
    this.#set(16_000, nowMs);
    this.isUnseen = true;
  }

  /** The gun is plugged in or out. A pile that was never disarmed delivers at once, and nobody has seen that yet. */
  plug(): void {
    this.isPlugged = !this.isPlugged;
    if (this.isPlugged && this.#offersMa > 0) this.isUnseen = true;
  }

  /** The edge has been killed and comes back with what is on the disk. */
  restart(nowMs: number): void {
    this.#take();
    this.rig = new Rig({ session: this.#session ?? null, monoMs: nowMs, wallMs: this.rig.wallMs });
    this.#taken = 0;
  }

  /** One second of its life: what was told arrives or does not, its watchdog runs, it is read. */
  second(nowMs: number, outcome: Outcome): void {
    this.rig.wallMs += nowMs - this.rig.monoMs;
    this.rig.monoMs = nowMs;
    if (this.silence !== null && nowMs >= this.silence.untilMs) this.silence = null;
    this.answer(nowMs, outcome);
    if (this.silence?.kind !== 'deaf') this.#heardMs = nowMs;
    else if (nowMs - this.#heardMs >= WATCHDOG_MS) this.#set(0, nowMs);
    if (this.silence !== null) this.rig.lose();
    else {
      this.isUnseen = false;
      this.rig.see(this.#shown(nowMs));
    }
    this.answer(nowMs, outcome);
  }

  /** While the edge is down only its watchdog runs. */
  alone(nowMs: number): void {
    if (nowMs - this.#heardMs >= WATCHDOG_MS) this.#set(0, nowMs);
  }

  #shown(nowMs: number): Reading {
    const flowMa = this.flowMa(nowMs);
    const registerWh = (this.rig.state.reading?.registerWh ?? 50_000) + (flowMa > 0 ? 2 : 0);
    const setpointMa = this.#tellsLimit ? this.#registerMa : null;
    if (!this.isPlugged) return { ...plugged, status: 'unplugged', registerWh, setpointMa };
    const shown = flowMa > 0 ? { ...charging, currentMa: flowMa, powerW: null } : plugged;
    return { ...shown, phasesMa: [flowMa, flowMa, flowMa], registerWh, setpointMa };
  }

  /** Carries out what the machine has ordered since. */
  answer(nowMs: number, outcome: Outcome): void {
    for (let orders = this.#take(); orders.length > 0; orders = this.#take()) {
      const offers = orders.filter(isOffer);
      for (const order of orders) {
        if (order.kind === 'commit' && order.answer !== null)
          this.rig.send({ kind: 'durable', sessionId: order.answer });
        if (order.kind !== 'write') continue;
        if (isOffer(order) && order !== offers.at(-1)) this.rig.send({ kind: 'superseded', write: order.write });
        else this.#write(order, nowMs, outcome);
      }
      if ('session' in this.rig.state.phase) this.rig.acknowledge();
    }
  }

  #write(order: Extract<Order, { kind: 'write' }>, nowMs: number, outcome: Outcome): void {
    const isLost = this.silence?.kind === 'deaf' || nowMs < this.refusesUntilMs || outcome === 'refused';
    const isUnheard = this.silence?.kind === 'mute' || outcome === 'unheard';
    if (!isLost) this.#set(isOffer(order) ? order.limitMa : 0, nowMs);
    const kind = isLost || isUnheard ? 'write-failed' : 'written';
    if (isOffer(order)) this.rig.send({ kind, write: order.write, limitMa: order.limitMa });
    else if (order.write === 'softStop' || order.write === 'hardStop') this.rig.send({ kind, write: order.write });
  }

  #set(limitMa: number, nowMs: number): void {
    const beforeMa = this.#offersMa;
    this.#registerMa = limitMa;
    if (this.#offersMa < beforeMa) this.#follows.push({ ma: beforeMa, untilMs: nowMs + FOLLOWS_WITHIN_MS });
  }

  /** What has been ordered since the last time; what was to be stored is. */
  #take(): Order[] {
    const orders = this.rig.orders.slice(this.#taken);
    this.#taken = this.rig.orders.length;
    for (const order of orders) {
      if (order.kind !== 'commit' || order.transaction.session == null) continue;
      const { session, open } = order.transaction.session;
      this.#session = open ? JSON.parse(JSON.stringify(session)) : null;
    }
    return orders;
  }
}

type Offering = Extract<Order, { kind: 'write' }> & { readonly write: 'start' | 'limit'; readonly limitMa: number };
const isOffer = (order: Order): order is Offering =>
  order.kind === 'write' && (order.write === 'start' || order.write === 'limit') && order.limitMa !== null;
