import { ILLEGAL_ADDRESS, type ReadOutcome, type RegisterImage, refuse } from '../line/register-image.ts';
import type { PileModel } from './pile-model.ts';
import { PHASE_VOLTAGE_V, type PileState } from './pile-state.ts';
import { planWrite, type WriteField, type WriteTable } from './registers.ts';
import { newWatchdog, tripsAt, type Watchdog } from './watchdog.ts';

const MAX_CURRENT_MA = 32_000;
const SERIAL_NUMBER = 20_417_733;
/** Six digits beginning with 3: a P30; fifth digit: it has a meter; sixth digit: it has an RFID reader. */
const PRODUCT_CODE = 302_011;
const FIRMWARE = 31_042;

/** What the writable registers hold, and what a trip has left to be set again. */
interface Settings {
  enabled: boolean;
  limitMa: number;
  failsafeMa: number;
  unlockedPlug: boolean;
  /** Session energy limit in Wh; 0 = none. */
  energyLimitWh: number;
  awaitsCurrent: boolean;
  awaitsEnable: boolean;
}

/**
 * KEBA KeContact P30, from its Modbus TCP programmers guide: FC03 for single values of two registers each, FC06 for writes,
 * all values unsigned with the high word first.
 *
 * Only writes feed the failsafe timer. A trip enforces the failsafe current (0 = no charge) until both current and enable
 * have been set again. `startsPermitted` is a box that offers its full current before any controller has spoken.
 */
export function kebaP30(state: PileState, startsPermitted: boolean): PileModel {
  const watchdog = newWatchdog(0, state.nowMs);
  const settings: Settings = {
    enabled: startsPermitted,
    limitMa: MAX_CURRENT_MA,
    failsafeMa: 0,
    unlockedPlug: false,
    energyLimitWh: 0,
    awaitsCurrent: false,
    awaitsEnable: false,
  };
  const values = readableValues(state, settings, watchdog);
  const writable = writableRegisters(settings, watchdog, state);
  const image: RegisterImage = {
    functions: new Set([3, 6]),
    readInput: () => refuse(ILLEGAL_ADDRESS),
    readHolding: (address, count) => readValue(values, address, count),
    writeHolding: (address, words) => planWrite(writable, address, words),
  };
  return {
    image,
    maxCurrentMa: MAX_CURRENT_MA,
    watchdog,
    permission: (nowMs) => {
      if (tripsAt(watchdog, nowMs)) trip(settings);
      const unlocked = settings.enabled && !energyLimitReached(state, settings);
      return { unlocked, limitMa: limitInForceMa(settings), source: watchdog.tripped ? 'fallback' : 'setpoint' };
    },
    heard: (kind, nowMs) => {
      if (kind !== 'write') return;
      watchdog.lastFedMs = nowMs;
      if (!settings.awaitsCurrent && !settings.awaitsEnable) watchdog.tripped = false;
    },
    unplugged: () => {
      settings.unlockedPlug = false;
    },
    reportedRegisterWh: () => totalTenthWh(state) / 10,
  };
}

function trip(settings: Settings): void {
  settings.enabled = settings.failsafeMa > 0;
  settings.awaitsCurrent = true;
  settings.awaitsEnable = true;
}

function limitInForceMa(settings: Settings): number {
  const recovered = !settings.awaitsCurrent && !settings.awaitsEnable;
  return Math.min(MAX_CURRENT_MA, recovered ? settings.limitMa : settings.failsafeMa);
}

function totalTenthWh(state: PileState): number {
  return Math.floor((state.initialRegisterWh + state.meterWh) * 10);
}

/** Session energy restarts when charging begins, not when a vehicle is plugged in. */
function sessionWh(state: PileState): number {
  return state.meterWh - state.meterAtChargeStartWh;
}

function energyLimitReached(state: PileState, settings: Settings): boolean {
  return settings.energyLimitWh > 0 && sessionWh(state) >= settings.energyLimitWh;
}

