import type { BootClock, Stamp } from '#shared/stamp.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import { ClockWatch } from '../../edge/time/clock-watch.ts';

/** The clock of a box whose crystal runs fast, through its boots. Between them its battery keeps the wall time, as wrong as it is. */
export class DriftingClock {
  readonly corrections: RecordOf<'clock.corrected'>[] = [];
  readonly #ppm: number;
  readonly #sinceMs: number;
  readonly #now: () => number;
  #bootedMs: number;
  #boots = 0;
  #watch: ClockWatch;
  #known: BootClock | null = null;
  #hasSynchronised = true;
  #lastTrustedMs: number;

  /** @param now the true time; the clock is right, and known to be, at the first look */
  constructor(ppm: number, now: () => number) {
    this.#ppm = ppm;
    this.#now = now;
    this.#sinceMs = now();
    this.#bootedMs = now();
    this.#lastTrustedMs = now();
    this.#watch = this.#boot();
  }

  #boot(): ClockWatch {
    this.#boots += 1;
    const bootId = `00000000-0000-4000-9000-${String(this.#boots).padStart(12, '0')}`;
    return new ClockWatch({
      bootId,
      lastTrusted: { wallMs: this.#lastTrustedMs, boot: null },
      look: () => ({
        wallMs: this.wallMs(),
        monoMs: this.monoMs(),
        syncMark: this.#hasSynchronised ? this.#sinceMs : null,
      }),
      onKnown: (clock) => {
        this.#known = clock;
      },
      onCorrected: (record) => void this.corrections.push(record),
    });
  }

  /** The power goes and comes back: nobody has synchronised the clock since. */
  reboot(): void {
    this.#bootedMs = this.#now();
    this.#hasSynchronised = false;
    this.#watch = this.#boot();
  }

  /** How far the wall clock is ahead of the truth. */
  get driftMs(): number {
    return this.wallMs() - this.#now();
  }

  wallMs(): number {
    return Math.round(this.#now() + ((this.#now() - this.#sinceMs) * this.#ppm) / 1_000_000);
  }

  monoMs(): number {
    const upMs = this.#now() - this.#bootedMs;
    return 60_000 + Math.round(upMs + (upMs * this.#ppm) / 1_000_000);
  }

  stamp(): Stamp {
    if (this.#known === null) throw new Error('the clock has not been looked at');
    const { bootId, offsetMs, quality } = this.#known;
    const monoMs = this.monoMs();
    if (quality === 'trusted') this.#lastTrustedMs = monoMs + offsetMs;
    return { wallMs: monoMs + offsetMs, monoMs, bootId, clock: quality };
  }

  tick(): BootClock {
    this.#watch.tick();
    return this.#watch.known;
  }

  /** The cloud says what time it is. */
  hearCloud(): BootClock {
    const heardMonoMs = this.monoMs();
    this.#watch.hear({ serverWallMs: this.#now(), askedMonoMs: heardMonoMs - 50, heardMonoMs });
    return this.#watch.known;
  }
}
