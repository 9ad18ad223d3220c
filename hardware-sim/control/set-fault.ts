import type { Result } from '#shared/result.ts';
import { ok, refuse } from '#shared/result.ts';
import type { FaultTarget } from '../faults/board.ts';
import {
  type Fault,
  ioFaultSchema,
  lineFaultSchema,
  lockFaultSchema,
  meterFaultSchema,
  pileFaultSchema,
  wireFaultSchema,
} from '../faults/fault.ts';
import type { LineSettings } from '../line/line-settings.ts';
import type { StationWorld } from '../world.ts';
import { pileMisfit } from './pile-misfit.ts';

/** What each kind of target can suffer. */
export const FAULT_SCHEMAS = {
  pile: pileFaultSchema,
  line: lineFaultSchema,
  meter: meterFaultSchema,
  lock: lockFaultSchema,
  io: ioFaultSchema,
  device: wireFaultSchema,
} as const;

export type TargetKind = keyof typeof FAULT_SCHEMAS;

/** Faults that only make sense where RTU frames travel, and those of a gateway. */
const RTU_KINDS: ReadonlySet<string> = new Set(['crc-error', 'noise']);
const GATEWAY_KINDS: ReadonlySet<string> = new Set(['stale-reply', 'off-by-one']);

/** Why `fault` cannot be set on `target`; `undefined` when it can. */
export function misfit(world: StationWorld, target: FaultTarget, fault: Fault): string | undefined {
  const line = world.lineOf(target);
  if (line === undefined) return `there is no ${target}`;
  return lineMisfit(fault, line) ?? pileMisfit(world, target, fault);
}

function lineMisfit(fault: Pick<Fault, 'kind'>, line: LineSettings): string | undefined {
  if (RTU_KINDS.has(fault.kind) && line.transport === 'tcp')
    return `kind: ${fault.kind} needs serial frames, Modbus TCP has no checksum and no wire to disturb`;
  if (GATEWAY_KINDS.has(fault.kind) && line.transport !== 'rtu-over-tcp')
    return `kind: ${fault.kind} needs a gateway line (rtu-over-tcp)`;
  return undefined;
}

/** Switches a fault on; physics up to this instant is done without it. Returns its id, or why it does not fit. */
export function setFault(world: StationWorld, target: FaultTarget, fault: Fault): Result<string, string> {
  const reason = misfit(world, target, fault);
  if (reason !== undefined) return refuse(reason);
  world.advance();
  return ok(world.faults.add(target, fault));
}
