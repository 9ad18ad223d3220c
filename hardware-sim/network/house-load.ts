import { z } from 'zod';
import type { Random } from '../faults/random.ts';
import type { Phases } from '../faults/state-effects.ts';
import { idSchema as id } from '../line/line-settings.ts';

const ampere = z.number().min(0).max(10_000);
const currentsA = z.tuple([ampere, ampere, ampere]);
const timeMs = z.number().min(0).max(604_800_000);
const loadId = id;

/** A consumer of the site that is no pile: currents in A on L1 to L3 at power factor 1. Times count from when it was set. */
export const houseLoadSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant'), loadId, currentsA }),
  /** Straight lines between the points, or the last point until the next one. Level before the first and after the last. */
  z.strictObject({
    kind: z.literal('profile'),
    loadId,
    between: z.enum(['lines', 'steps']).default('lines'),
    points: z
      .array(z.strictObject({ atMs: timeMs, currentsA }))
      .min(1)
      .refine((points) => points.every(({ atMs }, index) => index === 0 || atMs > (points[index - 1]?.atMs ?? 0)), {
        message: 'points must rise in atMs',
      }),
    /** Begins again after this long. */
    repeatMs: z.number().positive().max(604_800_000).optional(),
  }),
  /** Each phase by itself moves by up to `stepA` either way, every `everyMs`, drawn from the station's seed. */
  z.strictObject({
    kind: z.literal('random-walk'),
    loadId,
    startA: currentsA,
    stepA: ampere,
    everyMs: z.number().min(50).max(3_600_000),
    minA: ampere.default(0),
    maxA: ampere,
  }),
]);

export type HouseLoadSettings = z.infer<typeof houseLoadSchema>;
type Profile = Extract<HouseLoadSettings, { kind: 'profile' }>;
type RandomWalk = Extract<HouseLoadSettings, { kind: 'random-walk' }>;

/** A running load. It is asked for later and later instants only. */
export interface HouseLoad {
  readonly settings: HouseLoadSettings;
  currentsAt(nowMs: number): Phases<number>;
}

/** Begins a load at `sinceMs`. */
export function createHouseLoad(settings: HouseLoadSettings, sinceMs: number, random: Random): HouseLoad {
  switch (settings.kind) {
    case 'constant':
      return { settings, currentsAt: () => settings.currentsA };
    case 'profile':
      return { settings, currentsAt: (nowMs) => profileAt(settings, nowMs - sinceMs) };
    case 'random-walk':
      return { settings, currentsAt: randomWalk(settings, sinceMs, random) };
  }
}

function profileAt({ points, between, repeatMs }: Profile, elapsedMs: number): Phases<number> {
  const atMs = repeatMs === undefined ? elapsedMs : elapsedMs % repeatMs;
  const after = points.findIndex((point) => point.atMs > atMs);
  const before = points[after < 0 ? points.length - 1 : after - 1];
  const next = points[after];
  if (before === undefined || next === undefined) return (before ?? next)?.currentsA ?? [0, 0, 0];
  if (between === 'steps') return before.currentsA;
  const share = (atMs - before.atMs) / (next.atMs - before.atMs);
  const on = (phase: 0 | 1 | 2) => before.currentsA[phase] + share * (next.currentsA[phase] - before.currentsA[phase]);
  return [on(0), on(1), on(2)];
}

function randomWalk({ startA, stepA, everyMs, minA, maxA }: RandomWalk, sinceMs: number, random: Random) {
  let presentA: Phases<number> = startA;
  let steps = 0;
  const move = (fromA: number): number => Math.min(maxA, Math.max(minA, fromA + (2 * random() - 1) * stepA));
  return (nowMs: number): Phases<number> => {
    for (; sinceMs + (steps + 1) * everyMs <= nowMs; steps += 1)
      presentA = [move(presentA[0]), move(presentA[1]), move(presentA[2])];
    return presentA;
  };
}
