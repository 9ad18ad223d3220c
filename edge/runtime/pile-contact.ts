import type { Logger } from 'pino';
import type { Clock } from '#shared/clock.ts';
import type { Priority } from '../bus/exchange.ts';
import { LineError } from '../bus/line-error.ts';
import type { Reading } from '../control/reading.ts';
import type { SetUpResult } from '../control/set-up.ts';
import type { MeterDriver, MeterLook } from '../devices/meter-driver.ts';
import { type PileDriver, SetupNotTaken } from '../devices/pile-driver.ts';
import { FEEDS_PER_TIMEOUT } from '../devices/profile/pile-profile.ts';
import type { Permit } from './permit.ts';

export interface PileContactParts {
  readonly driver: PileDriver;
  /** The meter that bills in place of the pile's own; null when there is none. */
  readonly meter: MeterDriver | null;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * How fresh the register must be. `at-once`: as the rest of the look, at the start of a charge and when it comes to rest;
 * `soon`: a slow meter is asked now, though it is not due, and the look does not wait for it.
 */
export type RegisterNeed = 'at-once' | 'soon' | 'when-due';

/** A pile that was away so long may have restarted, or be another one. */
const FORGOTTEN_AFTER_FAILURES = 3;
/** A pile that restarted in a blink, between two polls, is found out by then. */
const PROVE_EVERY_MS = 60_000;
/** A pile that does not take its set-up is not written to all the time. */
const SET_UP_AGAIN_AFTER_MS = 30_000;
/** From the command to restart until a pile does; one that answers after it is set up anew. */
const RESTARTS_WITHIN_MS = 10_000;

/** What must be done to stay on speaking terms with a pile: who it is, its set-up, its watchdog. It decides nothing. */
export class PileContact {
  readonly #parts: PileContactParts;
  #failures = 0;
  #permitsDenied = 0;
  #setUp: SetUpResult = 'missing';
  #provenMonoMs = 0;
  #setUpFromMonoMs = 0;
  #fedMonoMs = Number.NEGATIVE_INFINITY;
  /** The meter is being read; what it has told since the last look. */
  #metering: Promise<void> | null = null;
  #metered: MeterLook | null = null;
  #meterDueMonoMs = 0;

  constructor(parts: PileContactParts) {
    this.#parts = parts;
  }

  /** How often a feed was due and there was no permit, since the process began. */
  get permitsDenied(): number {
    return this.#permitsDenied;
  }

  /**
   * One look at pile and meter. A slow meter does not slow the pile's safety down: where it need not be waited for, the
   * look carries what the meter has told since the last one, or no energy. A meter that is silent leaves the energy
   * unknown and nothing else.
   *
   * @throws LineError
   */
  async look(priority: Priority, need: RegisterNeed): Promise<Reading> {
    const { driver, meter } = this.#parts;
    if (meter === null) return driver.read(priority);
    const mustWait = need === 'at-once' || !this.#measuresCurrent;
    if (mustWait) {
      await this.#metering;
      this.#metered = null;
    }
    if (mustWait || need === 'soon' || this.#parts.clock.monoMs() >= this.#meterDueMonoMs) this.#meterOnce(meter);
    const reading = await driver.read(priority);
    if (mustWait) await this.#metering;
    const metered = this.#metered;
    this.#metered = null;
    return {
      ...reading,
      registerWh: metered?.registerWh ?? null,
      meterId: metered?.meterId ?? null,
      powerW: reading.powerW ?? metered?.powerW ?? null,
      voltageMv: reading.voltageMv ?? metered?.voltageMv ?? null,
      currentMa: this.#measuresCurrent ? reading.currentMa : (metered?.currentMa ?? null),
      phasesMa: this.#measuresCurrent ? (reading.phasesMa ?? null) : (metered?.phasesMa ?? null),
    };
  }

  /** Of a pile that does not, the meter's currents are what proves that it is off: they are waited for. */
  get #measuresCurrent(): boolean {
    return this.#parts.driver.profile.measures.currents.length > 0;
  }