/** Exactly one value from its first register; anything else is an illegal address. */
function readValue(values: ReadonlyMap<number, () => number>, address: number, count: number): ReadOutcome {
  const get = values.get(address);
  if (get === undefined || count !== 2) return refuse(ILLEGAL_ADDRESS);
  const value = Math.round(get());
  return { ok: true, words: [Math.floor(value / 0x10000) & 0xffff, value % 0x10000] };
}

function readableValues(state: PileState, settings: Settings, watchdog: Watchdog): ReadonlyMap<number, () => number> {
  return new Map<number, () => number>([
    [1000, () => chargingState(state)],
    [1004, () => cableState(state, settings)],
    [1006, () => errorCode(state)],
    [1008, () => state.currentsA[0] * 1000],
    [1010, () => state.currentsA[1] * 1000],
    [1012, () => state.currentsA[2] * 1000],
    [1014, () => SERIAL_NUMBER],
    [1016, () => PRODUCT_CODE],
    [1018, () => FIRMWARE],
    [1020, () => state.powerW * 1000],
    [1036, () => totalTenthWh(state)],
    [1040, () => PHASE_VOLTAGE_V],
    [1042, () => PHASE_VOLTAGE_V],
    [1044, () => PHASE_VOLTAGE_V],
    [1046, () => (state.powerW > 0 ? 1000 : 0)],
    [1100, () => limitInForceMa(settings)],
    [1110, () => MAX_CURRENT_MA],
    [1500, () => 0],
    [1502, () => Math.floor(sessionWh(state) * 10)],
    [1550, () => 0],
    [1552, () => 1],
    [1600, () => settings.failsafeMa],
    [1602, () => watchdog.timeoutMs / 1000],
  ]);
}

function writableRegisters(settings: Settings, watchdog: Watchdog, state: PileState): WriteTable {
  const current = (value: number): boolean => value >= 6000 && value <= 63_000;
  const field = (accepts: (value: number) => boolean, apply: (value: number) => void) => ({
    words: 1 as const,
    accepts,
    apply,
  });
  return new Map<number, WriteField>([
    [5004, field(current, (value) => Object.assign(settings, { limitMa: value, awaitsCurrent: false }))],
    [
      5010,
      field(
        () => true,
        (value) => Object.assign(settings, { energyLimitWh: value * 10 }),
      ),
    ],
    [
      5012,
      field(
        (value) => value === 0,
        () => Object.assign(settings, { enabled: false, unlockedPlug: true }),
      ),
    ],
    [
      5014,
      field(
        (value) => value <= 1,
        (value) => enable(settings, value === 1),
      ),
    ],
    [
      5016,
      field(
        (value) => value === 0 || current(value),
        (value) => Object.assign(settings, { failsafeMa: value }),
      ),
    ],
    [
      5018,
      field(
        (value) => value === 0 || (value >= 10 && value <= 600),
        (value) => Object.assign(watchdog, { timeoutMs: value * 1000, lastFedMs: state.nowMs }),
      ),
    ],
    [
      5020,
      field(
        (value) => value <= 1,
        () => {},
      ),
    ],
  ]);
}

function enable(settings: Settings, enabled: boolean): void {
  Object.assign(settings, { enabled, awaitsEnable: false });
  if (enabled) settings.unlockedPlug = false;
}

/** Register 1000: 1 not ready, 2 ready and waiting for the vehicle, 3 charging, 4 error, 5 interrupted. */
function chargingState(state: PileState): number {
  if (state.overheated) return 5;
  if (state.pilot === 'E' || state.pilot === 'F') return 4;
  if (state.contactor.command === 'close' && state.contactor.conducting) return 3;
  return state.vehicle.plugged && state.offerA > 0 ? 2 : 1;
}

/** Register 1004: 0 no cable, 5 cable in station and vehicle, 7 the same with the plug locked. */
function cableState(state: PileState, settings: Settings): number {
  if (!state.vehicle.plugged) return 0;
  return settings.unlockedPlug ? 5 : 7;
}

function errorCode(state: PileState): number {
  if (state.effects.emergencyStop) return 0x8001;
  return state.pilot === 'F' ? (state.effects.errorCode ?? 1) : 0;
}
