import { ok, type Result, refuse } from '#shared/result.ts';
import { misfit, setFault } from '../control/set-fault.ts';
import type { FaultTarget } from '../faults/board.ts';
import { seededRandom } from '../faults/random.ts';
import { unpluggedFaults } from '../line/line-plug.ts';
import type { MonoClock, Scheduler } from '../world/clock.ts';
import type { StationWorld } from '../world.ts';
import type { Scenario, ScenarioStep } from './scenario.ts';

/** A scenario on its way. */
export interface RunningScenario {
  readonly endsAtMonoMs: number;
  /** No further step happens; faults that are on stay on. */
  cancel(): void;
}

interface PlannedStep {
  readonly dueMonoMs: number;
  readonly step: ScenarioStep;
}

/**
 * Runs the steps of `scenario` against `world`, beginning at once, each at its time by `scheduler`, be that real or simulated.
 * The same seed gives the same times. A scenario that does not fit the station is refused, with every reason, before it begins.
 */
export function runScenario(
  scenario: Scenario,
  world: StationWorld,
  clock: MonoClock,
  scheduler: Pick<Scheduler, 'at'>,
): Result<RunningScenario, readonly string[]> {
  const problems = problemsOf(scenario, world);
  if (problems.length > 0) return refuse(problems);
  const random = seededRandom(scenario.seed);
  const startMs = clock.monoMs();
  const plan: readonly PlannedStep[] = scenario.steps
    .map((step) => ({ step, dueMonoMs: startMs + step.atMs + random() * step.jitterMs }))
    .toSorted((a, b) => a.dueMonoMs - b.dueMonoMs);
  const faultIds = new Map<string, string>();
  let cancelNext = (): void => {};

  const runFrom = (index: number): void => {
    const next = plan[index];
    if (next === undefined) return;
    cancelNext = scheduler.at(next.dueMonoMs, () => {
      act(next.step, world, faultIds);
      runFrom(index + 1);
    });
  };
  runFrom(0);
  return ok({ endsAtMonoMs: plan.at(-1)?.dueMonoMs ?? startMs, cancel: () => cancelNext() });
}

function act(step: ScenarioStep, world: StationWorld, faultIds: Map<string, string>): void {
  const set = (target: FaultTarget, fault: Parameters<typeof setFault>[2]): string => {
    const outcome = setFault(world, target, fault);
    if (!outcome.ok) throw new Error(`a step that fitted the station is refused: ${outcome.reason}`);
    return outcome.value;
  };
  switch (step.action) {
    case 'fault-on': {
      const faultId = set(step.target, step.fault);
      if (step.name !== undefined) faultIds.set(step.name, faultId);
      return;
    }
    case 'fault-off':
      // A fault with a count may be used up already.
      world.advance();
      world.faults.remove(faultIds.get(step.name) ?? '');
      return;
    case 'vehicle':
      world.piles.get(step.pileId)?.setVehicle(step.settings);
      return;
    case 'unplug':
      set(`line:${step.lineId}`, { kind: 'unplugged', durationMs: step.durationMs });
      return;
    case 'plug':
      for (const { faultId } of unpluggedFaults(world.faults, step.lineId)) world.faults.remove(faultId);
      return;
    case 'house-load':
      world.network?.setLoad(step.nodeId, step.load);
      return;
    case 'power-cycle':
      set(`pile:${step.pileId}`, { kind: 'power-cut', durationMs: step.offMs });
  }
}

function problemsOf(scenario: Scenario, world: StationWorld): readonly string[] {
  const names = new Set(scenario.steps.map((step) => (step.action === 'fault-on' ? step.name : undefined)));
  return scenario.steps.flatMap((step, index) => {
    const reason = problemOf(step, world, names);
    return reason === undefined ? [] : [`steps.${index}: ${reason}`];
  });
}

function problemOf(step: ScenarioStep, world: StationWorld, names: ReadonlySet<unknown>): string | undefined {
  const missing = (target: FaultTarget): string | undefined =>
    world.lineOf(target) === undefined ? `there is no ${target}` : undefined;
  switch (step.action) {
    case 'fault-on':
      return misfit(world, step.target, step.fault);
    case 'fault-off':
      return names.has(step.name) ? undefined : `no step switches on a fault ${step.name}`;
    case 'house-load':
      return world.network?.supply(step.nodeId) === undefined ? `there is no node ${step.nodeId}` : undefined;
    case 'vehicle':
    case 'power-cycle':
      return missing(`pile:${step.pileId}`);
    case 'unplug':
    case 'plug':
      return missing(`line:${step.lineId}`);
  }
}
