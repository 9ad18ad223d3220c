import type { BstReason } from '../../faults/bst-reasons.ts';
import { wrapped } from '../../meters/meter-count.ts';
import { socOf } from '../../world/battery.ts';
import type { Slice } from '../../world/stepper.ts';
import { tableImage } from '../image.ts';
import { protectFromHeat } from '../offer.ts';
import type { PileModel } from '../pile-model.ts';
import type { PileState } from '../pile-state.ts';
import { long, word } from '../register-shapes.ts';
import { longField, oneOf, readTable, within, wordField, zeroOr } from '../registers.ts';
import { newWatchdog, tripsAt, type Watchdog } from '../watchdog.ts';
import {
  type DcCharge,
  type DcPhase,
  isFaulty,
  newDcCharge,
  standingFault,
  startCharge,
  stepCharge,
  stopCharge,
} from './dc-charge.ts';
import { DC_REGISTER_END_WH, type DcOutput, packV, stepPower } from './dc-power.ts';
import { bstWord, type CstReason, cstWord } from './stop-reasons.ts';

const MAX_POWER_W = 120_000;
const DEFAULT_TIMEOUT_MS = 30_000;
const NO_VEHICLE = 0xffff;
const START = 1;
const STOP = 2;

/** Input power over output power is one over this. */
export const DC_EFFICIENCY = 0.95;

/** What physically is at the DC side, and why the last charge ended. */
export interface DcTruth {
  readonly phase: DcPhase;
  readonly outputV: number;
  readonly outputA: number;
  readonly limitW: number;
  /** The vehicle's reasons (BST) and the charger's (CST) for ending the last charge. */
  readonly vehicleStopReasons: readonly BstReason[];
  readonly chargerStopReasons: readonly CstReason[];
}

interface Settings {
  command: number;
  limitW: number;
  fallbackW: number;
  /** The last limit above 0, for a pile that ignores a soft stop. */
  lastLimitW: number;
}

/**
 * A DC pile of no vendor: holding registers by FC03, FC06 and FC16, values of two registers with the high word first.
 *
 * | Register | Type | Meaning |
 * | --- | --- | --- |
 * | 0 | u16 | state: 0 idle, 1 gun in, 2 insulation check, 3 hand-shake, 4 charging, 5 stopping, 6 ended, 7 fault |
 * | 1, 2 | u16 | output voltage in 0.1 V, output current in 0.1 A |
 * | 3 | u32 | output power in W |
 * | 5 | u16 | state of charge in %, 0xFFFF without a vehicle that has told it |
 * | 6, 8 | u32 | total energy in Wh, energy of the present or last vehicle in Wh |
 * | 10, 12 | u32 | the four bytes of BST and of CST of the last end (GB/T 27930-2015), 0 before and during a charge |
 * | 14, 15 | i16 | temperature of board and gun in 0.1 °C |
 * | 16 | u16 | fault: 0 none, 1 emergency stop, 2 insulation, 3 over-temperature, 4 gun pulled, 5 BMS timeout, 6 gun lock, |
 * | | | 7 watchdog, 8 residual current, 9 protective earth, 10 overload; in state 7 it stands, else it ended the last charge |
 * | 17 | u16 | contactor: 0 open, 1 closed, by its auxiliary contact |
 * | 100 | u16 | command: 1 start, 2 stop; reads as the last one |
 * | 101 | u32 | limit in W, 0..120000; 0 keeps the contacts closed at 0 A |
 * | 103 | u16 | watchdog in s, 0 = off, default 30; any valid request feeds it |
 * | 104 | u32 | fallback in W once the watchdog has tripped, until the next valid request; 0, the default, ends the charge |
 *
 * `startsPermitted` is a pile without a limit at power-on that starts by itself when a gun is plugged in.
 */
export function genericDc(state: PileState, startsPermitted: boolean): PileModel {
  const watchdog = newWatchdog(DEFAULT_TIMEOUT_MS, state.nowMs);
  const initialW = startsPermitted ? MAX_POWER_W : 0;
  const settings: Settings = { command: 0, limitW: initialW, fallbackW: 0, lastLimitW: initialW };
  const charge = newDcCharge(state.nowMs);
  const output: DcOutput = { volt: 0, ampere: 0 };
  const limitW = (): number => limitInForceW(settings, watchdog, state);
  return {
    image: tableImage({
      functions: [3, 6, 16],
      holdings: readable(state, settings, watchdog, charge, output),
      writable: writable(state, settings, watchdog, charge),
    }),
    maxCurrentMa: 250_000,
    watchdog,
    permission: () => ({ unlocked: true, limitMa: 0, source: watchdog.tripped ? 'fallback' : 'setpoint' }),
    heard: (_kind, nowMs) => {
      watchdog.lastFedMs = nowMs;
      watchdog.tripped = false;
    },
    unplugged: () => {},
    reportedRegisterWh: () => totalWh(state),
    dc: {
      step: (slice) => {
        step(state, charge, output, limitW, watchdog, slice);
        if (startsPermitted && charge.phase === 'plugged') startCharge(charge, state);
      },
      allowedW: () => (['insulation-check', 'handshake', 'charging'].includes(charge.phase) ? limitW() : 0),
      truth: () => ({
        phase: charge.phase,
        outputV: output.volt,
        outputA: output.ampere,
        limitW: limitW(),
        vehicleStopReasons: [...charge.bst],
        chargerStopReasons: [...charge.cst],
      }),
    },
  };
}

