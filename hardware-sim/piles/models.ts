import { abbTerraAc } from './abb-terra-ac.ts';
import { heidelbergEnergyControl } from './heidelberg-energy-control.ts';
import { kebaP30 } from './keba-p30.ts';
import type { PileModel } from './pile-model.ts';
import type { PileState } from './pile-state.ts';

/** Models that a station file may name. */
export const MODEL_NAMES = ['heidelberg-energy-control', 'keba-p30', 'abb-terra-ac'] as const;
export type ModelName = (typeof MODEL_NAMES)[number];

/** How to build each model over a pile's state. */
export const MODELS: Readonly<Record<ModelName, (state: PileState, startsPermitted: boolean) => PileModel>> = {
  'heidelberg-energy-control': heidelbergEnergyControl,
  'keba-p30': kebaP30,
  'abb-terra-ac': abbTerraAc,
};
