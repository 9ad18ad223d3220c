import { ILLEGAL_ADDRESS, type ReadOutcome, type RegisterImage, refuse } from '../line/register-image.ts';
import type { ModelSettings } from './model-options.ts';
import type { PileModel } from './pile-model.ts';
import { type PileState, phaseV } from './pile-state.ts';
import { floatLowFirst, longLowFirst, perPhase, quadLowFirst, word } from './register-shapes.ts';
import { oneOf, planWrite, type ReadTable, readTable, type WriteTable, wordField } from './registers.ts';
import { createSessionTimes, type SessionTimes } from './session-times.ts';
import { faultNumber, OCPP_NUMBERS, ocppStatus, sessionWh, totalWh } from './status.ts';
import { newWatchdog, tripsAt, type Watchdog } from './watchdog.ts';

const MAX_CURRENT_A = 32;
const NO_LIMIT = 99;
const LIFE_BIT_TIMEOUT_MS = 10_000;
const REFRESH_MS = 1000;
const LAST_ADDRESS = 4999;
const UNMAPPED = 0xffff;
const COMMAND = { stop: 3, suspend: 7, restart: 8, reboot: 9, available: 40, unavailable: 41 } as const;
const STOP_CAUSE = { none: 0, emergencyStop: 1, evDisconnected: 2, reboot: 7, remote: 8 } as const;
const FAULT_BITS = { 'emergency-stop': 1, welded: 2, 'over-temperature': 4, error: 8 };

interface Settings {
  lifeBit: number;
  command: number;
  setpointA: number;
  degradedOnePhaseA: number;
  degradedThreePhaseA: number;
  stopped: boolean;
  suspended: boolean;
  available: boolean;
  stopCause: number;
}

/**
 * Schneider EVlink Pro AC, from its Modbus table and a field trace: holding registers by FC03, written by FC06 and FC16,
 * wide values with the low word first. Unmapped addresses up to 4999 read as 0xFFFF; measured values change once a second.
 *
 * Only the life bit 4000 feeds supervision: the master writes 1, the station takes it back to 0. Without it the degraded
 * set-point 4006 rules until the next life bit; 2 switches supervision off. A stopped session waits for the next plug, a
 * suspended one for a restart. `startsPermitted` is a station without a limit at power-on.
 */
export function schneiderEvlinkProAc(state: PileState, startsPermitted: boolean, options: ModelSettings): PileModel {
  const watchdog = newWatchdog(LIFE_BIT_TIMEOUT_MS, state.nowMs);
  const atPowerOn = powerOnSettings(startsPermitted, options.safeCurrentA ?? 0);
  const settings: Settings = { ...atPowerOn };
  const times = createSessionTimes(state);
  const measured = refreshedTable(measuredRegisters(state, settings, times), state.nowMs);
  const live = settingRegisters(settings);
  const writable = writableRegisters(state, settings, watchdog, atPowerOn);
  const image: RegisterImage = {
    functions: new Set([3, 6, 16]),
    readInput: () => refuse(ILLEGAL_ADDRESS),
    readHolding: (address, count) =>
      readWithGaps(address, count, (at) => live.get(at)?.() ?? measured.words.get(at) ?? UNMAPPED),
    writeHolding: (address, words) => planWrite(writable, address, words),
  };
  return {
    image,
    maxCurrentMa: MAX_CURRENT_A * 1000,
    watchdog,
    permission: (nowMs) => {
      times.observe(nowMs);
      tripsAt(watchdog, nowMs);
      if (state.effects.emergencyStop) settings.stopCause = STOP_CAUSE.emergencyStop;
      if (measured.refresh(nowMs) && settings.lifeBit === 1) settings.lifeBit = 0;
      const unlocked = settings.available && !settings.stopped && !settings.suspended;
      const source = watchdog.tripped ? 'fallback' : 'setpoint';
      return { unlocked, limitMa: limitInForceA(settings, watchdog) * 1000, source };
    },
    heard: () => {},
    unplugged: () => {
      if (!settings.stopped) settings.stopCause = STOP_CAUSE.evDisconnected;
      Object.assign(settings, { stopped: false, suspended: false });
    },
    reportedRegisterWh: () => Math.floor(totalWh(state)),
  };
}

function powerOnSettings(startsPermitted: boolean, degradedA: number): Settings {
  return {
    lifeBit: 0,
    command: 0,
    setpointA: startsPermitted ? NO_LIMIT : 0,
    degradedOnePhaseA: degradedA,
    degradedThreePhaseA: degradedA,
    stopped: false,
    suspended: false,
    available: true,
    stopCause: STOP_CAUSE.none,
  };
}

