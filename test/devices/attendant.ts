import { pino } from 'pino';
import { LineError } from '../../edge/bus/line-error.ts';
import type { Reading } from '../../edge/control/reading.ts';
import type { PileDriver } from '../../edge/devices/pile-driver.ts';
import { Permit } from '../../edge/runtime/permit.ts';
import { PileContact } from '../../edge/runtime/pile-contact.ts';
import type { SimulatedSite } from './simulated-site.ts';

const PERMIT_POLLS = 3;

/** Looks after a pile as the edge's runtime does, but decides nothing: polls it, keeps its set-up, feeds its watchdog. */
export class Attendant {
  /** A charge is meant to be running. */
  isCharging = false;
  /** The last look; null when it failed. */
  reading: Reading | null = null;
  readonly #site: SimulatedSite;
  readonly #driver: PileDriver;
  readonly #contact: PileContact;
  readonly #permit: Permit;

  constructor(site: SimulatedSite, driver: PileDriver) {
    this.#site = site;
    this.#driver = driver;
    const log = pino({ level: 'silent' });
    this.#contact = new PileContact({ driver, meter: null, clock: site.time, log });
    this.#permit = new Permit(PERMIT_POLLS * driver.profile.timing.pollMs);
  }

  /** Starts at `limitMa` and tends until the current is steady. */
  async start(limitMa: number): Promise<void> {
    this.isCharging = true;
    await this.#site.during(this.#driver.command('start', limitMa));
    await this.tend(10_000);
  }

  /** Stops and tends until a contactor has opened by the slowest way that IEC 61851-1 leaves it. */
  async stop(how: 'softStop' | 'hardStop'): Promise<void> {
    this.isCharging = false;
    await this.#site.during(this.#driver.command(how, null));
    await this.tend(8000);
  }

  /** Tends for a while. `onTurn` sees every look. */
  async tend(ms: number, onTurn: () => void = () => {}): Promise<void> {
    const { time } = this.#site;
    const untilMonoMs = time.monoMs() + ms;
    while (time.monoMs() < untilMonoMs) {
      const startedMonoMs = time.monoMs();
      await this.#site.during(this.#turn());
      onTurn();
      await time.pass(Math.max(0, startedMonoMs + this.#driver.profile.timing.pollMs - time.monoMs()));
    }
  }

  async #turn(): Promise<void> {
    try {
      this.reading = await this.#contact.look('poll', 'at-once');
      await this.#contact.keepSetUp();
      this.#contact.succeeded();
      this.#permit.renew(this.#site.time.monoMs());
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      this.reading = null;
      this.#contact.failed(error);
    }
    await this.#contact.feed(this.#permit, this.isCharging);
  }
}
