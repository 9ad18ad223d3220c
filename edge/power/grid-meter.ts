import { type PerPhase, PHASES } from './network.ts';

/** One look at the grid meter. */
export interface GridLook {
  /** When it was asked. */
  readonly askedMonoMs: number;
  /** Primary currents of the phases in mA; null where one was not told. */
  readonly phasesMa: PerPhase | null;
  /** Everything that it told, as a text: a meter that is alive never tells the same for long while energy flows. */
  readonly told: string;
  /** Its secondary currents together, in mA: by these its own register moves. */
  readonly registeredMa: number;
}

/** What the piles below the node take at one moment, phase by phase. */
export interface PilesTake {
  /** No less than what was in the meter's figure: the larger of two looks where they differ. */
  readonly mostMa: PerPhase;
  /** No more than what was in it. */
  readonly leastMa: PerPhase;
  /** Everything that may take something has been looked at since then; infinite where nothing may. */
  readonly seenSinceMonoMs: number;
}

export interface GridState {
  /** Looks that wait for the piles to be looked at after them, oldest first. */
  readonly waiting: readonly GridLook[];
  /** What the house took at each of the last good looks. */
  readonly houses: readonly { readonly atMonoMs: number; readonly ma: PerPhase }[];
  /** When the last good look was asked for; at first when the controller began. */
  readonly goodMonoMs: number;
  /** Since when every look has been good; null when the last was not. */
  readonly goodSinceMonoMs: number | null;
  /** What was told last, and since when that has been the same. */
  readonly same: { readonly told: string; readonly sinceMonoMs: number } | null;
  /** Why the fallback is in force; null: it is not. */
  readonly lost: string | null;
  /** What was wrong with the last look that was not good. */
  readonly doubt: string | null;
}

/** How often the grid meter is asked: what else is switched on at the site is seen that soon. */
export const GRID_POLL_MS = 1000;
/** A meter that has told nothing good for longer cannot be relied on. */
export const METER_LOST_AFTER_MS = 5000;
/** After it was lost it has to be good for so long before it counts again. */
export const METER_BACK_AFTER_MS = 30_000;
/** A look waits so long for the piles to be looked at after it: what has just begun to flow there is not the house's. */
const PAIRS_WITHIN_MS = 2500;
/** The largest house load of so long counts: less is believed when it lasts. */
const HOUSE_WINDOW_MS = 10_000;
/** A house load is rounded up to this, so that a flicker changes no limit. */
const HOUSE_STEP_MA = 500;
/** Piles and meter are not looked at at the same instant, and measure by themselves: so much more the piles may show. */
const TOLERANCE_MA = 2000;
const TOLERANCE_SHARE = 0.1;
/** No cable of a charging site carries more. */
const MOST_MA = 4_000_000;
/** A register with steps of 20 Wh or less must have moved by then. */
const MUST_COUNT_WH = 100;
const PHASE_VOLTS = 230;

export const freshGrid = (nowMonoMs: number): GridState => ({
  waiting: [],
  houses: [],
  goodMonoMs: nowMonoMs,
  goodSinceMonoMs: null,
  same: null,
  lost: null,
  doubt: null,
});

/** Takes a look at the meter to notice. */
export function gridLooked(state: GridState, look: GridLook): GridState {
  const same = state.same?.told === look.told ? state.same : { told: look.told, sinceMonoMs: look.askedMonoMs };
  const doubt = doubtOf(look, same.sinceMonoMs);
  if (doubt !== null) return { ...state, same, doubt, goodSinceMonoMs: null };
  return { ...state, same, waiting: [...state.waiting, look] };
}

function doubtOf({ phasesMa, registeredMa, askedMonoMs }: GridLook, sameSinceMonoMs: number): string | null {
  if (phasesMa === null) return 'it does not tell the current of each phase';
  if (phasesMa.some((ma) => !Number.isFinite(ma) || ma < 0 || ma > MOST_MA))
    return `it tells ${phasesMa.join(', ')} mA`;
  const hours = (askedMonoMs - sameSinceMonoMs) / 3_600_000;
  const countedWh = (registeredMa / 1000) * PHASE_VOLTS * hours;
  const isStuck = countedWh >= MUST_COUNT_WH && askedMonoMs - sameSinceMonoMs >= METER_LOST_AFTER_MS;
  return isStuck ? 'everything that it tells stays the same, its energy as well' : null;
}

/** Time has passed, and the piles have been looked at. @param limitMa what the node carries */
export function gridTurned(before: GridState, piles: PilesTake, limitMa: PerPhase, nowMonoMs: number): GridState {
  let state = before;
  // More flows than the node carries: that is not waited for.
  const isAbove = state.waiting.some((look) => PHASES.some((phase) => (look.phasesMa?.[phase] ?? 0) > limitMa[phase]));
  while (isAbove ? state.waiting.length > 0 : isDue(state.waiting[0], piles, nowMonoMs)) state = paired(state, piles);
  state = {
    ...state,
    houses: state.houses.filter(
      ({ atMonoMs }, i, all) => i === all.length - 1 || nowMonoMs - atMonoMs <= HOUSE_WINDOW_MS,
    ),
  };
  const silentMs = nowMonoMs - state.goodMonoMs;
  if (silentMs > METER_LOST_AFTER_MS) {
    const lost = state.doubt ?? `silent for ${Math.floor(silentMs / 1000)} s`;
    return { ...state, lost: state.lost ?? lost, goodSinceMonoMs: null };
  }
  const isBack = state.goodSinceMonoMs !== null && nowMonoMs - state.goodSinceMonoMs >= METER_BACK_AFTER_MS;
  return state.lost !== null && isBack ? { ...state, lost: null, doubt: null } : state;
}

const isDue = (look: GridLook | undefined, { seenSinceMonoMs }: PilesTake, nowMonoMs: number): boolean =>
  look !== undefined && (seenSinceMonoMs > look.askedMonoMs || nowMonoMs - look.askedMonoMs >= PAIRS_WITHIN_MS);

function paired(state: GridState, { mostMa, leastMa }: PilesTake): GridState {
  const [look, ...waiting] = state.waiting;
  const phasesMa = look?.phasesMa ?? null;
  if (look === undefined || phasesMa === null) return { ...state, waiting };
  const phase = PHASES.find((p) => leastMa[p] > phasesMa[p] + Math.max(TOLERANCE_MA, leastMa[p] * TOLERANCE_SHARE));
  if (phase !== undefined) {
    const doubt = `it tells ${phasesMa[phase]} mA on L${phase + 1}, where the piles alone take ${leastMa[phase]} mA`;
    return { ...state, waiting, doubt, goodSinceMonoMs: null };
  }
  const of = (p: 0 | 1 | 2) => Math.ceil(Math.max(0, phasesMa[p] - mostMa[p]) / HOUSE_STEP_MA) * HOUSE_STEP_MA;
  return {
    ...state,
    waiting,
    doubt: state.lost === null ? null : state.doubt,
    goodMonoMs: Math.max(state.goodMonoMs, look.askedMonoMs),
    goodSinceMonoMs: state.goodSinceMonoMs ?? look.askedMonoMs,
    houses: [...state.houses, { atMonoMs: look.askedMonoMs, ma: [of(0), of(1), of(2)] }],
  };
}

/** What else is taken below the node, as far as it is known; null before the first good look. */
export function houseLoad({ houses }: GridState): PerPhase | null {
  if (houses.length === 0) return null;
  const of = (phase: 0 | 1 | 2) => Math.max(...houses.map(({ ma }) => ma[phase]));
  return [of(0), of(1), of(2)];
}
