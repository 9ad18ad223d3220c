import { tableImage } from './image.ts';
import { pilotLetter } from './phoenix-em-cp-pp-eth.ts';
import type { PileModel } from './pile-model.ts';
import type { PileState } from './pile-state.ts';
import { word } from './register-shapes.ts';
import { readTable, within, wordField } from './registers.ts';
import { unwatched } from './unwatched.ts';

const MAX_CURRENT_A = 32;

/**
 * Phoenix Contact EV-CC-AC1-M3 on a serial line, from its register table: coil 20000 enables, holding register 22000 is the
 * current in A, input register 24000 has the state letter in its high byte.
 *
 * There is neither a meter nor a watchdog. `startsPermitted` is a box whose enable coil is on at power-on.
 */
export function phoenixEvCcAc1(state: PileState, startsPermitted: boolean): PileModel {
  const settings = { enabled: startsPermitted, limitA: MAX_CURRENT_A };
  const set = (change: Partial<typeof settings>): unknown => Object.assign(settings, change);
  const image = tableImage({
    functions: [1, 3, 4, 5, 6],
    inputs: readTable(word(24_000, () => pilotLetter(state) << 8)),
    holdings: readTable(word(22_000, () => settings.limitA)),
    writable: new Map([wordField(22_000, within(6, 80), (value) => set({ limitA: value }))]),
    coils: new Map([[20_000, { get: () => settings.enabled, set: (enabled) => set({ enabled }) }]]),
  });
  return unwatched(state.nowMs, {
    image,
    maxCurrentMa: MAX_CURRENT_A * 1000,
    permission: () => ({ unlocked: settings.enabled, limitMa: settings.limitA * 1000, source: 'setpoint' }),
    reportedRegisterWh: () => null,
  });
}
