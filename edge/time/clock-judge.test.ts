import { describe, expect, test } from 'vitest';
import {
  beginJudgement,
  type ClockJudgement,
  correctionOf,
  hearCloud,
  type LastTrusted,
  lookAtOs,
  wantsCloud,
} from './clock-judge.ts';

const BOOT = '00000000-0000-4000-8000-000000000900';
const EARLIER_BOOT = '00000000-0000-4000-8000-000000000899';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;
/** The true moment at which this boot began. */
const BEGAN_MS = Date.UTC(2026, 10, 20, 8);
const UP_MS = 60_000;

/** A box with a true time, a system clock that may be wrong, and a judge. */
class Box {
  monoMs = UP_MS;
  /** System clock less true time. */
  osErrorMs: number;
  syncMark: number | null;
  judgement: ClockJudgement;
  /** Every judgement's stamp so far. */
  readonly stamps: { wallMs: number; monoMs: number }[] = [];
  correctionsMs: number[] = [];

  /** @param synchronisedForMs how long ago, by the system clock, it says to have been synchronised */
  constructor(osErrorMs = 0, synchronisedForMs: number | null = null, lastTrusted: LastTrusted | null = null) {
    this.osErrorMs = osErrorMs;
    this.syncMark = synchronisedForMs === null ? null : this.trueMs + osErrorMs - synchronisedForMs;
    this.judgement = beginJudgement(this.look, BOOT, lastTrusted);
  }

  get trueMs(): number {
    return BEGAN_MS + this.monoMs;
  }

  get look() {
    return { wallMs: this.trueMs + this.osErrorMs, monoMs: this.monoMs, syncMark: this.syncMark };
  }

  /** Stamped time less true time, and how far it is believed. */
  get told(): [number, string] {
    return [this.judgement.offsetMs + this.monoMs - this.trueMs, this.judgement.quality];
  }

  #take(after: ClockJudgement): this {
    const correctionMs = correctionOf(this.judgement, after);
    if (correctionMs !== null) this.correctionsMs.push(correctionMs);
    this.judgement = after;
    return this;
  }

  pass(ms: number, everyMs = ms): this {
    for (let leftMs = ms; leftMs > 0; leftMs -= everyMs) {
      this.monoMs += Math.min(everyMs, leftMs);
      this.#take(lookAtOs(this.judgement, this.look));
    }
    return this;
  }

  jump(ms: number): this {
    this.osErrorMs += ms;
    return this.pass(1000);
  }

  /** NTP has set the system clock right and says so. */
  synchronise(osErrorMs = 0): this {
    this.osErrorMs = osErrorMs;
    this.syncMark = this.trueMs + osErrorMs;
    return this.pass(1000);
  }

  hear(cloudErrorMs = 0, tookMs = 200): this {
    const askedMonoMs = this.monoMs;
    this.monoMs += tookMs;
    const serverWallMs = this.trueMs - Math.round(tookMs / 2) + cloudErrorMs;
    return this.#take(hearCloud(this.judgement, { serverWallMs, askedMonoMs, heardMonoMs: this.monoMs }));
  }
}

const inEarlierBoot = (wallMs: number): LastTrusted => ({ wallMs, boot: { bootId: EARLIER_BOOT, monoMs: 5 } });
const sinceEpoch = -BEGAN_MS;

