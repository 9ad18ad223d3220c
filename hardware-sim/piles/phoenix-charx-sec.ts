import { tableImage } from './image.ts';
import type { ModelSettings } from './model-options.ts';
import type { PileModel } from './pile-model.ts';
import { type PileState, phaseV } from './pile-state.ts';
import { ascii, filled, long, perPhase, quad, word } from './register-shapes.ts';
import { oneOf, type ReadTable, readTable, within, wordField } from './registers.ts';
import { createSessionTimes, type SessionTimes } from './session-times.ts';
import { sessionWh, totalWh } from './status.ts';
import { unwatched } from './unwatched.ts';

const MAX_CURRENT_A = 32;

/** Addresses of connector n are n times this plus an offset. */
export const CONNECTOR_SPAN = 1000;
/** Holding and input registers are the same. */
export const CHARX_FUNCTIONS = [3, 4, 6, 16] as const;

interface Settings {
  enabled: boolean;
  limitA: number;
}

/**
 * One connector of a Phoenix Contact CHARX SEC, from its register table: wide values with the high word first, the state
 * letter in the high byte of its word. Connectors share one unit; `settings.socket` says which thousand is this one's.
 *
 * There is no watchdog. `startsPermitted` is a connector that is enabled at power-on.
 */
export function phoenixCharxSec(state: PileState, startsPermitted: boolean, { socket }: ModelSettings): PileModel {
  const settings: Settings = { enabled: startsPermitted, limitA: MAX_CURRENT_A };
  const set = (change: Partial<Settings>): unknown => Object.assign(settings, change);
  const times = createSessionTimes(state);
  const at = (offset: number): number => socket * CONNECTOR_SPAN + offset;
  const table = connectorRegisters(at, state, settings, times);
  const image = tableImage({
    functions: CHARX_FUNCTIONS,
    inputs: table,
    holdings: table,
    writable: new Map([
      wordField(at(300), oneOf(0, 1), (value) => set({ enabled: value === 1 })),
      wordField(at(301), within(0, 80), (value) => set({ limitA: value })),
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

function connectorRegisters(
  at: (offset: number) => number,
  state: PileState,
  settings: Settings,
  times: SessionTimes,
): ReadTable {
  return readTable(
    word(at(112), () => 1),
    perPhase(long, at(232), 2, (phase) => phaseV(state, phase) * 1000),
    perPhase(long, at(238), 2, (phase) => state.currentsA[phase] * 1000),
    long(at(244), () => state.powerW * 1000),
    quad(at(250), () => Math.floor(totalWh(state))),
    /** AC charging tells no state of charge, and no identity of the vehicle. */
    word(at(264), () => 0),
    filled(at(265), 10, 0),
    ascii(at(275), 10, () => state.cardNumber),
    long(at(285), times.connectedS),
    long(at(287), times.chargingS),
    long(at(289), () => Math.floor(sessionWh(state))),
    word(at(299), () => pilotText(state)),
    word(at(300), () => (settings.enabled ? 1 : 0)),
    word(at(301), () => settings.limitA),
  );
}

/** Two characters: `A1` to `C2`; states E and F have no second one. */
function pilotText({ pilot }: PileState): number {
  return (pilot.charCodeAt(0) << 8) | (pilot.charCodeAt(1) || 0);
}
