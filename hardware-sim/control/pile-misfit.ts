import type { FaultTarget } from '../faults/board.ts';
import type { Fault } from '../faults/fault.ts';
import type { StationWorld } from '../world.ts';

/** Why a pile's model cannot show `fault`; `undefined` when it can, and for anything that is no pile. */
export function pileMisfit(world: StationWorld, target: FaultTarget, fault: Pick<Fault, 'kind'>): string | undefined {
  const pile = target.startsWith('pile:') ? world.piles.get(target.slice('pile:'.length)) : undefined;
  if (pile === undefined) return undefined;
  if (fault.kind === 'meter-missing' && pile.meterRegister === undefined)
    return `kind: pile ${pile.pileId} has no total energy register at a fixed place`;
  if (fault.kind === 'meter-rollover' && pile.meterRegister?.endWh === undefined)
    return `kind: pile ${pile.pileId} has no total energy register that ends`;
  return undefined;
}