function step(
  state: PileState,
  charge: DcCharge,
  output: DcOutput,
  limitW: () => number,
  watchdog: Watchdog,
  slice: Slice,
): void {
  state.nowMs = slice.nowMs;
  const { plugged, aborted } = state.vehicle;
  state.vehicle = { ...state.vehicle, aborted: plugged && (aborted || state.effects.bmsAbort !== undefined) };
  if (state.powered) {
    protectFromHeat(state);
    tripsAt(watchdog, slice.nowMs);
    stepCharge(charge, state, output.ampere, watchdog.tripped && limitW() === 0);
  }
  stepPower(state, charge, output, limitW(), slice);
  state.offerA = charge.phase === 'charging' ? limitW() / packV(state.vehicle) : 0;
  state.pilot = pilotOf(state, charge);
}

function limitInForceW(settings: Settings, watchdog: Watchdog, state: PileState): number {
  if (watchdog.tripped) return settings.fallbackW;
  const ignored = state.effects.softStopIgnored && settings.limitW === 0;
  return ignored ? settings.lastLimitW : settings.limitW;
}

/** The nearest state of an AC pile, for a truth that tells all piles alike. */
function pilotOf(state: PileState, { phase }: DcCharge): PileState['pilot'] {
  if (!state.powered || state.effects.emergencyStop) return 'E';
  if (isFaulty(state)) return 'F';
  if (phase === 'idle') return 'A1';
  return phase === 'charging' ? 'C2' : 'B1';
}

function totalWh(state: PileState): number {
  return Math.floor(state.initialRegisterWh + state.meterWh);
}

function stateNumber(state: PileState, { phase }: DcCharge): number {
  if (isFaulty(state)) return 7;
  return { idle: 0, plugged: 1, 'insulation-check': 2, handshake: 3, charging: 4, stopping: 5, ended: 6 }[phase];
}

/** The BMS tells the state of charge from the hand-shake on; after a charge the pile shows the last one. */
function socPercent({ vehicle }: PileState, { phase }: DcCharge): number {
  const told = phase === 'charging' || phase === 'stopping' || phase === 'ended';
  return told ? Math.floor(socOf(vehicle.battery) * 100 + 1e-6) : NO_VEHICLE;
}

function readable(state: PileState, settings: Settings, watchdog: Watchdog, charge: DcCharge, output: DcOutput) {
  return readTable(
    word(0, () => stateNumber(state, charge)),
    word(1, () => output.volt * 10),
    word(2, () => output.ampere * 10),
    long(3, () => state.powerW),
    word(5, () => socPercent(state, charge)),
    long(6, () => wrapped(totalWh(state), DC_REGISTER_END_WH)),
    long(8, () => Math.floor(state.meterWh - state.meterAtPlugWh)),
    long(10, () => bstWord(charge.bst)),
    long(12, () => cstWord(charge.cst)),
    word(14, () => state.temperatureC * 10),
    word(15, () => state.gunTemperatureC * 10),
    word(16, () => shownFault(state, charge)),
    word(17, () => (state.contactor.conducting ? 1 : 0)),
    word(100, () => settings.command),
    long(101, () => settings.limitW),
    word(103, () => watchdog.timeoutMs / 1000),
    long(104, () => settings.fallbackW),
  );
}

/** What is wrong with the pile, else why the last charge ended. */
function shownFault(state: PileState, { faultCode }: DcCharge): number {
  return state.effects.vendorCode ?? (isFaulty(state) ? standingFault(state) : faultCode);
}

function writable(state: PileState, settings: Settings, watchdog: Watchdog, charge: DcCharge) {
  const command = (value: number): void => {
    settings.command = value;
    if (value === START) startCharge(charge, state);
    else stopCharge(charge, state.nowMs);
  };
  const limit = (limitW: number): void => {
    settings.limitW = limitW;
    if (limitW > 0) settings.lastLimitW = limitW;
  };
  return new Map([
    wordField(100, oneOf(START, STOP), command),
    longField(101, within(0, MAX_POWER_W), limit),
    wordField(103, zeroOr(2, 600), (value) =>
      Object.assign(watchdog, { timeoutMs: value * 1000, lastFedMs: state.nowMs }),
    ),
    longField(104, within(0, MAX_POWER_W), (value) => Object.assign(settings, { fallbackW: value })),
  ]);
}
