import { abbTerraAc } from './abb-terra-ac.ts';
import { alfenNg9xx } from './alfen-ng9xx.ts';
import { benderCc612 } from './bender-cc612.ts';
import { genericDc } from './dc/generic-dc.ts';
import { heidelbergEnergyControl } from './heidelberg-energy-control.ts';
import { kebaP30 } from './keba-p30.ts';
import { kebaP40 } from './keba-p40.ts';
import type { ModelSettings } from './model-options.ts';
import { phoenixCharxSec } from './phoenix-charx-sec.ts';
import { phoenixEmCpPpEth } from './phoenix-em-cp-pp-eth.ts';
import { phoenixEvCcAc1 } from './phoenix-ev-cc-ac1.ts';
import { phoenixEvEth } from './phoenix-ev-eth.ts';
import type { PileModel } from './pile-model.ts';
import type { PileState } from './pile-state.ts';
import { schneiderEvlinkProAc } from './schneider-evlink-pro-ac.ts';
import { tinkerforgeWarp } from './tinkerforge-warp.ts';
import { vestelEvc04 } from './vestel-evc04.ts';
import { webastoNext } from './webasto-next.ts';

/** Models that a station file may name. */
export const MODEL_NAMES = [
  'heidelberg-energy-control',
  'abb-terra-ac',
  'keba-p30',
  'keba-p40',
  'phoenix-em-cp-pp-eth',
  'phoenix-ev-eth',
  'phoenix-ev-cc-ac1',
  'phoenix-charx-sec',
  'alfen-ng9xx',
  'bender-cc612',
  'schneider-evlink-pro-ac',
  'tinkerforge-warp',
  'vestel-evc04',
  'webasto-next',
  'generic-dc',
] as const;
export type ModelName = (typeof MODEL_NAMES)[number];

type BuildModel = (state: PileState, startsPermitted: boolean, settings: ModelSettings) => PileModel;

/** How to build each model over a pile's state. */
export const MODELS: Readonly<Record<ModelName, BuildModel>> = {
  'heidelberg-energy-control': heidelbergEnergyControl,
  'abb-terra-ac': abbTerraAc,
  'keba-p30': kebaP30,
  'keba-p40': kebaP40,
  'phoenix-em-cp-pp-eth': phoenixEmCpPpEth,
  'phoenix-ev-eth': phoenixEvEth,
  'phoenix-ev-cc-ac1': phoenixEvCcAc1,
  'phoenix-charx-sec': phoenixCharxSec,
  'alfen-ng9xx': alfenNg9xx,
  'bender-cc612': benderCc612,
  'schneider-evlink-pro-ac': schneiderEvlinkProAc,
  'tinkerforge-warp': tinkerforgeWarp,
  'vestel-evc04': vestelEvc04,
  'webasto-next': webastoNext,
  'generic-dc': genericDc,
};
