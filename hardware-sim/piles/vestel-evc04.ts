import { type RegisterImage, refuse } from '../line/register-image.ts';
import { type AliveRegister, createAliveRegister } from './alive-register.ts';
import { tableImage } from './image.ts';
import { firmwareAtLeast, type ModelSettings } from './model-options.ts';
import type { PileModel } from './pile-model.ts';
import { PHASE_VOLTAGE_V, type PileState, phaseV } from './pile-state.ts';
import { ascii, type Cell, long, perPhase, utf16, word } from './register-shapes.ts';
import { oneOf, type ReadTable, readTable, type WriteTable, within, wordField, zeroOr } from './registers.ts';
import { createSessionTimes, type SessionTimes } from './session-times.ts';
import { faultNumber, floorTo, isCharging, OCPP_NUMBERS, ocppStatus, sessionWh, totalWh } from './status.ts';

const MAX_CURRENT_A = 32;
const MIN_CURRENT_A = 6;
const METER_STEP_WH = 100;
/** How 404 and 405 tell phases. */
const ONE_PHASE = 0;
const THREE_PHASES = 1;
const NEWEST_FIRMWARE = '3.187';
const PHASES_SINCE = '3.187';
const RFID_SINCE = '3.156';
const FAULT_NUMBERS = { 'emergency-stop': 1, welded: 2, 'over-temperature': 4, error: 8 };

interface Settings {
  limitA: number;
  failsafeA: number;
  phases: 1 | 3;
}

/**
 * Vestel EVC04, sold as Webasto Unite as well, from its Modbus table: input registers by FC04, settings by FC03, FC06 and
 * FC16, high word first, energy in steps of 0.1 kWh.
 *
 * Only the alive register 6000 feeds supervision. When it fails, the box closes the connection (seen here by the next
 * request), and the failsafe current 2000 takes the place of the set-point: it stays after 6000 has been written again,
 * until 5004 is. `startsPermitted` is a box that offers its full current at power-on.
 */
export function vestelEvc04(state: PileState, startsPermitted: boolean, options: ModelSettings): PileModel {
  const firmware = options.firmware ?? NEWEST_FIRMWARE;
  const alive = createAliveRegister(state);
  const settings: Settings = {
    limitA: startsPermitted ? MAX_CURRENT_A : 0,
    failsafeA: options.safeCurrentA ?? 0,
    phases: 3,
  };
  const times = createSessionTimes(state);
  const switchesPhases = firmwareAtLeast(firmware, PHASES_SINCE);
  const image = tableImage({
    functions: [3, 4, 6, 16],
    inputs: readTable(
      ...identityRegisters(firmware, options.serialNumber ?? '7312345678901'),
      ...statusRegisters(state, settings),
      ...measuredRegisters(state),
      ...sessionRegisters(state, times, firmwareAtLeast(firmware, RFID_SINCE)),
    ),
    holdings: holdingRegisters(settings, alive, switchesPhases),
    writable: writableRegisters(settings, alive, switchesPhases),
  });
  return {
    image: closingWhenDue(image, alive),
    maxCurrentMa: MAX_CURRENT_A * 1000,
    watchdog: alive.watchdog,
    permission: (nowMs) => {
      times.observe(nowMs);
      if (alive.observe(nowMs)) settings.limitA = settings.failsafeA;
      const { tripped } = alive.watchdog;
      const limitMa = (tripped ? settings.failsafeA : settings.limitA) * 1000;
      return { unlocked: true, limitMa, source: tripped ? 'fallback' : 'setpoint', phases: settings.phases };
    },
    heard: alive.heard,
    unplugged: () => {},
    reportedRegisterWh: () => floorTo(totalWh(state), METER_STEP_WH),
  };
}

