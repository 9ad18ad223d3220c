import { KEBA_SERIAL_NUMBER, kebaKecontact } from './keba-kecontact.ts';
import { firmwareAtLeast, firmwareParts, type ModelSettings, serialAsNumber } from './model-options.ts';
import type { PileModel } from './pile-model.ts';
import type { PileState } from './pile-state.ts';

/** From this firmware on energy counts in 0.1 Wh, before in Wh. */
const TENTH_WH_SINCE = '1.2.1';

/** KEBA KeContact P40: no enable register, a current of 0 pauses; the firmware decides the scale of energy (default 1.2.1). */
export function kebaP40(state: PileState, startsPermitted: boolean, settings: ModelSettings): PileModel {
  const firmware = settings.firmware ?? TENTH_WH_SINCE;
  const [major, minor, patch] = firmwareParts(firmware);
  return kebaKecontact(state, startsPermitted, {
    /** Seven digits beginning with 4: a P40. */
    productCode: 4_020_011,
    firmware: major * 10_000 + minor * 100 + patch,
    serialNumber: serialAsNumber(settings, KEBA_SERIAL_NUMBER),
    countsPerWh: firmwareAtLeast(firmware, TENTH_WH_SINCE) ? 10 : 1,
    stopsBy: 'zero-current',
    phaseStates: [1, 3],
  });
}
