import type { BootClock } from '#shared/stamp.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import {
  beginJudgement,
  type ClockJudgement,
  type CloudTime,
  correctionOf,
  hearCloud,
  type LastTrusted,
  lookAtOs,
  type OsLook,
  wantsCloud,
} from './clock-judge.ts';

export interface ClockWatchParts {
  readonly bootId: string;
  readonly lastTrusted: LastTrusted | null;
  readonly look: () => OsLook;
  /** Stamps are made with this from here on. */
  readonly onKnown: (clock: BootClock) => void;
  /** What was stamped in this boot with a worse clock reads differently. */
  readonly onCorrected: (record: RecordOf<'clock.corrected'>) => void;
}

/** Keeps the judgement of this boot's clock, and tells whenever it changes. */
export class ClockWatch {
  readonly #parts: ClockWatchParts;
  #judgement: ClockJudgement;
  #askedMonoMs: number | null = null;

  constructor(parts: ClockWatchParts) {
    this.#parts = parts;
    this.#judgement = beginJudgement(parts.look(), parts.bootId, parts.lastTrusted);
    parts.onKnown(this.known);
  }

  get known(): BootClock {
    const { offsetMs, quality } = this.#judgement;
    return { bootId: this.#parts.bootId, offsetMs, quality };
  }

  /** Looks at the operating system's clock. Called once a second. @returns whether the cloud should be asked for its time */
  tick(): boolean {
    const look = this.#parts.look();
    this.#take(lookAtOs(this.#judgement, look));
    return wantsCloud(this.#judgement, this.#askedMonoMs, look.monoMs);
  }

  /** The cloud is being asked. */
  asked(): void {
    this.#askedMonoMs = this.#parts.look().monoMs;
  }

  /** @returns whether the cloud has told its time well enough to go by it */
  hear(told: CloudTime): boolean {
    const before = this.#judgement;
    this.#take(hearCloud(before, told));
    return this.#judgement !== before;
  }

  #take(after: ClockJudgement): void {
    const before = this.#judgement;
    this.#judgement = after;
    if (after.offsetMs === before.offsetMs && after.quality === before.quality) return;
    const { bootId, onKnown, onCorrected } = this.#parts;
    onKnown(this.known);
    const correctionMs = correctionOf(before, after);
    const { offsetMs, quality } = after;
    if (correctionMs === null || quality === 'none') return;
    onCorrected({ kind: 'clock.corrected', bootId, offsetMs, correctionMs, quality });
  }
}
