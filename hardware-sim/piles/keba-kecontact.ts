import { ILLEGAL_ADDRESS, type ReadOutcome, type RegisterImage, refuse } from '../line/register-image.ts';
import type { PileModel } from './pile-model.ts';
import { type PileState, phaseV, plugIsLocked } from './pile-state.ts';
import { anyValue, oneOf, planWrite, type WriteTable, within, wordField, zeroOr } from './registers.ts';
import { faultNumber, isCharging, totalWh } from './status.ts';
import { newWatchdog, tripsAt, type Watchdog } from './watchdog.ts';

const MAX_CURRENT_MA = 32_000;
export const KEBA_SERIAL_NUMBER = 20_417_733;
/** Register 1500: the first four bytes of the card that the charge was authorised with. */
const KEBA_CARD_DIGITS = 8;
const PHASE_SOURCE_MODBUS = 3;
const FAULT_NUMBERS = { 'emergency-stop': 0x8001, welded: 1, 'over-temperature': 1, error: 1 };

/** In what two generations of the box differ. */
export interface KebaVariant {
  readonly productCode: number;
  readonly firmware: number;
  readonly serialNumber: number;
  /** Counts of registers 1036 and 1502 in one Wh. */
  readonly countsPerWh: 10 | 1;
  /** P30: 5014 enables and disables, 5004 takes no 0. P40: there is no 5014, 0 in 5004 pauses. */
  readonly stopsBy: 'enable' | 'zero-current';
  /** Register 1552 on one and on three phases. */
  readonly phaseStates: readonly [number, number];
}

/** What the writable registers hold, and what a trip has left to be set again. */
interface Settings {
  enabled: boolean;
  limitMa: number;
  failsafeMa: number;
  unlockedPlug: boolean;
  /** Session energy limit in Wh; 0 = none. */
  energyLimitWh: number;
  phaseSource: number;
  phases: 1 | 3;
  awaitsCurrent: boolean;
  awaitsEnable: boolean;
}

/**
 * KEBA KeContact, from its Modbus TCP programmers guide: FC03 for single values of two registers each, FC06 for writes, all
 * values unsigned with the high word first.
 *
 * Only writes feed the failsafe timer. A trip enforces the failsafe current (0 = no charge) until current and, where the box
 * has it, enable have been set again. `startsPermitted` is a box that offers its full current before any controller has spoken.
 */
export function kebaKecontact(state: PileState, startsPermitted: boolean, variant: KebaVariant): PileModel {
  const watchdog = newWatchdog(0, state.nowMs);
  const byEnable = variant.stopsBy === 'enable';
  const settings: Settings = {
    enabled: startsPermitted || !byEnable,
    limitMa: startsPermitted || byEnable ? MAX_CURRENT_MA : 0,
    failsafeMa: 0,
    unlockedPlug: false,
    energyLimitWh: 0,
    phaseSource: 0,
    phases: 3,
    awaitsCurrent: false,
    awaitsEnable: false,
  };
  const values = readableValues(state, settings, watchdog, variant);
  const writable = writableRegisters(settings, watchdog, state, byEnable);
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
      if (tripsAt(watchdog, nowMs)) trip(settings, byEnable);
      const unlocked = settings.enabled && !energyLimitReached(state, settings);
      const source = watchdog.tripped ? 'fallback' : 'setpoint';
      return { unlocked, limitMa: limitInForceMa(settings), source, phases: settings.phases };
    },
    heard: (kind, nowMs) => {
      if (kind !== 'write') return;
      watchdog.lastFedMs = nowMs;
      if (!settings.awaitsCurrent && !settings.awaitsEnable) watchdog.tripped = false;
    },
    unplugged: () => {
      state.cardNumber = '';
      settings.unlockedPlug = false;
      if (!byEnable) settings.enabled = true;
    },
    reportedRegisterWh: () => counted(totalWh(state), variant) / variant.countsPerWh,
  };
}

function trip(settings: Settings, byEnable: boolean): void {
  settings.enabled = settings.failsafeMa > 0;
  settings.awaitsCurrent = true;
  settings.awaitsEnable = byEnable;
}

function limitInForceMa(settings: Settings): number {
  const recovered = !settings.awaitsCurrent && !settings.awaitsEnable;
  return Math.min(MAX_CURRENT_MA, recovered ? settings.limitMa : settings.failsafeMa);
}

function counted(energyWh: number, { countsPerWh }: KebaVariant): number {
  return Math.floor(energyWh * countsPerWh);
}

/** Session energy restarts when charging begins, not when a vehicle is plugged in. */
function sessionWh(state: PileState): number {
  return state.meterWh - state.meterAtChargeStartWh;
}

