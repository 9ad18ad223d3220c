import { z } from 'zod';
import type { FaultTarget } from '../faults/board.ts';
import type { Fault } from '../faults/fault.ts';
import { type LinePlug, unpluggedFaults } from '../line/line-plug.ts';
import type { LineAddress } from '../line/open-line.ts';
import { vehicleSettingsSchema } from '../piles/vehicle-settings.ts';
import { runScenario } from '../scenarios/run-scenario.ts';
import { scenarioSchema } from '../scenarios/scenario.ts';
import type { MonoClock, Scheduler } from '../world/clock.ts';
import type { StationWorld } from '../world.ts';
import { type Answer, notFound, refusal, withBody } from './answer.ts';
import { oneReader, presentCard, showCard } from './card-routes.ts';
import { closeBreaker, oneBoard, oneLock, oneMeter, powerCycle, setBay, setInput } from './device-routes.ts';
import { networkRoute } from './network-routes.ts';
import { FAULT_SCHEMAS, setFault, type TargetKind } from './set-fault.ts';

/** A request after its path has been cut at the slashes. */
export interface Call {
  readonly method: string;
  readonly path: readonly string[];
  readonly body: unknown;
}

/** A line as it is reached at present, and its plug. */
export interface ControlledLine {
  readonly line: { readonly address: LineAddress };
  readonly plug: Pick<LinePlug, 'settled'>;
}

/** What the control API needs to know. */
export interface ControlDeps {
  readonly world: StationWorld;
  readonly lines: ReadonlyMap<string, ControlledLine>;
  readonly clock: MonoClock;
  readonly scheduler: Pick<Scheduler, 'at'>;
}

const COLLECTIONS: Readonly<Record<string, TargetKind>> = {
  piles: 'pile',
  lines: 'line',
  meters: 'meter',
  locks: 'lock',
  io: 'io',
  devices: 'device',
};

const unplugSchema = z.strictObject({ durationMs: z.number().positive().max(86_400_000).optional() });

/** Answers one control call. What it does to the world it does at once; only the plug of a real line takes time. */
export function route(deps: ControlDeps, call: Call): Answer | Promise<Answer> {
  const [collection = '', id = '', part, channel] = call.path;
  const shape = `${call.method} /${collection}${call.path.length < 2 ? '' : '/:id'}${part === undefined ? '' : `/${part}`}${channel === undefined ? '' : '/:channel'}`;
  if (call.path.length > 4) return notFound(`route ${shape}`);
  if (collection === 'network') return networkRoute(deps.world, call);
  const faulty = COLLECTIONS[collection];
  if (call.method === 'POST' && part === 'faults' && channel === undefined && faulty !== undefined)
    return addFault(deps, faulty, id, call.body);
  switch (shape) {
    case 'GET /truth':
      return { status: 200, body: stationTruth(deps) };
    case 'GET /piles/:id':
      return onePile(deps, id);
    case 'PUT /piles/:id/vehicle':
      return setVehicle(deps, id, call.body);
    case 'POST /piles/:id/power-cycle':
      return powerCycle(deps.world, id, call.body);
    case 'PUT /piles/:id/card':
      return showCard(deps.world, id, call.body);
    case 'GET /readers/:id':
      return oneReader(deps.world, id);
    case 'POST /readers/:id/card':
      return presentCard(deps.world, id, call.body);
    case 'GET /meters/:id':
      return oneMeter(deps.world, id);
    case 'GET /locks/:id':
      return oneLock(deps.world, id);
    case 'PUT /locks/:id/bay':
      return setBay(deps.world, id, call.body);
    case 'GET /io/:id':
      return oneBoard(deps.world, id);
    case 'PUT /io/:id/inputs/:channel':
      return setInput(deps.world, id, channel ?? '', call.body);
    case 'PUT /io/:id/outputs/:channel':
      return closeBreaker(deps.world, id, channel ?? '', call.body);
    case 'GET /lines/:id':
      return oneLine(deps, id);
    case 'POST /lines/:id/unplug':
      return unplug(deps, id, call.body);
    case 'POST /lines/:id/plug':
      return plug(deps, id);
    case 'POST /scenarios':
      return startScenario(deps, call.body);
    case 'GET /faults':
      return { status: 200, body: { faults: deps.world.faults.list() } };
    case 'DELETE /faults/:id':
      return deps.world.faults.remove(id) ? { status: 204 } : notFound(`fault ${id}`);
    default:
      return notFound(`route ${shape}`);
  }
}