  #meterOnce(meter: MeterDriver): void {
    if (this.#metering !== null) return;
    this.#meterDueMonoMs = this.#parts.clock.monoMs() + meter.pollMs;
    this.#metering = this.#readMeter(meter).finally(() => {
      this.#metering = null;
    });
  }

  async #readMeter(meter: MeterDriver): Promise<void> {
    try {
      this.#metered = await meter.read();
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      meter.forget();
    }
  }

  /**
   * Set-up is written at the first contact, and again after the pile was away; that it is still there is looked at now
   * and then. Only a pile that reads it back has a watchdog that can be relied on.
   */
  async keepSetUp(): Promise<SetUpResult> {
    const { clock } = this.#parts;
    // One that is found lost is said to be, before it is written again: the pile may have restarted.
    if (this.#setUp === 'taken' && clock.monoMs() - this.#provenMonoMs >= PROVE_EVERY_MS)
      await this.#prove(() => this.#parts.driver.prove('poll'));
    else if (this.#setUp !== 'taken' && clock.monoMs() >= this.#setUpFromMonoMs)
      await this.#prove(() => this.#parts.driver.setUp());
    return this.#setUp;
  }

  async #prove(attempt: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#parts;
    const before = this.#setUp;
    try {
      await attempt();
      this.#setUp = 'taken';
      this.#provenMonoMs = clock.monoMs();
      if (before !== 'taken') this.#fedMonoMs = clock.monoMs();
      if (before !== 'taken') log.info({ profileId: this.#parts.driver.profile.profileId }, 'pile is set up');
    } catch (error) {
      if (!(error instanceof LineError || error instanceof SetupNotTaken)) throw error;
      this.#notProven(error);
    }
  }

  #notProven(error: LineError | SetupNotTaken): void {
    const { clock, log } = this.#parts;
    const isRefused = error instanceof SetupNotTaken || error.failure === 'exception';
    if (this.#setUp === 'taken') {
      // Without an answer nothing has been found out, and the next look asks again.
      if (!isRefused) return;
      this.#setUp = 'missing';
      return log.warn({ detail: error.message }, 'pile has lost its set-up');
    }
    this.#setUp = isRefused ? 'refused' : 'missing';
    this.#setUpFromMonoMs = clock.monoMs() + (isRefused ? SET_UP_AGAIN_AFTER_MS : 0);
    if (isRefused) log.error({ code: 'pile.setup_not_taken', detail: error.message }, 'pile does not take its set-up');
  }

  /** The pile has been told to restart. It goes down in its own time: what is written before that would be lost. */
  restarts(): void {
    this.#parts.driver.forget();
    this.#setUp = 'missing';
    this.#setUpFromMonoMs = this.#parts.clock.monoMs() + RESTARTS_WITHIN_MS;
  }

  /** Something looks as if the pile had restarted: its set-up is proven at the next look. */
  suspect(): void {
    this.#provenMonoMs = Number.NEGATIVE_INFINITY;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** A look has failed. Returns whether the set-up can still be relied on. */
  failed(error: LineError): SetUpResult {
    const { driver, log } = this.#parts;
    this.#failures += 1;
    // Whatever made it miss a poll may have been a restart.
    this.suspect();
    if (this.#failures !== FORGOTTEN_AFTER_FAILURES) return this.#setUp;
    driver.forget();
    this.#setUp = 'missing';
    this.#setUpFromMonoMs = 0;
    log.warn({ failure: error.failure, detail: error.message }, 'pile does not answer');
    return this.#setUp;
  }

  /** Feeds the watchdog where reading does not, when it is due and only under a valid permit. */
  async feed(permit: Permit, isCharging: boolean): Promise<void> {
    const { driver, clock, log } = this.#parts;
    const { watchdog, timing } = driver.profile;
    if (watchdog?.feed === undefined || this.#setUp !== 'taken') return;
    const nowMs = clock.monoMs();
    const isDue = nowMs - this.#fedMonoMs >= watchdog.timeoutMs / FEEDS_PER_TIMEOUT - timing.pollMs;
    if (!isDue) return;
    if (!permit.isValid(nowMs)) {
      this.#permitsDenied += 1;
      return;
    }
    try {
      await driver.feedWatchdog(isCharging);
      this.#fedMonoMs = nowMs;
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      log.warn({ failure: error.failure, detail: error.message }, 'watchdog could not be fed');
    }
  }
}
