import { pileFaultSchema, wireFaultSchema } from '../faults/fault.ts';
import type { LineAddress } from '../line/open-line.ts';
import { vehicleSettingsSchema } from '../piles/vehicle-settings.ts';
import type { MonoClock } from '../world/clock.ts';
import type { StationWorld } from '../world.ts';
import { type Answer, notFound, refusal, withBody } from './answer.ts';

/** A request after its path has been cut at the slashes. */
export interface Call {
  readonly method: string;
  readonly path: readonly string[];
  readonly body: unknown;
}

/** What the control API needs to know. */
export interface ControlDeps {
  readonly world: StationWorld;
  readonly addresses: readonly LineAddress[];
  readonly clock: MonoClock;
}

/** Answers one control call. Pure but for what it does to the world. */
export function route(deps: ControlDeps, call: Call): Answer {
  const [collection, id, part] = call.path;
  const shape = `${call.method} /${collection ?? ''}${id === undefined ? '' : '/:id'}${part === undefined ? '' : `/${part}`}`;
  if (call.path.length > 3) return notFound(`route ${shape}`);
  switch (shape) {
    case 'GET /truth':
      return truth(deps);
    case 'GET /piles/:id':
      return onePile(deps, id ?? '');
    case 'PUT /piles/:id/vehicle':
      return setVehicle(deps, id ?? '', call.body);
    case 'POST /piles/:id/faults':
      return addPileFault(deps, id ?? '', call.body);
    case 'GET /lines/:id':
      return oneLine(deps, id ?? '');
    case 'POST /lines/:id/faults':
      return addLineFault(deps, id ?? '', call.body);
    case 'GET /faults':
      return { status: 200, body: { faults: deps.world.faults.list() } };
    case 'DELETE /faults/:id':
      return deps.world.faults.remove(id ?? '') ? { status: 204 } : notFound(`fault ${id}`);
    default:
      return notFound(`route ${shape}`);
  }
}

function truth({ world, clock }: ControlDeps): Answer {
  const piles = [...world.piles.values()].map((pile) => pile.truth());
  return { status: 200, body: { nowMonoMs: clock.monoMs(), piles } };
}

function onePile({ world }: ControlDeps, pileId: string): Answer {
  const pile = world.piles.get(pileId);
  return pile === undefined ? notFound(`pile ${pileId}`) : { status: 200, body: pile.truth() };
}

function setVehicle({ world }: ControlDeps, pileId: string, body: unknown): Answer {
  const pile = world.piles.get(pileId);
  if (pile === undefined) return notFound(`pile ${pileId}`);
  return withBody(vehicleSettingsSchema, body, (settings) => {
    pile.setVehicle(settings);
    return { status: 200, body: pile.truth() };
  });
}

function addPileFault({ world, addresses }: ControlDeps, pileId: string, body: unknown): Answer {
  const pile = world.piles.get(pileId);
  if (pile === undefined) return notFound(`pile ${pileId}`);
  return withBody(pileFaultSchema, body, (fault) => {
    if (fault.kind === 'crc-error' && !isSerial(addresses, pile.lineId)) return needsSerial();
    pile.advance();
    return { status: 201, body: { faultId: world.faults.add(`pile:${pileId}`, fault) } };
  });
}

function addLineFault({ world, addresses }: ControlDeps, lineId: string, body: unknown): Answer {
  if (!world.slaves.has(lineId)) return notFound(`line ${lineId}`);
  return withBody(wireFaultSchema, body, (fault) => {
    if (fault.kind === 'crc-error' && !isSerial(addresses, lineId)) return needsSerial();
    return { status: 201, body: { faultId: world.faults.add(`line:${lineId}`, fault) } };
  });
}

function oneLine({ world, addresses }: ControlDeps, lineId: string): Answer {
  const address = addresses.find((candidate) => candidate.lineId === lineId);
  const slave = world.slaves.get(lineId);
  if (address === undefined || slave === undefined) return notFound(`line ${lineId}`);
  return { status: 200, body: { ...address, counters: slave.counters } };
}

function isSerial(addresses: readonly LineAddress[], lineId: string): boolean {
  return addresses.some((address) => address.lineId === lineId && address.transport === 'serial');
}

function needsSerial(): Answer {
  return refusal(400, 'bad-input', 'kind: crc-error needs a serial line, Modbus TCP has no checksum');
}
