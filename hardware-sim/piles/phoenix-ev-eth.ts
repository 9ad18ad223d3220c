import { tableImage } from './image.ts';
import { statusInputs } from './phoenix-em-cp-pp-eth.ts';
import type { PileModel } from './pile-model.ts';
import { type PileState, phaseV } from './pile-state.ts';
import { ascii, longLowFirst, perPhase, quadLowFirst, word } from './register-shapes.ts';
import { readTable, within, wordField } from './registers.ts';
import { createSessionTimes } from './session-times.ts';
import { sessionWh, totalWh } from './status.ts';
import { unwatched } from './unwatched.ts';

const MAX_CURRENT_A = 32;

/**
 * Phoenix Contact EV-CC-AC1-M3-CBC-RCM-ETH, the older box that wallbe built in, from its register table: input registers
 * by FC04, holding by FC03 and FC06, coils by FC01 and FC05, wide values with the low word first. Where the newer box counts
 * fractions, this one tells whole V, A and W, as the field driver of evcc reads it.
 *
 * There is no watchdog. The card coil 419 decides nothing here: a card is shown whatever it says. `startsPermitted` is a box whose
 * enable coil is on at power-on.
 */
export function phoenixEvEth(state: PileState, startsPermitted: boolean): PileModel {
  const settings = { enabled: startsPermitted, cardEnabled: false, limitA: MAX_CURRENT_A };
  const set = (change: Partial<typeof settings>): unknown => Object.assign(settings, change);
  const times = createSessionTimes(state);
  const image = tableImage({
    functions: [1, 3, 4, 5, 6],
    inputs: readTable(
      ...statusInputs(state, times),
      perPhase(longLowFirst, 108, 2, (phase) => phaseV(state, phase)),
      perPhase(longLowFirst, 114, 2, (phase) => state.currentsA[phase]),
      longLowFirst(120, () => state.powerW),
      ascii(105, 2, () => '1.14'),
      longLowFirst(132, () => Math.floor(sessionWh(state) / 10)),
      ascii(149, 6, () => '1.14.2'),
    ),
    holdings: readTable(
      word(528, () => settings.limitA),
      ascii(606, 16, () => state.cardNumber),
      longLowFirst(904, () => Math.floor(totalWh(state))),
      quadLowFirst(2980, () => Math.floor(totalWh(state))),
      quadLowFirst(3376, () => Math.floor(sessionWh(state))),
    ),
    writable: new Map([wordField(528, within(6, 80), (value) => set({ limitA: value }))]),
    coils: new Map([
      [400, { get: () => settings.enabled, set: (enabled) => set({ enabled }) }],
      [419, { get: () => settings.cardEnabled, set: (cardEnabled) => set({ cardEnabled }) }],
    ]),
  });
  return unwatched(state.nowMs, {
    image,
    maxCurrentMa: MAX_CURRENT_A * 1000,
    permission: (nowMs) => {
      times.observe(nowMs);
      return { unlocked: settings.enabled, limitMa: settings.limitA * 1000, source: 'setpoint' };
    },
    reportedRegisterWh: () => Math.floor(totalWh(state)),
  });
}
