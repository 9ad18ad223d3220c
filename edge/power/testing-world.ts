import { noInfluence } from '../control/influence.ts';
import type { Network, PerPhase } from './network.ts';
import { loadedCells } from './network.ts';
import { freshPower, meterRead, type PowerFacts, type PowerRound, type PowerState, round } from './round.ts';
import { type Outcome, WorldPile } from './testing-pile.ts';

export interface WorldOptions {
  readonly facts: PowerFacts;
  /** Piles that do not tell the limit in force. */
  readonly untold?: readonly string[];
}

/** What a measured current may be above what is allowed without counting. */
const SLACK_MA = 500;

/** Machines, piles, vehicles, a house and a grid meter; the truth beside what the rounds believe. */
export class World {
  readonly facts: PowerFacts;
  readonly piles: ReadonlyMap<string, WorldPile>;
  nowMs = 1_000_000;
  houseMa: PerPhase = [0, 0, 0];
  minute = 0;
  isClockTrusted = true;
  meter: { readonly kind: 'silent' | 'stuck'; readonly untilMs: number } | null = null;
  outcome: Outcome = 'taken';
  /** How often each connector was paused. */
  readonly pauses = new Map<string, number>();
  readonly told = new Map<string, number>();
  readonly violations: string[] = [];
  last: PowerRound | null = null;
  #state: PowerState;
  #registerWh = 0;
  #stuck: PerPhase = [0, 0, 0];

  constructor({ facts, untold = [] }: WorldOptions) {
    this.facts = facts;
    this.piles = new Map(
      facts.network.outlets.map(({ connectorId }, i) => [
        connectorId,
        new WorldPile(i + 1, this.nowMs, !untold.includes(connectorId)),
      ]),
    );
    this.#state = freshPower(facts, this.nowMs);
  }

  get network(): Network {
    return this.facts.network;
  }

  pile(name: string): WorldPile {
    const found = this.piles.get(name);
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  }

  pass(seconds: number, outcome: Outcome = 'taken'): this {
    for (let second = 0; second < seconds; second += 1) {
      this.nowMs += 1000;
      for (const pile of this.piles.values()) pile.second(this.nowMs, outcome);
      this.#readMeter();
      this.turn();
    }
    return this;
  }

  start(name: string): this {
    this.pile(name).start(this.nowMs);
    return this.turn();
  }

  /** The edge is killed, and is back after so long. */
  restart(downSeconds: number): this {
    for (const pile of this.piles.values()) pile.answer(this.nowMs, 'taken');
    for (let second = 0; second < downSeconds; second += 1) {
      this.nowMs += 1000;
      for (const pile of this.piles.values()) pile.alone(this.nowMs);
    }
    for (const pile of this.piles.values()) pile.restart(this.nowMs);
    this.#state = freshPower(this.facts, this.nowMs);
    this.told.clear();
    return this.turn();
  }

  #readMeter(): void {
    if (this.facts.grid === null) return;
    if (this.meter !== null && this.nowMs >= this.meter.untilMs) this.meter = null;
    if (this.meter?.kind === 'silent') return;
    const isStuck = this.meter?.kind === 'stuck';
    if (!isStuck) {
      this.#stuck = this.carried(this.facts.grid.node);
      this.#registerWh += 1;
    }
    const phasesMa = this.#stuck;
    const registeredMa = phasesMa[0] + phasesMa[1] + phasesMa[2];
    const told = JSON.stringify({ phasesMa, register: this.#registerWh });
    this.#state = meterRead(this.#state, { askedMonoMs: this.nowMs, phasesMa, told, registeredMa });
  }

  /** What truly flows below a node; the house hangs where the meter is. */
  carried(node: number): PerPhase {
    const of = (phase: 0 | 1 | 2) =>
      this.network.outlets.reduce(
        (sum, { connectorId, path, loads }) =>
          path.includes(node) && loads[phase] ? sum + this.pile(connectorId).flowMa(this.nowMs) : sum,
        this.facts.grid?.node === node ? this.houseMa[phase] : 0,
      );
    return [of(0), of(1), of(2)];
  }

  /** One round, and what it has to keep. */
  turn(): this {
    const made = round(this.facts, this.#state, {
      connectors: new Map([...this.piles].map(([name, { rig }]) => [name, rig.state])),
      nowMonoMs: this.nowMs,
      nowMs: this.nowMs,
      minuteOfDay: this.isClockTrusted ? () => this.minute : null,
    });
    this.#state = made.state;
    this.last = made;
    this.#checkBelief(made);
    this.#checkRaises(made);
    this.#checkFaults();
    this.#tell(made);
    return this;
  }

  #tell({ grants, demands }: PowerRound): void {
    for (const [name, { limitMa }] of grants) {
      const before = this.told.get(name) ?? null;
      if (before === limitMa) continue;
      if (before !== null && before > 0 && limitMa === 0 && demands.get(name)?.wants === 'charge')
        this.pauses.set(name, (this.pauses.get(name) ?? 0) + 1);
      this.told.set(name, limitMa);
      const pile = this.pile(name);
      pile.rig.monoMs = this.nowMs;
      pile.rig.send({ kind: 'influenced', influence: { ...noInfluence, grantMa: limitMa } });
    }
  }

  /** Nobody takes more than he counts with. */
  #checkBelief({ state }: PowerRound): void {
    for (const [name, pile] of this.piles) {
      const flowMa = pile.flowMa(this.nowMs);
      if (!pile.isUnseen && flowMa > (state.takes.get(name) ?? 0) + SLACK_MA)
        this.violations.push(`${name} takes ${flowMa}, counts with ${state.takes.get(name)} in ${pile.rig.phase}`);
    }
  }

  /** Nobody is stopped for following late what we have lowered. */
  #checkFaults(): void {
    for (const [name, { rig }] of this.piles) {
      const { phase, latched } = rig.state;
      const fault = phase.kind === 'stopping' ? phase.session.stop?.fault : null;
      if (fault === 'over-current' || fault === 'overload' || latched.includes('over-current'))
        this.violations.push(`${name} is stopped for ${fault}`);
    }
  }

  /** Who is granted more is so within every limit, with everybody taking what he may. */
  #checkRaises({ grants, limits, demands }: PowerRound): void {
    const raised = this.network.outlets.filter(({ connectorId }) => {
      const demand = demands.get(connectorId);
      // A charge that was found running has what it may take, and is offered nothing before its pile has been read.
      const hasMa = this.told.get(connectorId) ?? demand?.mayTakeMa ?? 0;
      return demand?.isFound !== true && (grants.get(connectorId)?.limitMa ?? 0) > hasMa;
    });
    for (const cell of new Set(raised.flatMap(loadedCells))) {
      const countMa = this.network.outlets.reduce((sum, outlet) => {
        const pile = this.pile(outlet.connectorId);
        const flowMa = pile.isUnseen ? 0 : pile.flowMa(this.nowMs);
        const mayMa = Math.max(grants.get(outlet.connectorId)?.limitMa ?? 0, flowMa - SLACK_MA);
        return loadedCells(outlet).includes(cell) ? sum + Math.ceil((mayMa * outlet.drawPermille) / 1000) : sum;
      }, 0);
      const limitMa = limits[cell]?.ma ?? 0;
      if (countMa > limitMa) this.violations.push(`cell ${cell} is granted ${countMa} of ${limitMa}`);
    }
  }
}
