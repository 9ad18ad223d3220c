import type { FaultTarget } from '../faults/board.ts';
import type { Fault } from '../faults/fault.ts';
import type { ModelName } from '../piles/models.ts';
import type { StationWorld } from '../world.ts';

/** Models that tell their faults by a number or by bits, and not by their state alone. */
const MODELS_WITH_ERROR_REGISTER: ReadonlySet<ModelName> = new Set([
  'abb-terra-ac',
  'bender-cc612',
  'generic-dc',
  'keba-p30',
  'keba-p40',
  'phoenix-em-cp-pp-eth',
  'schneider-evlink-pro-ac',
  'vestel-evc04',
]);

/** Why a pile's model cannot show `fault`; `undefined` when it can, and for anything that is no pile. */
export function pileMisfit(world: StationWorld, target: FaultTarget, fault: Pick<Fault, 'kind'>): string | undefined {
  const pile = target.startsWith('pile:') ? world.piles.get(target.slice('pile:'.length)) : undefined;
  if (pile === undefined) return undefined;
  if (fault.kind === 'meter-missing' && pile.meterRegister === undefined)
    return `kind: pile ${pile.pileId} has no total energy register at a fixed place`;
  if (fault.kind === 'meter-rollover' && pile.meterRegister?.endWh === undefined)
    return `kind: pile ${pile.pileId} has no total energy register that ends`;
  const { model } = pile.truth();
  if (fault.kind === 'insulation-fault' && model !== 'generic-dc')
    return `kind: pile ${pile.pileId} is an AC pile, which measures no insulation`;
  if (fault.kind === 'vendor-fault' && !MODELS_WITH_ERROR_REGISTER.has(model))
    return `kind: pile ${pile.pileId} has no error register`;
  return undefined;
}
