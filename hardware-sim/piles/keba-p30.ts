import { KEBA_SERIAL_NUMBER, kebaKecontact } from './keba-kecontact.ts';
import { firmwareParts, type ModelSettings, serialAsNumber } from './model-options.ts';
import type { PileModel } from './pile-model.ts';
import type { PileState } from './pile-state.ts';

/** KEBA KeContact P30: enabled and disabled by 5014, energy in 0.1 Wh. */
export function kebaP30(state: PileState, startsPermitted: boolean, settings: ModelSettings): PileModel {
  const [major, minor, patch] = firmwareParts(settings.firmware ?? '3.10.42');
  return kebaKecontact(state, startsPermitted, {
    /** Six digits beginning with 3: a P30; fifth digit: it has a meter; sixth digit: it has an RFID reader. */
    productCode: 302_011,
    firmware: major * 10_000 + minor * 100 + patch,
    serialNumber: serialAsNumber(settings, KEBA_SERIAL_NUMBER),
    countsPerWh: 10,
    stopsBy: 'enable',
    phaseStates: [0, 1],
  });
}
