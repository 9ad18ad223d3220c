import { tableImage } from './image.ts';
import type { PileModel } from './pile-model.ts';
import { type PileState, phaseV } from './pile-state.ts';
import { longLowFirst, perPhase, word } from './register-shapes.ts';
import { readTable, within, wordField } from './registers.ts';
import { createSessionTimes, type SessionTimes } from './session-times.ts';
import { faultNumber, floorTo, totalWh } from './status.ts';
import { unwatched } from './unwatched.ts';

const MAX_CURRENT_A = 32;
const METER_STEP_WH = 10;
/** Register 107: 4 control pilot invalid, 5 state F, 9 overload, 12 contactor, 15 residual current. */
const FAULT_NUMBERS = { 'emergency-stop': 4, welded: 12, overload: 9, 'residual-current': 15, error: 5 };

/**
 * Phoenix Contact EM-CP-PP-ETH, from its register table: input registers by FC04 with the low word first, holding register
 * 300 by FC03 and FC06, coil 400 by FC01 and FC05.
 *
 * There is no watchdog: what was enabled stays enabled. `startsPermitted` is a box whose enable coil is on at power-on.
 */
export function phoenixEmCpPpEth(state: PileState, startsPermitted: boolean): PileModel {
  const settings = { enabled: startsPermitted, limitA: MAX_CURRENT_A };
  const times = createSessionTimes(state);
  const image = tableImage({
    functions: [1, 3, 4, 5, 6],
    inputs: readTable(
      ...statusInputs(state, times),
      perPhase(longLowFirst, 108, 2, (phase) => phaseV(state, phase) * 100),
      perPhase(longLowFirst, 114, 2, (phase) => state.currentsA[phase] * 1000),
      longLowFirst(120, () => state.powerW / 10),
      word(107, () => faultNumber(state, FAULT_NUMBERS)),
    ),
    holdings: readTable(word(300, () => settings.limitA)),
    writable: new Map([wordField(300, within(6, 80), (value) => Object.assign(settings, { limitA: value }))]),
    coils: new Map([[400, { get: () => settings.enabled, set: (on) => Object.assign(settings, { enabled: on }) }]]),
  });
  return unwatched(state.nowMs, {
    image,
    maxCurrentMa: MAX_CURRENT_A * 1000,
    permission: (nowMs) => {
      times.observe(nowMs);
      return { unlocked: settings.enabled, limitMa: settings.limitA * 1000, source: 'setpoint' };
    },
    reportedRegisterWh: () => floorTo(totalWh(state), METER_STEP_WH),
  });
}

/** The input registers that mean the same on EM-CP-PP-ETH and the older EV-ETH. The state letter is in the low byte. */
export function statusInputs(state: PileState, times: SessionTimes) {
  return [
    word(100, () => pilotLetter(state)),
    longLowFirst(102, times.chargingS),
    longLowFirst(128, () => Math.floor(totalWh(state) / METER_STEP_WH)),
  ];
}

/** The character code of the IEC 61851-1 state, A to F. */
export function pilotLetter(state: PileState): number {
  return state.pilot.charCodeAt(0);
}