function energyLimitReached(state: PileState, settings: Settings): boolean {
  return settings.energyLimitWh > 0 && sessionWh(state) >= settings.energyLimitWh;
}

/** Exactly one value from its first register; anything else is an illegal address. */
function readValue(values: ReadonlyMap<number, () => number>, address: number, registers: number): ReadOutcome {
  const get = values.get(address);
  if (get === undefined || registers !== 2) return refuse(ILLEGAL_ADDRESS);
  const value = Math.round(get());
  return { ok: true, words: [Math.floor(value / 0x10000) & 0xffff, value % 0x10000] };
}

function readableValues(state: PileState, settings: Settings, watchdog: Watchdog, variant: KebaVariant) {
  const [onePhase, threePhase] = variant.phaseStates;
  return new Map<number, () => number>([
    [1000, () => chargingState(state)],
    [1004, () => cableState(state, settings)],
    [1006, () => faultNumber(state, FAULT_NUMBERS)],
    [1008, () => state.currentsA[0] * 1000],
    [1010, () => state.currentsA[1] * 1000],
    [1012, () => state.currentsA[2] * 1000],
    [1014, () => variant.serialNumber],
    [1016, () => variant.productCode],
    [1018, () => variant.firmware],
    [1020, () => state.powerW * 1000],
    [1036, () => counted(totalWh(state), variant)],
    [1040, () => phaseV(state, 0)],
    [1042, () => phaseV(state, 1)],
    [1044, () => phaseV(state, 2)],
    [1046, () => (state.powerW > 0 ? 1000 : 0)],
    [1100, () => limitInForceMa(settings)],
    [1110, () => MAX_CURRENT_MA],
    [1500, () => Number.parseInt(state.cardNumber.slice(0, KEBA_CARD_DIGITS).padEnd(1, '0'), 16)],
    [1502, () => counted(sessionWh(state), variant)],
    [1550, () => settings.phaseSource],
    [1552, () => (state.connectedPhases === 1 ? onePhase : threePhase)],
    [1600, () => settings.failsafeMa],
    [1602, () => watchdog.timeoutMs / 1000],
  ]);
}

function writableRegisters(settings: Settings, watchdog: Watchdog, state: PileState, byEnable: boolean): WriteTable {
  const set = (change: Partial<Settings>): unknown => Object.assign(settings, change);
  const setCurrent = (limitMa: number): void => {
    set({ limitMa, awaitsCurrent: false });
    if (!byEnable) set({ enabled: true, unlockedPlug: settings.unlockedPlug && limitMa === 0 });
  };
  const enable = (enabled: boolean): void => {
    set({ enabled, awaitsEnable: false, unlockedPlug: settings.unlockedPlug && !enabled });
  };
  /** The trigger counts only while Modbus is the source. */
  const triggerPhases = (phases: 1 | 3): unknown => settings.phaseSource === PHASE_SOURCE_MODBUS && set({ phases });
  const current = byEnable ? within(6000, 63_000) : zeroOr(6000, 63_000);
  return new Map([
    wordField(5004, current, setCurrent),
    wordField(5010, anyValue, (value) => set({ energyLimitWh: value * 10 })),
    wordField(5012, oneOf(0), () => set({ enabled: false, unlockedPlug: true })),
    ...(byEnable ? [wordField(5014, oneOf(0, 1), (value) => enable(value === 1))] : []),
    wordField(5016, zeroOr(6000, 63_000), (value) => set({ failsafeMa: value })),
    wordField(5018, zeroOr(10, 600), (value) =>
      Object.assign(watchdog, { timeoutMs: value * 1000, lastFedMs: state.nowMs }),
    ),
    wordField(5020, oneOf(0, 1), () => {}),
    wordField(5050, within(0, 4), (value) => set({ phaseSource: value })),
    wordField(5052, oneOf(0, 1), (value) => triggerPhases(value === 1 ? 3 : 1)),
  ]);
}

/** Register 1000: 1 not ready, 2 ready and waiting for the vehicle, 3 charging, 4 error, 5 interrupted. */
function chargingState(state: PileState): number {
  if (state.overheated) return 5;
  if (state.pilot === 'E' || state.pilot === 'F') return 4;
  if (isCharging(state)) return 3;
  return state.vehicle.plugged && state.offerA > 0 ? 2 : 1;
}

/** Register 1004: 0 no cable, 5 cable in station and vehicle, 7 the same with the plug locked. */
function cableState(state: PileState, settings: Settings): number {
  if (!state.vehicle.plugged) return 0;
  return plugIsLocked(state, !settings.unlockedPlug) ? 7 : 5;
}
