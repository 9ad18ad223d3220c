import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { ConnectorState } from '../control/connector.ts';
import { type Influence, noInfluence } from '../control/influence.ts';
import { textOfBecause } from '../power/because-text.ts';
import { freshPower, meterRead, type PowerFacts, type PowerRound, type PowerState, round } from '../power/round.ts';
import type { GridMeterLoop } from './grid-meter-loop.ts';
import { type PowerView, powerViewOf, roundForLog } from './power-view.ts';

export interface SitePowerParts {
  readonly facts: PowerFacts;
  /** The zone's minute of the day; null where no limit depends on it. */
  readonly minuteOfDay: ((atMs: number) => number) | null;
  /** Null: the site has no grid meter. */
  readonly meter: GridMeterLoop | null;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly stamp: () => Stamp;
  readonly log: Logger;
  readonly connectors: () => ReadonlyMap<string, ConnectorState>;
  readonly onInfluence: (connectorId: string, influence: Influence) => void;
  /** The grid meter cannot be relied on any more. */
  readonly onMeterLost: (detail: string) => void;
}

const TURN_EVERY_MS = 1000;
/** What a change was decided from is long: it is logged at the first change of each minute. */
const WHOLE_EVERY_MS = 60_000;

/** Shares the supply between the piles: a round every second, and at once when something has changed. */
export class SitePower {
  readonly #parts: SitePowerParts;
  #state: PowerState;
  #last: PowerRound | null = null;
  /** What each connector has been told. */
  readonly #told = new Map<string, number>();
  #wholeMonoMs = Number.NEGATIVE_INFINITY;
  #isDue = false;
  #isOver = false;
  #cancelTurn: () => void = () => {};

  constructor(parts: SitePowerParts) {
    this.#parts = parts;
    this.#state = freshPower(parts.facts, parts.clock.monoMs());
  }

  /** Before any connector is driven: nothing is offered without a share. */
  start(): void {
    this.#state = freshPower(this.#parts.facts, this.#parts.clock.monoMs());
    this.#everySecond();
    this.#parts.meter?.start((look) => {
      this.#state = meterRead(this.#state, look);
      this.wake();
    });
  }

  async close(): Promise<void> {
    this.#isOver = true;
    this.#cancelTurn();
    await this.#parts.meter?.stop();
  }

  /** Something has changed: a round is made when what is under way has ended. */
  wake(): void {
    if (this.#isDue || this.#isOver) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      if (!this.#isOver) this.#turn();
    });
  }

  view(): PowerView | null {
    return this.#last === null
      ? null
      : powerViewOf(this.#parts.facts, this.#last, this.#told, this.#parts.clock.monoMs());
  }

  #everySecond(): void {
    this.#turn();
    this.#cancelTurn = this.#parts.timers.after(TURN_EVERY_MS, () => this.#everySecond());
  }

  #turn(): void {
    const { facts, stamp, clock, connectors, minuteOfDay } = this.#parts;
    const now = stamp();
    const nowMonoMs = clock.monoMs();
    const made = round(facts, this.#state, {
      connectors: connectors(),
      nowMonoMs,
      nowMs: now.wallMs,
      minuteOfDay: now.clock === 'trusted' ? minuteOfDay : null,
    });
    const before = this.#state;
    this.#state = made.state;
    this.#last = made;
    this.#tellMeter(before, made.state);
    this.#tell(before, made, nowMonoMs);
  }

  /** What is lowered is told first. */
  #tell(before: PowerState, made: PowerRound, nowMonoMs: number): void {
    const { facts, onInfluence, log } = this.#parts;
    const changes = [...made.grants]
      .map(([connectorId, { limitMa, because }]) => ({
        connectorId,
        fromMa: this.#told.get(connectorId) ?? null,
        toMa: limitMa,
        because,
      }))
      .filter(({ fromMa, toMa }) => fromMa !== toMa)
      .sort((a, b) => a.toMa - (a.fromMa ?? 0) - (b.toMa - (b.fromMa ?? 0)));
    if (changes.length === 0) return;
    const isWhole = nowMonoMs - this.#wholeMonoMs >= WHOLE_EVERY_MS;
    if (isWhole) this.#wholeMonoMs = nowMonoMs;
    log.info(
      {
        changes: changes.map(({ because, ...change }) => ({
          ...change,
          because: textOfBecause(because, facts.network, made.limits, nowMonoMs),
        })),
        ...(isWhole ? roundForLog(facts, before, made, nowMonoMs) : {}),
      },
      'the supply is shared anew',
    );
    for (const { connectorId, toMa } of changes) this.#told.set(connectorId, toMa);
    for (const { connectorId, toMa } of changes) onInfluence(connectorId, { ...noInfluence, grantMa: toMa });
  }

  #tellMeter(before: PowerState, after: PowerState): void {
    const { log, onMeterLost } = this.#parts;
    const lost = after.grid?.lost ?? null;
    const wasLost = before.grid?.lost ?? null;
    if (lost !== null && wasLost === null) onMeterLost(lost);
    if (lost === null && wasLost !== null) log.info('the grid meter can be relied on again');
  }
}