describe('ED-12 at the beginning', () => {
  test.each<[string, Box, string, number | null]>([
    ['a battery-backed clock: credible, not confirmed', new Box(), 'doubtful', 0],
    ['a clock that the system has synchronised in this boot', new Box(0, 17), 'trusted', 0],
    ['1970: nobody knows', new Box(sinceEpoch), 'none', null],
    ['the day before the software existed', new Box(Date.UTC(2025, 11, 31) - BEGAN_MS), 'none', null],
    ['1970, and said to be synchronised: it cannot be', new Box(sinceEpoch, 17), 'none', null],
    ['earlier than what the disk knows', new Box(-HOUR_MS, null, inEarlierBoot(BEGAN_MS - 60_000)), 'none', -60_000],
    ['as late as what the disk knows', new Box(0, null, inEarlierBoot(BEGAN_MS - 60_000)), 'doubtful', 0],
    ['synchronised as long ago as trust lasts', new Box(0, DAY_MS), 'trusted', 0],
    ['synchronised longer ago', new Box(0, DAY_MS + 1), 'doubtful', 0],
    [
      'synchronised twenty days ago, and set five years ahead since',
      new Box(5 * YEAR_MS, 20 * DAY_MS + 5 * YEAR_MS),
      'doubtful',
      5 * YEAR_MS,
    ],
    [
      'synchronised at a time that is still to come: it was set back since',
      new Box(-HOUR_MS, -HOUR_MS),
      'doubtful',
      -HOUR_MS,
    ],
    ['synchronised, and stepped back by a leap second since', new Box(-1000, -1000), 'trusted', -1000],
    [
      'synchronised, and earlier than what the disk knows',
      new Box(-HOUR_MS, 17, inEarlierBoot(BEGAN_MS)),
      'doubtful',
      -HOUR_MS,
    ],
    ['synchronised, and as late as what the disk knows', new Box(0, 17, inEarlierBoot(BEGAN_MS)), 'trusted', 0],
  ])('%s', (_, { judgement, told }, quality, errorMs) => {
    expect(judgement.quality).toBe(quality);
    expect(told[0]).toBe(errorMs ?? Date.UTC(2026, 0, 1) - BEGAN_MS);
  });

  test('a time on disk whose boot is not told is a bound for the wall clock, not for the beginning of the boot', () => {
    const storedMs = BEGAN_MS + UP_MS - 10_000;
    expect(new Box(0, null, { wallMs: storedMs, boot: null }).told).toEqual([0, 'doubtful']);
    expect(new Box(-15_000, null, { wallMs: storedMs, boot: null }).told).toEqual([-10_000, 'none']);
  });

  test.each<[string, number, number, [number, string]]>([
    ['the clock has not moved: still trusted', 0, 0, [0, 'trusted']],
    ['it was set meanwhile: the time that was trusted goes on, in doubt', -2 * HOUR_MS, 0, [0, 'doubtful']],
    ['it died to 1970 meanwhile', sinceEpoch, 0, [0, 'doubtful']],
    ['nobody has confirmed it for more than a day', 0, DAY_MS, [0, 'doubtful']],
  ])('another process of the same boot knew the time: %s', (_, osErrorMs, idleMs, told) => {
    const box = new Box(osErrorMs);
    box.monoMs += idleMs;
    const boot = { bootId: BOOT, monoMs: 30_000 };
    box.judgement = beginJudgement(box.look, BOOT, { wallMs: BEGAN_MS + 30_000, boot });
    expect(box.told).toEqual(told);
  });
});

test('ED-12 what a wrong clock has stamped at the beginning is corrected when the cloud speaks', () => {
  const box = new Box(5 * YEAR_MS, 20 * DAY_MS + 5 * YEAR_MS).hear();
  expect(box.told).toEqual([0, 'trusted']);
  expect(box.correctionsMs).toEqual([-5 * YEAR_MS]);
});

describe('ED-12 a cold boot without a battery', () => {
  test('then NTP: adopted, and what was stamped is corrected by the difference', () => {
    const box = new Box(sinceEpoch, null, inEarlierBoot(BEGAN_MS - HOUR_MS)).pass(30_000);
    expect(box.told).toEqual([-HOUR_MS, 'none']);
    box.synchronise();
    expect(box.told).toEqual([0, 'trusted']);
    expect(box.correctionsMs).toEqual([HOUR_MS]);
  });

  test('then somebody sets it to a credible time without saying who: doubtful', () => {
    const box = new Box(sinceEpoch).jump(-sinceEpoch + 5000);
    expect(box.told).toEqual([5000, 'doubtful']);
    expect(box.correctionsMs).toHaveLength(1);
  });

  test('then to another time that cannot be: still none', () => {
    expect(new Box(sinceEpoch).jump(1000 * DAY_MS).judgement.quality).toBe('none');
  });

  test('then the cloud: adopted though the system clock stays in 1970', () => {
    const box = new Box(sinceEpoch).hear();
    expect(box.told).toEqual([0, 'trusted']);
    expect(box.pass(HOUR_MS, 1000).told).toEqual([0, 'trusted']);
  });
});

describe.each([
  ['two hours back', -2 * HOUR_MS],
  ['three days forward', 3 * DAY_MS],
  ['three seconds', 3000],
])('ED-12 the system clock jumps %s', (_, jumpMs) => {
  test('the edge keeps its own time, in doubt, for as long as nobody says who is right', () => {
    const box = new Box().hear().jump(jumpMs);
    expect(box.told).toEqual([0, 'doubtful']);
    expect(box.pass(HOUR_MS, 1000).told).toEqual([0, 'doubtful']);
    expect(box.correctionsMs).toEqual([]);
  });

  test('the cloud confirms the time kept', () => {
    const box = new Box().hear().jump(jumpMs).hear();
    expect(box.told).toEqual([0, 'trusted']);
    expect(box.pass(HOUR_MS, 1000).told).toEqual([0, 'trusted']);
    expect(box.correctionsMs).toEqual([]);
  });

  test('it had been wrong and jumps to the truth: the cloud, or NTP, says so', () => {
    const wrong = () => new Box(-jumpMs).jump(jumpMs);
    expect(wrong().told).toEqual([-jumpMs, 'doubtful']);
    expect(wrong().hear().told).toEqual([0, 'trusted']);
    const synchronised = wrong().synchronise();
    expect(synchronised.told).toEqual([0, 'trusted']);
    expect(synchronised.correctionsMs).toEqual([jumpMs]);
  });

  test('and back again: still in doubt until somebody confirms it', () => {
    expect(new Box().hear().jump(jumpMs).jump(-jumpMs).told).toEqual([0, 'doubtful']);
  });
});

