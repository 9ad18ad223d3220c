import { tableImage } from './image.ts';
import type { ModelSettings } from './model-options.ts';
import type { PileModel } from './pile-model.ts';
import { type PileState, phaseV } from './pile-state.ts';
import { ascii, type Cell, double, float, floatOf, long, perPhase, quad, word } from './register-shapes.ts';
import { longField, oneOf, readTable, type WriteTable, wordField } from './registers.ts';
import { totalWh } from './status.ts';
import { newWatchdog, tripsAt, type Watchdog } from './watchdog.ts';

/** The largest current of one socket in A. */
export const ALFEN_MAX_CURRENT_A = 32;
const VALIDITY_MS = 60_000;
const NOT_AVAILABLE = (): number => Number.NaN;

interface Settings {
  setpointA: number;
  readonly safeCurrentA: number;
  phases: 1 | 3;
  meterUpdatedAtMs: number;
}

/**
 * One socket of an Alfen NG9xx, from its Modbus slave description as traced on the wire: numbers are wire addresses, all
 * values have the high word first. FC03, FC06 and FC16; the set-point 1210 is a single of two words and so needs FC16.
 *
 * Each write of 1210 is valid for 60 s; then the safe current 1212 rules until the next one. Modbus cannot set 1212: it is
 * `settings.safeCurrentA`, or nothing. `startsPermitted` is a station whose safe current is the full one.
 */
export function alfenNg9xx(state: PileState, startsPermitted: boolean, options: ModelSettings): PileModel {
  const watchdog: Watchdog = { ...newWatchdog(VALIDITY_MS, state.nowMs), tripped: true };
  const settings: Settings = {
    setpointA: 0,
    safeCurrentA: options.safeCurrentA ?? (startsPermitted ? ALFEN_MAX_CURRENT_A : 0),
    phases: 3,
    meterUpdatedAtMs: state.nowMs,
  };
  const image = tableImage({
    functions: [3, 6, 16],
    holdings: readTable(...meterRegisters(state, settings), ...socketRegisters(state, settings, watchdog)),
    writable: writableRegisters(state, settings, watchdog),
  });
  return {
    image,
    maxCurrentMa: ALFEN_MAX_CURRENT_A * 1000,
    watchdog,
    permission: (nowMs) => {
      if (!state.effects.meterStuck) settings.meterUpdatedAtMs = nowMs;
      tripsAt(watchdog, nowMs);
      const source = watchdog.tripped ? 'fallback' : 'setpoint';
      return { unlocked: true, limitMa: appliedA(settings, watchdog) * 1000, source, phases: settings.phases };
    },
    heard: () => {},
    unplugged: () => {},
    reportedRegisterWh: () => Math.floor(totalWh(state)),
  };
}

function appliedA(settings: Settings, watchdog: Watchdog): number {
  return Math.min(ALFEN_MAX_CURRENT_A, watchdog.tripped ? settings.safeCurrentA : settings.setpointA);
}

function meterRegisters(state: PileState, settings: Settings): readonly (readonly Cell[])[] {
  const [powerShare, currents] = [phasePowerW(state), () => state.currentsA];
  return [
    word(300, () => 1),
    quad(301, () => state.nowMs - settings.meterUpdatedAtMs),
    word(305, () => 0),
    perPhase(float, 306, 2, (phase) => phaseV(state, phase)),
    perPhase(float, 312, 2, (phase) => phaseV(state, phase) * Math.sqrt(3)),
    float(318, () => neutralA(state)),
    perPhase(float, 320, 2, (phase) => currents()[phase]),
    float(326, () => currents().reduce((sum, currentA) => sum + currentA, 0)),
    ...range(328, 4, 2, (address) => float(address, () => 1)),
    float(336, () => 50),
    perPhase(float, 338, 2, powerShare),
    float(344, () => state.powerW),
    perPhase(float, 346, 2, powerShare),
    float(352, () => state.powerW),
    ...range(354, 4, 2, (address) => float(address, () => 0)),
    ...range(362, 3, 4, (address) => double(address, NOT_AVAILABLE)),
    double(374, () => Math.floor(totalWh(state))),
    ...range(378, 12, 4, (address) => double(address, NOT_AVAILABLE)),
  ];
}

function range(first: number, count: number, step: number, cells: (address: number) => readonly Cell[]) {
  return Array.from({ length: count }, (_, index) => cells(first + index * step));
}

function phasePowerW(state: PileState) {
  return (phase: 0 | 1 | 2): number => state.currentsA[phase] * phaseV(state, phase);
}

/** The vector sum of three currents 120 degrees apart. */
function neutralA({ currentsA: [l1, l2, l3] }: PileState): number {
  return Math.sqrt(Math.max(0, l1 * l1 + l2 * l2 + l3 * l3 - l1 * l2 - l2 * l3 - l1 * l3));
}

function socketRegisters(state: PileState, settings: Settings, watchdog: Watchdog): readonly (readonly Cell[])[] {
  return [
    word(1200, () => (state.pilot === 'F' ? 0 : 1)),
    ascii(1201, 5, () => mode3State(state)),
    float(1206, () => appliedA(settings, watchdog)),
    long(1208, () => remainingS(state, watchdog)),
    float(1210, () => settings.setpointA),
    float(1212, () => settings.safeCurrentA),
    word(1214, () => (watchdog.tripped ? 0 : 1)),
    word(1215, () => settings.phases),
  ];
}

/** A socket without a vehicle shows `E`. */
function mode3State({ vehicle, pilot }: PileState): string {
  return vehicle.plugged ? pilot : 'E';
}

function remainingS(state: PileState, watchdog: Watchdog): number {
  if (watchdog.tripped) return 0;
  return Math.max(0, Math.ceil((watchdog.lastFedMs + VALIDITY_MS - state.nowMs) / 1000));
}

function writableRegisters(state: PileState, settings: Settings, watchdog: Watchdog): WriteTable {
  const setPoint = (bits: number): void => {
    settings.setpointA = floatOf(bits);
    Object.assign(watchdog, { lastFedMs: state.nowMs, tripped: false });
  };
  return new Map([
    longField(1210, (bits) => floatOf(bits) >= 0 && floatOf(bits) <= 80, setPoint),
    wordField(1215, oneOf(1, 3), (phases) => Object.assign(settings, { phases })),
  ]);
}
