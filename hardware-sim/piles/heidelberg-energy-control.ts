import type { PduKind } from '../line/pdu.ts';
import type { RegisterImage } from '../line/register-image.ts';
import { firmwareParts, type ModelSettings } from './model-options.ts';
import type { PileModel } from './pile-model.ts';
import { type PileState, phaseV } from './pile-state.ts';
import { long, perPhase, word } from './register-shapes.ts';
import { planWrite, type ReadTable, readFrom, readTable, type WriteField, type WriteTable } from './registers.ts';
import { newWatchdog, tripsAt, type Watchdog } from './watchdog.ts';

const DEFAULT_TIMEOUT_MS = 15_000;
const MAX_CURRENT_A = 16;
const MIN_CURRENT_A = 6;

/** Values of the holding registers. Currents are in 0.1 A. */
interface Settings {
  standby: number;
  remoteLock: number;
  limitTenthA: number;
  failsafeTenthA: number;
}

/**
 * Heidelberg Energy Control, from its Modbus register table (layout V1.0.0): input registers by FC04, holding by FC03,
 * writes by FC06 and FC16, no broadcast.
 *
 * Any valid request to the unit feeds the watchdog; after a trip register 262 rules until the next valid request, then 261
 * rules again. `startsPermitted` is a box that offers 16 A before any controller has spoken.
 */
export function heidelbergEnergyControl(
  state: PileState,
  startsPermitted: boolean,
  { firmware = '1.8' }: ModelSettings,
): PileModel {
  const watchdog = newWatchdog(DEFAULT_TIMEOUT_MS, state.nowMs);
  const settings: Settings = {
    standby: 0,
    remoteLock: 1,
    limitTenthA: startsPermitted ? MAX_CURRENT_A * 10 : 0,
    failsafeTenthA: 0,
  };
  const inputs = inputRegisters(state, settings, firmware);
  const holdings = holdingRegisters(settings, watchdog);
  const writable = writableRegisters(settings, watchdog);
  const image: RegisterImage = {
    functions: new Set([3, 4, 6, 16]),
    readInput: (address, count) => readFrom(inputs, address, count),
    readHolding: (address, count) => readFrom(holdings, address, count),
    writeHolding: (address, words) => planWrite(writable, address, words),
  };
  return {
    image,
    maxCurrentMa: MAX_CURRENT_A * 1000,
    watchdog,
    permission: (nowMs) => {
      tripsAt(watchdog, nowMs);
      const tenthA = watchdog.tripped ? settings.failsafeTenthA : settings.limitTenthA;
      const source = watchdog.tripped ? 'fallback' : 'setpoint';
      return { unlocked: settings.remoteLock === 1, limitMa: tenthA * 100, source };
    },
    heard: (_kind: PduKind, nowMs) => {
      watchdog.lastFedMs = nowMs;
      watchdog.tripped = false;
    },
    unplugged: () => {},
    reportedRegisterWh: () => installedWh(state),
  };
}

function installedWh(state: PileState): number {
  return Math.floor(state.initialRegisterWh + state.meterWh);
}

function inputRegisters(state: PileState, settings: Settings, firmware: string): ReadTable {
  const [major, minor] = firmwareParts(firmware);
  return readTable(
    word(4, () => 0x0100),
    word(5, () => stateNumber(state, settings)),
    word(6, () => state.currentsA[0] * 10),
    word(7, () => state.currentsA[1] * 10),
    word(8, () => state.currentsA[2] * 10),
    word(9, () => state.temperatureC * 10),
    perPhase(word, 10, 1, (phase) => phaseV(state, phase)),
    word(13, () => 1),
    word(14, () => state.powerW),
    long(15, () => Math.floor(state.meterWh)),
    long(17, () => installedWh(state)),
    word(100, () => MAX_CURRENT_A),
    word(101, () => MIN_CURRENT_A),
    word(200, () => 0),
    word(203, () => (major << 8) | minor),
  );
}

function holdingRegisters(settings: Settings, watchdog: Watchdog): ReadTable {
  return readTable(
    word(257, () => watchdog.timeoutMs),
    word(258, () => settings.standby),
    word(259, () => settings.remoteLock),
    word(261, () => settings.limitTenthA),
    word(262, () => settings.failsafeTenthA),
  );
}

function writableRegisters(settings: Settings, watchdog: Watchdog): WriteTable {
  const stopOrCurrent = (value: number): boolean => value === 0 || (value >= 60 && value <= 160);
  return new Map<number, WriteField>([
    [
      257,
      field(
        () => true,
        (value) => Object.assign(watchdog, { timeoutMs: value }),
      ),
    ],
    [
      258,
      field(
        (value) => value === 0 || value === 4,
        (value) => Object.assign(settings, { standby: value }),
      ),
    ],
    [
      259,
      field(
        (value) => value <= 1,
        (value) => Object.assign(settings, { remoteLock: value }),
      ),
    ],
    [261, field(stopOrCurrent, (value) => Object.assign(settings, { limitTenthA: value }))],
    [262, field(stopOrCurrent, (value) => Object.assign(settings, { failsafeTenthA: value }))],
  ]);
}

function field(accepts: (value: number) => boolean, apply: (value: number) => void) {
  return { words: 1 as const, accepts, apply };
}

/** Register 5: 2 A1, 3 A2, 4 B1, 5 B2, 6 C1, 7 C2, 8 derating, 9 E, 10 F, 11 ERR. A locked box shows 10. */
function stateNumber(state: PileState, settings: Settings): number {
  if (state.pilot === 'E') return 9;
  if (state.pilot === 'F') return 11;
  if (settings.remoteLock === 0) return 10;
  if (state.derated && state.pilot === 'C2') return 8;
  return { A1: 2, A2: 3, B1: 4, B2: 5, C1: 6, C2: 7 }[state.pilot];
}
