import { kebaKecontact } from './keba-kecontact.ts';
import type { PileModel } from './pile-model.ts';
import type { PileState } from './pile-state.ts';

/** KEBA KeContact P30: enabled and disabled by 5014, energy in 0.1 Wh. */
export function kebaP30(state: PileState, startsPermitted: boolean): PileModel {
  return kebaKecontact(state, startsPermitted, {
    /** Six digits beginning with 3: a P30; fifth digit: it has a meter; sixth digit: it has an RFID reader. */
    productCode: 302_011,
    firmware: 31_042,
    countsPerWh: 10,
    stopsBy: 'enable',
    phaseStates: [0, 1],
  });
}