describe('ED-12 what is no jump', () => {
  test.each([
    ['a leap second', -1000],
    ['a step of an NTP client', 1900],
  ])('%s is followed', (_, stepMs) => {
    const box = new Box().hear().jump(stepMs);
    expect(box.told).toEqual([stepMs, 'trusted']);
    expect(box.correctionsMs).toEqual([]);
  });

  test('slewing by 500 ppm for a day', () => {
    const box = new Box().hear();
    for (let second = 0; second < 86_000; second += 10) {
      box.osErrorMs += 5;
      box.pass(10_000);
    }
    expect(box.told).toEqual([43_000, 'trusted']);
  });

  test('a system clock that has been found wrong is not followed', () => {
    const box = new Box(-2 * HOUR_MS).hear().jump(1000).jump(-700);
    expect(box.told).toEqual([0, 'trusted']);
  });

  test('two clocks that are not read at the same moment', () => {
    const box = new Box().hear();
    for (const wobbleMs of [1, -1, 49, -49]) {
      box.osErrorMs = wobbleMs;
      expect(box.pass(1000).told).toEqual([0, 'trusted']);
    }
  });

  test('many small steps are a jump as soon as they are further than a clock can be slewed', () => {
    const box = new Box().hear().jump(1900).jump(1900);
    expect(box.told).toEqual([1900, 'doubtful']);
  });
});

describe('ED-12 witnesses', () => {
  test('suspended: the monotonic clock stood still, and the system clock that is right is taken when one says so', () => {
    const box = new Box().synchronise().jump(8 * HOUR_MS);
    // What the box calls an error is the time that it slept through.
    expect(box.told).toEqual([0, 'doubtful']);
    expect(box.synchronise(8 * HOUR_MS).told).toEqual([8 * HOUR_MS, 'trusted']);
  });

  test('the cloud overrules NTP, and NTP does not overrule the cloud', () => {
    const box = new Box(0, 17).hear(10_000);
    expect(box.told[0]).toBe(10_000);
    box.pass(HOUR_MS, 1000).synchronise();
    expect(box.told).toEqual([10_000, 'trusted']);
    box.jump(HOUR_MS).synchronise();
    expect(box.told).toEqual([10_000, 'doubtful']);
    expect(box.hear(10_000).told).toEqual([10_000, 'trusted']);
  });

  test('NTP that agrees with the time of the cloud keeps it trusted', () => {
    const box = new Box()
      .hear()
      .pass(20 * HOUR_MS, 1000)
      .synchronise(300);
    expect(box.pass(20 * HOUR_MS, 1000).told).toEqual([300, 'trusted']);
  });

  test.each([
    ['within a second of the times between question and answer: ours stands', 1000, 200, 0],
    ['further off: the middle of the two is taken', 1101, 200, 1101],
    ['an answer that took long may be far off', 8000, 16_000, 0],
    ['an answer that took too long tells nothing', 60_000, 20_001, 0],
    ['a cloud that lives before the software existed is not heard', sinceEpoch, 200, 0],
  ])('the cloud, %s', (_, cloudErrorMs, tookMs, errorMs) => {
    expect(new Box(0, 17).hear(cloudErrorMs, tookMs).told).toEqual([errorMs, 'trusted']);
  });

  test('trust that nobody renews ends after a day', () => {
    const box = new Box().hear().pass(DAY_MS, 60_000);
    expect(box.judgement.quality).toBe('trusted');
    expect(box.pass(1).judgement.quality).toBe('doubtful');
  });

  test('the cloud is asked while the clock is in doubt, every five seconds, and else once an hour', () => {
    const box = new Box();
    expect(wantsCloud(box.judgement, null, box.monoMs)).toBe(true);
    expect(wantsCloud(box.judgement, box.monoMs - 4999, box.monoMs)).toBe(false);
    expect(wantsCloud(box.judgement, box.monoMs - 5000, box.monoMs)).toBe(true);
    box.hear();
    expect(wantsCloud(box.judgement, null, box.monoMs + HOUR_MS - 1)).toBe(false);
    expect(wantsCloud(box.judgement, null, box.monoMs + HOUR_MS)).toBe(true);
  });
});

test('ED-12 two boots: what the first one knew bounds the second', () => {
  const first = new Box().hear().pass(HOUR_MS, 1000);
  const wallMs = first.judgement.offsetMs + first.monoMs;
  const lastTrusted = { wallMs, boot: { bootId: EARLIER_BOOT, monoMs: first.monoMs } };
  const look = { wallMs: 5000, monoMs: 5000, syncMark: null };
  const second = beginJudgement(look, BOOT, lastTrusted);
  expect(second).toMatchObject({ quality: 'none', offsetMs: wallMs });
});
