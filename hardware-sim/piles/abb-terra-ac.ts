import { ILLEGAL_ADDRESS, type RegisterImage, refuse, type WriteOutcome } from '../line/register-image.ts';
import { firmwareParts, type ModelSettings } from './model-options.ts';
import type { PileModel } from './pile-model.ts';
import { type PileState, phaseV, plugIsLocked } from './pile-state.ts';
import { ascii, long, perPhase, word } from './register-shapes.ts';
import { planWrite, type ReadTable, readFrom, readTable, type WriteField, type WriteTable } from './registers.ts';
import { newWatchdog, tripsAt, type Watchdog } from './watchdog.ts';

const MAX_CURRENT_MA = 32_000;
const DEFAULT_TIMEOUT_MS = 60_000;
const ERROR_COMMUNICATION_LOST = 0x4000;
const LIMIT_REGISTER = 0x4100;

/** Written to 0x4105. The vendor names the register, not the values; the simulator takes 0 as start and 1 as stop. */
export const SESSION_START = 0;
export const SESSION_STOP = 1;

interface Settings {
  limitMa: number;
  sessionStopped: boolean;
  socketLocked: boolean;
}

/**
 * ABB Terra AC, from its Modbus communication interface description (firmware 1.6.5): FC03, FC06 and FC16, values of two
 * registers with the high word first, the limit by FC16 only.
 *
 * Successful reads feed the communication timeout; when it passes, charging pauses with error 0x4000 until the next read.
 * A stopped session starts again by 0x4105 or with the next plug. `startsPermitted` is a box without a limit at power-on.
 */
export function abbTerraAc(state: PileState, startsPermitted: boolean, options: ModelSettings): PileModel {
  const watchdog = newWatchdog(DEFAULT_TIMEOUT_MS, state.nowMs);
  const settings: Settings = {
    limitMa: startsPermitted ? MAX_CURRENT_MA : 0,
    sessionStopped: false,
    socketLocked: true,
  };
  const readable = readableRegisters(state, settings, watchdog, options);
  const writable = writableRegisters(settings, watchdog, state);
  const image: RegisterImage = {
    functions: new Set([3, 6, 16]),
    readInput: () => refuse(ILLEGAL_ADDRESS),
    readHolding: (address, count) => readFrom(readable, address, count),
    writeHolding: (address, words): WriteOutcome => planWrite(writable, address, words),
  };
  return {
    image,
    maxCurrentMa: MAX_CURRENT_MA,
    watchdog,
    permission: (nowMs) => {
      tripsAt(watchdog, nowMs);
      const source = watchdog.tripped ? 'fallback' : 'setpoint';
      return { unlocked: !settings.sessionStopped, limitMa: limitInForceMa(settings, watchdog), source };
    },
    heard: (kind, nowMs) => {
      if (kind !== 'read') return;
      watchdog.lastFedMs = nowMs;
      watchdog.tripped = false;
    },
    unplugged: () => {
      settings.sessionStopped = false;
    },
    reportedRegisterWh: () => sessionWh(state),
  };
}

function limitInForceMa(settings: Settings, watchdog: Watchdog): number {
  return watchdog.tripped ? 0 : Math.min(settings.limitMa, MAX_CURRENT_MA);
}

/** The only energy register counts from the last plug-in. */
function sessionWh(state: PileState): number {
  return Math.floor(state.meterWh - state.meterAtPlugWh);
}

function readableRegisters(
  state: PileState,
  settings: Settings,
  watchdog: Watchdog,
  { serialNumber = 'TAC10077', firmware = '1.6.5' }: ModelSettings,
): ReadTable {
  const [major, minor, patch] = firmwareParts(firmware);
  const firmwareWord = (major << 24) | (minor << 16) | (patch << 8);
  return readTable(
    ascii(0x4000, 4, () => serialNumber),
    long(0x4004, () => firmwareWord),
    long(0x4006, () => MAX_CURRENT_MA),
    long(0x4008, () => errorCode(state, watchdog)),
    long(0x400a, () => socketState(state, settings)),
    long(0x400c, () => chargingState(state, settings) << 8),
    long(0x400e, () => limitInForceMa(settings, watchdog)),
    long(0x4010, () => state.currentsA[0] * 1000),
    long(0x4012, () => state.currentsA[1] * 1000),
    long(0x4014, () => state.currentsA[2] * 1000),
    perPhase(long, 0x4016, 2, (phase) => phaseV(state, phase) * 10),
    long(0x401c, () => state.powerW),
    long(0x401e, () => sessionWh(state)),
    word(0x4020, () => watchdog.timeoutMs / 1000),
  );
}

function writableRegisters(settings: Settings, watchdog: Watchdog, state: PileState): WriteTable {
  const bit = (value: number): boolean => value <= 1;
  const single = (accepts: (value: number) => boolean, apply: (value: number) => void) => ({
    words: 1 as const,
    accepts,
    apply,
  });
  const limit = {
    words: 2 as const,
    accepts: (value: number) => value === 0 || value >= 6000,
    apply: (value: number) => Object.assign(settings, { limitMa: value }),
  };
  return new Map<number, WriteField>([
    [LIMIT_REGISTER, limit],
    [0x4103, single(bit, (value) => Object.assign(settings, { socketLocked: value === 1 }))],
    [0x4105, single(bit, (value) => Object.assign(settings, { sessionStopped: value === SESSION_STOP }))],
    [
      0x4106,
      single(
        () => true,
        (value) => Object.assign(watchdog, { timeoutMs: value * 1000, lastFedMs: state.nowMs }),
      ),
    ],
  ]);
}

/** Third byte of 0x400C: 0 A, 1 B1, 2 B2, 3 C1, 4 C2, 5 session stopped or anything else. */
function chargingState(state: PileState, settings: Settings): number {
  if (!state.vehicle.plugged) return 0;
  if (settings.sessionStopped || state.pilot === 'E' || state.pilot === 'F') return 5;
  return { A1: 0, A2: 0, B1: 1, B2: 2, C1: 3, C2: 4 }[state.pilot];
}

/** 0 no cable, 0x0101 cable in station and vehicle, 0x0111 the same with the plug locked. */
function socketState(state: PileState, settings: Settings): number {
  if (!state.vehicle.plugged) return 0;
  return plugIsLocked(state, settings.socketLocked) ? 0x0111 : 0x0101;
}

function errorCode(state: PileState, watchdog: Watchdog): number {
  if (state.effects.vendorCode !== undefined) return state.effects.vendorCode;
  if (state.effects.emergencyStop) return 0x0002;
  if (state.pilot === 'F') return state.effects.errorCode ?? 0x0001;
  return watchdog.tripped ? ERROR_COMMUNICATION_LOST : 0;
}
