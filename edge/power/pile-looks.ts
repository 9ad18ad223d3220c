import type { ConnectorState } from '../control/connector.ts';
import type { Reading } from '../control/reading.ts';
import type { PilesTake } from './grid-meter.ts';
import type { Outlet, PerPhase } from './network.ts';

/** What a pile was seen to take, on the phases of the network. */
interface Taken {
  readonly atMonoMs: number;
  readonly mostMa: PerPhase;
  readonly leastMa: PerPhase;
}

/** The last two looks at a pile, the newer one first. */
export interface PileLooks {
  readonly last: Taken;
  readonly before: Taken;
}

/** A look that is older says nothing of what the meter has just shown. */
const OLD_AFTER_MS = 4000;
const NONE: PerPhase = [0, 0, 0];

/** Takes what a pile shows to notice; one that cannot be read leaves what it showed last. */
export function pileLooked(looks: PileLooks | null, state: ConnectorState, outlet: Outlet): PileLooks | null {
  const { reading, readingMonoMs } = state;
  if (reading === null || looks?.last.atMonoMs === readingMonoMs) return looks;
  const last = { atMonoMs: readingMonoMs, ...takenBy(reading, outlet) };
  return { last, before: looks?.last ?? last };
}

/** A pile that tells only its largest current takes that from each of its phases at most, and from nobody knows which. */
function takenBy(reading: Reading, { order, loads }: Outlet): Pick<Taken, 'mostMa' | 'leastMa'> {
  const largestMa = reading.currentMa ?? 0;
  const told = reading.phasesMa ?? null;
  if (order !== null && order.length === 1) return same(onPhases((phase) => (order[0] === phase ? largestMa : 0)));
  if (order !== null && told !== null) return same(onPhases((phase) => told[order.indexOf(phase)] ?? 0));
  return { mostMa: onPhases((phase) => (loads[phase] ? largestMa : 0)), leastMa: NONE };
}

const same = (ma: PerPhase) => ({ mostMa: ma, leastMa: ma });
const onPhases = (of: (phase: 0 | 1 | 2) => number): PerPhase => [of(0), of(1), of(2)];

/** What the piles take together. */
export function pilesTake(
  piles: readonly { readonly state: ConnectorState; readonly looks: PileLooks | null; readonly mayTakeMa: number }[],
  nowMonoMs: number,
): PilesTake {
  const seen = piles.flatMap(({ looks }) => (looks === null ? [] : [looks]));
  const isNew = ({ atMonoMs }: Taken) => nowMonoMs - atMonoMs <= OLD_AFTER_MS;
  const sum = (of: (looks: PileLooks) => PerPhase): PerPhase =>
    onPhases((phase) => seen.reduce((total, looks) => total + of(looks)[phase], 0));
  const larger = (a: PerPhase, b: PerPhase) => onPhases((phase) => Math.max(a[phase], b[phase]));
  const smaller = (a: PerPhase, b: PerPhase) => onPhases((phase) => Math.min(a[phase], b[phase]));
  const awaited = piles.filter(({ state, mayTakeMa }) => state.reading !== null && mayTakeMa > 0);
  return {
    mostMa: sum(({ last, before }) =>
      isNew(last) ? (isNew(before) ? larger(last.mostMa, before.mostMa) : last.mostMa) : NONE,
    ),
    leastMa: sum(({ last, before }) => (isNew(last) ? smaller(last.leastMa, before.leastMa) : NONE)),
    seenSinceMonoMs: Math.min(...awaited.map(({ state }) => state.readingMonoMs)),
  };
}
