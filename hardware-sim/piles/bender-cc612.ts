import { type ReadOutcome, type RegisterImage, refuse } from '../line/register-image.ts';
import { tableImage } from './image.ts';
import type { ModelSettings } from './model-options.ts';
import type { PileModel } from './pile-model.ts';
import { PHASE_VOLTAGE_V, type PileState, phaseV } from './pile-state.ts';
import { ascii, type Cell, filled, long, perPhase, word } from './register-shapes.ts';
import { anyValue, oneOf, readTable, type WriteTable, within, wordField, zeroOr } from './registers.ts';
import { createSessionTimes, type SessionTimes } from './session-times.ts';
import {
  type FaultNumbers,
  faultNumber,
  isCharging,
  type OcppStatus,
  ocppStatus,
  sessionWh,
  totalWh,
} from './status.ts';
import { newWatchdog, tripsAt, type Watchdog } from './watchdog.ts';

const MAX_CURRENT_A = 32;
const MIN_CURRENT_A = 6;
const DEFAULT_TIMEOUT_MS = 60_000;
const NOT_AVAILABLE = 0xffff;
/** Register 1002: a power up to the first is drawn from one phase, a larger one from three; the second is no limit. */
const ONE_PHASE_W = 3725;
const THREE_PHASES = 0xffff;
/** Asking these makes a 4You close the connection. */
const CLOSING_ADDRESSES = [730, 740];

const OCPP_NUMBERS: Readonly<Record<OcppStatus, number>> = {
  available: 0,
  faulted: 4,
  preparing: 5,
  charging: 6,
  'suspended-evse': 7,
  'suspended-ev': 8,
};

/**
 * The error field at 111: bit 1 vehicle state E, 5 residual current device, 6 contactor welded, 14 control pilot wiring,
 * 15 overload. A `pile-error` or `vendor-fault` brings its own field.
 */
const ERROR_BITS: FaultNumbers = {
  'emergency-stop': 1 << 1,
  'residual-current': 1 << 5,
  welded: 1 << 6,
  'over-temperature': 1 << 15,
  overload: 1 << 15,
  error: 1 << 14,
};

interface Settings {
  available: number;
  safeCurrentA: number;
  hemsTenthA: number;
  hemsPowerW: number;
}

/**
 * Bender CC612/CC613 charge controller, as in the Mennekes Amtron, from its ebee register set: everything in holding
 * registers, high word first, 0xFFFF and 0xFFFFFFFF for what is not available.
 *
 * Any valid request feeds the communication timeout 132 (0 = off); after a trip the safe current 131 rules until the next
 * one. The `4you` edition has the finer limit 1001 and closes the connection when 730 or 740 is read. `startsPermitted` is
 * a box without a limit at power-on.
 */
export function benderCc612(state: PileState, startsPermitted: boolean, options: ModelSettings): PileModel {
  const watchdog = newWatchdog(DEFAULT_TIMEOUT_MS, state.nowMs);
  const settings: Settings = {
    available: 1,
    safeCurrentA: options.safeCurrentA ?? 0,
    hemsTenthA: startsPermitted ? MAX_CURRENT_A * 10 : 0,
    hemsPowerW: THREE_PHASES,
  };
  const times = createSessionTimes(state);
  const is4you = options.edition === '4you';
  const image = tableImage({
    functions: [3, 6, 16],
    holdings: readTable(
      ...statusRegisters(state, options.firmware ?? '5.33'),
      ...meterRegisters(state),
      ...sessionRegisters(state, settings, watchdog, times),
      ...settingRegisters(settings, watchdog, is4you),
    ),
    writable: writableRegisters(settings, watchdog, is4you),
  });
  return {
    image: is4you ? closingOn(CLOSING_ADDRESSES, image) : image,
    maxCurrentMa: MAX_CURRENT_A * 1000,
    watchdog,
    permission: (nowMs) => {
      times.observe(nowMs);
      tripsAt(watchdog, nowMs);
      return {
        unlocked: settings.available === 1,
        limitMa: limitInForceMa(settings, watchdog),
        source: watchdog.tripped ? 'fallback' : 'setpoint',
        phases: wantedPhases(settings),
      };
    },
    heard: (_kind, nowMs) => Object.assign(watchdog, { lastFedMs: nowMs, tripped: false }),
    unplugged: () => {},
    reportedRegisterWh: () => Math.floor(totalWh(state)),
  };
}