/** The first request after a failed check finds the connection closed. */
function closingWhenDue(image: RegisterImage, alive: AliveRegister): RegisterImage {
  const orHangUp =
    <Arguments extends readonly unknown[], Outcome>(answer: (...request: Arguments) => Outcome) =>
    (...request: Arguments) =>
      alive.takeClosing() ? refuse('hang-up') : answer(...request);
  return {
    functions: image.functions,
    readInput: orHangUp(image.readInput),
    readHolding: orHangUp(image.readHolding),
    writeHolding: orHangUp(image.writeHolding),
  };
}

/** Date 290 and time 294 stand at 0: the clock was never set. */
function identityRegisters(firmware: string, serialNumber: string): readonly (readonly Cell[])[] {
  return [
    ascii(100, 25, () => serialNumber),
    ascii(130, 50, () => 'EVC04-SIM-1'),
    ascii(190, 10, () => 'Vestel'),
    ascii(210, 5, () => 'EVC04'),
    utf16(230, 50, () => `v${firmware}.0`),
    long(290, () => 0),
    long(294, () => 0),
    long(400, () => 3 * MAX_CURRENT_A * PHASE_VOLTAGE_V),
    word(404, () => THREE_PHASES),
  ];
}

function statusRegisters(state: PileState, settings: Settings): readonly (readonly Cell[])[] {
  const faulted = (): boolean => ocppStatus(state) === 'faulted';
  return [
    word(1000, () => OCPP_NUMBERS[ocppStatus(state)]),
    word(1001, () => (isCharging(state) ? 1 : 0)),
    word(1002, () => (faulted() ? 2 : 1)),
    word(1004, () => (state.vehicle.plugged ? 3 : 0)),
    long(1006, () => faultNumber(state, FAULT_NUMBERS)),
    word(1100, () => settings.limitA),
    word(1102, () => MIN_CURRENT_A),
    word(1104, () => MAX_CURRENT_A),
    word(1106, () => MAX_CURRENT_A),
  ];
}

/** One word for each current and voltage, at every other address: nothing is in between. */
function measuredRegisters(state: PileState): readonly (readonly Cell[])[] {
  return [
    perPhase(word, 1008, 2, (phase) => state.currentsA[phase] * 1000),
    perPhase(word, 1014, 2, (phase) => phaseV(state, phase)),
    long(1020, () => state.powerW),
    perPhase(long, 1024, 4, (phase) => state.currentsA[phase] * phaseV(state, phase)),
    long(1036, () => Math.floor(totalWh(state) / METER_STEP_WH)),
  ];
}

function sessionRegisters(state: PileState, times: SessionTimes, hasRfid: boolean): readonly (readonly Cell[])[] {
  return [
    long(1502, () => Math.floor(sessionWh(state))),
    long(1504, () => 0),
    long(1508, times.connectedS),
    long(1512, () => 0),
    ...(hasRfid ? [utf16(1516, 15, () => state.cardNumber)] : []),
  ];
}

function holdingRegisters(settings: Settings, alive: AliveRegister, switchesPhases: boolean): ReadTable {
  return readTable(
    ...(switchesPhases ? [word(405, () => (settings.phases === 1 ? ONE_PHASE : THREE_PHASES))] : []),
    word(2000, () => settings.failsafeA),
    word(2002, () => alive.watchdog.timeoutMs / 1000),
    word(5004, () => settings.limitA),
    word(6000, alive.value),
  );
}

function writableRegisters(settings: Settings, alive: AliveRegister, switchesPhases: boolean): WriteTable {
  const set = (change: Partial<Settings>): unknown => Object.assign(settings, change);
  const phases = wordField(405, oneOf(ONE_PHASE, THREE_PHASES), (value) =>
    set({ phases: value === ONE_PHASE ? 1 : 3 }),
  );
  return new Map([
    ...(switchesPhases ? [phases] : []),
    wordField(2000, zeroOr(MIN_CURRENT_A, MAX_CURRENT_A), (failsafeA) => set({ failsafeA })),
    wordField(2002, within(1, 0xffff), alive.setTimeoutS),
    wordField(5004, within(0, MAX_CURRENT_A), (limitA) => set({ limitA })),
    wordField(6000, oneOf(0, 1), alive.write),
  ]);
}
