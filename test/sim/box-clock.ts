import type { Clock } from '#shared/clock.ts';
import type { OsLook } from '../../edge/time/clock-judge.ts';
import type { Dice } from './dice.ts';
import type { Scheduler } from './scheduler.ts';

const NTP_SYNCHRONISES_WITHIN_MS = 300_000;

/** The clocks of one box: a crystal that is a little wrong, a wall clock that anybody may set, and NTP where there is any. */
export class BoxClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #dice: Dice;
  readonly #ppm: number;
  readonly #hasNtp: boolean;
  #bootedMs: number;
  #wrongByMs = 0;
  #syncMark: number | null = null;
  bootId: string;

  constructor(scheduler: Scheduler, dice: Dice) {
    this.#scheduler = scheduler;
    this.#dice = dice;
    this.#ppm = dice.between(-60, 60);
    this.#hasNtp = dice.chance(0.7);
    this.#bootedMs = scheduler.nowMs;
    this.bootId = dice.uuid();
    this.#synchroniseSoon();
  }

  readonly monoMs = (): number => {
    const upMs = this.#scheduler.nowMs - this.#bootedMs;
    return 10_000 + upMs + (upMs * this.#ppm) / 1_000_000;
  };

  readonly wallMs = (): number => Math.round(this.#scheduler.nowMs + this.#wrongByMs);

  look(): OsLook {
    return { wallMs: this.wallMs(), monoMs: this.monoMs(), syncMark: this.#syncMark };
  }

  /** Somebody, or something, sets the wall clock. */
  jump(byMs: number): void {
    this.#wrongByMs += byMs;
    this.#synchroniseSoon();
  }

  /** The power has come back. @param hasLostTime the battery of its clock is empty */
  reboot(hasLostTime: boolean): void {
    this.#bootedMs = this.#scheduler.nowMs;
    this.bootId = this.#dice.uuid();
    this.#syncMark = null;
    if (hasLostTime) this.#wrongByMs = Date.UTC(2026, 1, 1) - this.#scheduler.nowMs;
    this.#synchroniseSoon();
  }

  /** NTP sets it right, some time later. */
  #synchroniseSoon(): void {
    if (!this.#hasNtp) return;
    const { bootId } = this;
    this.#scheduler.after(this.#dice.between(5000, NTP_SYNCHRONISES_WITHIN_MS), () => {
      if (bootId !== this.bootId) return;
      this.#wrongByMs = this.#dice.between(-200, 200);
      this.#syncMark = this.wallMs();
    });
  }
}