/** `image` with addresses whose reading ends the connection instead of giving an answer. */
function closingOn(addresses: readonly number[], image: RegisterImage): RegisterImage {
  const readHolding = (address: number, count: number): ReadOutcome =>
    addresses.some((closing) => closing >= address && closing < address + count)
      ? refuse('hang-up')
      : image.readHolding(address, count);
  return { ...image, readHolding };
}

function limitInForceMa(settings: Settings, watchdog: Watchdog): number {
  if (watchdog.tripped) return settings.safeCurrentA * 1000;
  const chosenMa = Math.min(settings.hemsTenthA, MAX_CURRENT_A * 10) * 100;
  if (settings.hemsPowerW === THREE_PHASES) return chosenMa;
  const powerMa = (settings.hemsPowerW * 1000) / (wantedPhases(settings) * PHASE_VOLTAGE_V);
  return Math.min(chosenMa, Math.floor(powerMa));
}

function wantedPhases({ hemsPowerW }: Settings): 1 | 3 {
  return hemsPowerW <= ONE_PHASE_W ? 1 : 3;
}

function statusRegisters(state: PileState, firmware: string): readonly (readonly Cell[])[] {
  const pilotNumber = (): number => ({ A: 1, B: 2, C: 3, E: 5, F: 5 })[state.pilot.charAt(0)] ?? 5;
  return [
    ascii(100, 2, () => firmware),
    word(104, () => OCPP_NUMBERS[ocppStatus(state)]),
    filled(105, 6, 0),
    long(111, () => faultNumber(state, ERROR_BITS)),
    ascii(120, 2, () => '0.6'),
    word(122, pilotNumber),
    word(123, () => 0x09 + pilotNumber()),
    word(133, () => MAX_CURRENT_A),
    word(134, () => MAX_CURRENT_A),
    filled(135, 4, NOT_AVAILABLE),
    word(140, () => (state.contactor.conducting ? { 1: 5, 3: 1 }[state.connectedPhases] : 0)),
    ascii(142, 10, () => 'CC612'),
    filled(153, 3, NOT_AVAILABLE),
  ];
}

/** The meter has no counter of its own for each phase. */
function meterRegisters(state: PileState): readonly (readonly Cell[])[] {
  return [
    filled(200, 6, NOT_AVAILABLE),
    perPhase(long, 206, 2, (phase) => state.currentsA[phase] * phaseV(state, phase)),
    perPhase(long, 212, 2, (phase) => state.currentsA[phase] * 1000),
    long(218, () => Math.floor(totalWh(state))),
    long(220, () => state.powerW),
    perPhase(long, 222, 2, (phase) => phaseV(state, phase)),
  ];
}

function sessionRegisters(state: PileState, settings: Settings, watchdog: Watchdog, times: SessionTimes) {
  const energyWh = (): number => Math.floor(sessionWh(state));
  return [
    long(705, energyWh),
    long(709, times.chargingS),
    word(712, () => MIN_CURRENT_A),
    word(715, () => (isCharging(state) ? limitInForceMa(settings, watchdog) / 1000 : 0)),
    long(716, energyWh),
    long(718, times.chargingS),
    filled(720, 10, 0),
    word(730, () => NOT_AVAILABLE),
    word(740, () => NOT_AVAILABLE),
    filled(741, 6, 0),
  ];
}

function settingRegisters(settings: Settings, watchdog: Watchdog, is4you: boolean): readonly (readonly Cell[])[] {
  return [
    word(124, () => settings.available),
    word(131, () => settings.safeCurrentA),
    word(132, () => watchdog.timeoutMs / 1000),
    word(1000, () => Math.floor(settings.hemsTenthA / 10)),
    ...(is4you ? [word(1001, () => settings.hemsTenthA)] : []),
    word(1002, () => settings.hemsPowerW),
  ];
}

function writableRegisters(settings: Settings, watchdog: Watchdog, is4you: boolean): WriteTable {
  const set = (change: Partial<Settings>): unknown => Object.assign(settings, change);
  return new Map([
    wordField(124, oneOf(0, 1), (available) => set({ available })),
    wordField(131, zeroOr(MIN_CURRENT_A, 80), (safeCurrentA) => set({ safeCurrentA })),
    wordField(132, anyValue, (timeoutS) => Object.assign(watchdog, { timeoutMs: timeoutS * 1000 })),
    wordField(1000, within(0, 80), (limitA) => set({ hemsTenthA: limitA * 10 })),
    ...(is4you ? [wordField(1001, within(0, 800), (hemsTenthA) => set({ hemsTenthA }))] : []),
    wordField(1002, anyValue, (hemsPowerW) => set({ hemsPowerW })),
  ]);
}
