import { tableImage } from './image.ts';
import type { ModelSettings } from './model-options.ts';
import type { PileModel } from './pile-model.ts';
import type { PileState } from './pile-state.ts';
import { filled, long, perPhase, word } from './register-shapes.ts';
import { oneOf, type ReadTable, readTable, type WriteTable, within, wordField, zeroOr } from './registers.ts';
import { createSessionTimes, type SessionTimes } from './session-times.ts';
import { totalWh } from './status.ts';
import { newWatchdog, tripsAt, type Watchdog } from './watchdog.ts';

const MAX_CURRENT_A = 32;
const DEFAULT_TIMEOUT_MS = 20_000;

interface Settings {
  limitA: number;
  failsafeA: number;
  alive: number;
}

/**
 * Webasto Next, from its Modbus table: holding registers by FC03, FC06 and FC16, high word first, energy in Wh. 5004
 * cannot be read.
 *
 * Only a 1 in the alive register 6000 feeds supervision; the box takes it back to 0 at once, so that the master can see the
 * bit toggle. When the timeout 2002 passes, the failsafe current 2000 rules until the next 1. `startsPermitted` is a box
 * that offers its full current at power-on.
 */
export function webastoNext(state: PileState, startsPermitted: boolean, options: ModelSettings): PileModel {
  const watchdog = newWatchdog(DEFAULT_TIMEOUT_MS, state.nowMs);
  const settings: Settings = {
    limitA: startsPermitted ? MAX_CURRENT_A : 0,
    failsafeA: options.safeCurrentA ?? 0,
    alive: 0,
  };
  const times = createSessionTimes(state);
  const image = tableImage({
    functions: [3, 6, 16],
    holdings: holdingRegisters(state, settings, watchdog, times),
    writable: writableRegisters(state, settings, watchdog),
  });
  return {
    image,
    maxCurrentMa: MAX_CURRENT_A * 1000,
    watchdog,
    permission: (nowMs) => {
      times.observe(nowMs);
      settings.alive = 0;
      tripsAt(watchdog, nowMs);
      const limitMa = (watchdog.tripped ? settings.failsafeA : settings.limitA) * 1000;
      return { unlocked: true, limitMa, source: watchdog.tripped ? 'fallback' : 'setpoint' };
    },
    heard: () => {},
    unplugged: () => {},
    reportedRegisterWh: () => Math.floor(totalWh(state)),
  };
}

function holdingRegisters(state: PileState, settings: Settings, watchdog: Watchdog, times: SessionTimes): ReadTable {
  return readTable(
    word(1000, () => chargePointState(state)),
    perPhase(word, 1008, 2, (phase) => state.currentsA[phase] * 1000),
    long(1020, () => state.powerW),
    long(1036, () => Math.floor(totalWh(state))),
    long(1508, times.connectedS),
    filled(1600, 10, 0),
    word(1620, () => 0),
    word(2000, () => settings.failsafeA),
    word(2002, () => watchdog.timeoutMs / 1000),
    word(6000, () => settings.alive),
  );
}

function writableRegisters(state: PileState, settings: Settings, watchdog: Watchdog): WriteTable {
  const set = (change: Partial<Settings>): unknown => Object.assign(settings, change);
  const writeAlive = (alive: number): void => {
    set({ alive });
    if (alive === 1) Object.assign(watchdog, { lastFedMs: state.nowMs, tripped: false });
  };
  return new Map([
    wordField(2000, zeroOr(6, MAX_CURRENT_A), (failsafeA) => set({ failsafeA })),
    wordField(2002, within(1, 0xffff), (timeoutS) => Object.assign(watchdog, { timeoutMs: timeoutS * 1000 })),
    wordField(5004, within(0, MAX_CURRENT_A), (limitA) => set({ limitA })),
    wordField(6000, oneOf(0, 1), writeAlive),
  ]);
}

/** Register 1000: 0 no vehicle, 1 vehicle connected, 3 charging, 4 paused by the box, 7 error. */
function chargePointState({ pilot }: PileState): number {
  return { A1: 0, A2: 0, B1: 4, B2: 1, C1: 4, C2: 3, E: 7, F: 7 }[pilot];
}