function limitInForceA(settings: Settings, watchdog: Watchdog): number {
  return Math.min(MAX_CURRENT_A, watchdog.tripped ? settings.degradedThreePhaseA : settings.setpointA);
}

/** Keeps the words of `table` as they were when they were last taken. */
function refreshedTable(table: ReadTable, nowMs: number) {
  const words = new Map<number, number>();
  let takenAtMs = nowMs;
  const take = (): void => {
    for (const [address, get] of table) words.set(address, get());
  };
  take();
  const refresh = (atMs: number): boolean => {
    if (atMs - takenAtMs < REFRESH_MS) return false;
    takenAtMs = atMs;
    take();
    return true;
  };
  return { words, refresh };
}

function readWithGaps(address: number, count: number, wordAt: (address: number) => number): ReadOutcome {
  if (address + count - 1 > LAST_ADDRESS) return refuse(ILLEGAL_ADDRESS);
  return { ok: true, words: Array.from({ length: count }, (_, offset) => wordAt(address + offset)) };
}

function measuredRegisters(state: PileState, settings: Settings, times: SessionTimes): ReadTable {
  const powerKw = (): number => state.powerW / 1000;
  return readTable(
    word(1, () => evState(state)),
    word(150, () => OCPP_NUMBERS[ocppStatus(state)]),
    word(1150, () => (state.vehicle.plugged ? 1 : 0)),
    perPhase(floatLowFirst, 2999, 2, (phase) => state.currentsA[phase]),
    perPhase(floatLowFirst, 3027, 2, (phase) => phaseV(state, phase)),
    perPhase(floatLowFirst, 3053, 2, (phase) => (state.currentsA[phase] * phaseV(state, phase)) / 1000),
    floatLowFirst(3059, powerKw),
    floatLowFirst(3067, () => 0),
    floatLowFirst(3075, powerKw),
    floatLowFirst(3083, () => 1),
    floatLowFirst(3109, () => 50),
    quadLowFirst(3203, () => Math.floor(totalWh(state))),
    longLowFirst(4002, () => 0),
    longLowFirst(4007, times.chargingS),
    longLowFirst(4009, times.connectedS),
    word(4011, () => settings.stopCause),
    longLowFirst(4012, () => Math.floor(sessionWh(state))),
    longLowFirst(4020, () => faultNumber(state, FAULT_BITS)),
    longLowFirst(4022, () => 0),
  );
}

function settingRegisters(settings: Settings): ReadTable {
  return readTable(
    word(4000, () => settings.lifeBit),
    word(4001, () => settings.command),
    word(4004, () => settings.setpointA),
    word(4005, () => settings.degradedOnePhaseA),
    word(4006, () => settings.degradedThreePhaseA),
  );
}

function writableRegisters(state: PileState, settings: Settings, watchdog: Watchdog, atPowerOn: Settings): WriteTable {
  const set = (change: Partial<Settings>): unknown => Object.assign(settings, change);
  const setLifeBit = (lifeBit: number): void => {
    set({ lifeBit });
    if (lifeBit === 0) return;
    Object.assign(watchdog, {
      timeoutMs: lifeBit === 2 ? 0 : LIFE_BIT_TIMEOUT_MS,
      lastFedMs: state.nowMs,
      tripped: false,
    });
  };
  const effects: Readonly<Record<number, Partial<Settings>>> = {
    [COMMAND.stop]: { stopped: true, stopCause: STOP_CAUSE.remote },
    [COMMAND.suspend]: { suspended: true },
    [COMMAND.restart]: { suspended: false },
    [COMMAND.reboot]: { ...atPowerOn, stopCause: STOP_CAUSE.reboot },
    [COMMAND.available]: { available: true },
    [COMMAND.unavailable]: { available: false },
  };
  const current = (value: number): boolean => value <= MAX_CURRENT_A || value === NO_LIMIT;
  return new Map([
    wordField(4000, oneOf(0, 1, 2), setLifeBit),
    wordField(4001, oneOf(...Object.values(COMMAND)), (command) => set({ command, ...effects[command] })),
    wordField(4004, current, (setpointA) => set({ setpointA })),
    wordField(4005, current, (degradedOnePhaseA) => set({ degradedOnePhaseA })),
    wordField(4006, current, (degradedThreePhaseA) => set({ degradedThreePhaseA })),
  ]);
}

/** Register 1: 2 available not ready, 3 connected not ready, 4 stop requested, 6 and 7 ready, 8 charging, 10 and 11 pilot faults. */
function evState({ pilot }: PileState): number {
  return { A1: 2, B1: 3, C1: 4, A2: 6, B2: 7, C2: 8, E: 10, F: 11 }[pilot];
}