/** Everything that truly is and was at the station. */
export function stationTruth({ world, clock }: Pick<ControlDeps, 'world' | 'clock'>): object {
  const piles = [...world.piles.values()].map((pile) => pile.truth());
  const meters = [...world.meters.values()].map((meter) => meter.truth());
  const locks = [...world.locks.values()].map((lock) => lock.truth());
  const io = [...world.io.values()].map((board) => board.truth());
  const network = world.network?.truth() ?? [];
  return { nowMonoMs: clock.monoMs(), piles, meters, locks, io, network };
}

function onePile({ world }: ControlDeps, pileId: string): Answer {
  const pile = world.piles.get(pileId);
  return pile === undefined ? notFound(`pile ${pileId}`) : { status: 200, body: pile.truth() };
}

function setVehicle({ world }: ControlDeps, pileId: string, body: unknown): Answer {
  const pile = world.piles.get(pileId);
  if (pile === undefined) return notFound(`pile ${pileId}`);
  return withBody(vehicleSettingsSchema, body, (settings) => {
    if (settings.plugged === false && pile.holdsPlug())
      return refusal(409, 'plug-locked', `the jammed lock of pile ${pileId} holds the plug`);
    pile.setVehicle(settings);
    return { status: 200, body: pile.truth() };
  });
}

function addFault({ world }: ControlDeps, kind: TargetKind, id: string, body: unknown): Answer {
  const target: FaultTarget = `${kind}:${id}`;
  if (world.lineOf(target) === undefined) return notFound(`${kind} ${id}`);
  const schema: z.ZodType<Fault> = FAULT_SCHEMAS[kind];
  return withBody(schema, body, (fault) => {
    const set = setFault(world, target, fault);
    return set.ok ? { status: 201, body: { faultId: set.value } } : refusal(400, 'bad-input', set.reason);
  });
}

function oneLine({ world, lines }: ControlDeps, lineId: string): Answer {
  const address = lines.get(lineId)?.line.address;
  const slave = world.slaves.get(lineId);
  if (address === undefined || slave === undefined) return notFound(`line ${lineId}`);
  const plugged = unpluggedFaults(world.faults, lineId).length === 0;
  return { status: 200, body: { ...address, plugged, counters: slave.counters } };
}

function unplug(deps: ControlDeps, lineId: string, body: unknown): Answer | Promise<Answer> {
  if (!deps.lines.has(lineId)) return notFound(`line ${lineId}`);
  return withBody(unplugSchema, body, (settings) => {
    deps.world.faults.add(`line:${lineId}`, { kind: 'unplugged', ...settings });
    return settledLine(deps, lineId);
  });
}

function plug(deps: ControlDeps, lineId: string): Answer | Promise<Answer> {
  if (!deps.lines.has(lineId)) return notFound(`line ${lineId}`);
  for (const { faultId } of unpluggedFaults(deps.world.faults, lineId)) deps.world.faults.remove(faultId);
  return settledLine(deps, lineId);
}

async function settledLine(deps: ControlDeps, lineId: string): Promise<Answer> {
  await deps.lines.get(lineId)?.plug.settled();
  return oneLine(deps, lineId);
}

function startScenario({ world, clock, scheduler }: ControlDeps, body: unknown): Answer {
  return withBody(scenarioSchema, body, (scenario) => {
    const running = runScenario(scenario, world, clock, scheduler);
    if (!running.ok) return refusal(400, 'bad-input', running.reason.join('; '));
    return { status: 201, body: { scenarioId: scenario.scenarioId, endsAtMonoMs: running.value.endsAtMonoMs } };
  });
}
