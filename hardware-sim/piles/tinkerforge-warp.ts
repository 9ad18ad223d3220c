import { type CoilTable, tableImage } from './image.ts';
import { firmwareParts, type ModelSettings, serialAsNumber } from './model-options.ts';
import type { PileModel } from './pile-model.ts';
import { type PileState, phaseV } from './pile-state.ts';
import { type Cell, float, long, perPhase, word } from './register-shapes.ts';
import { anyValue, longField, oneOf, type ReadTable, readTable, type WriteTable, within } from './registers.ts';
import { createSessionTimes, type SessionTimes } from './session-times.ts';
import { isCharging, sessionWh, totalWh } from './status.ts';
import { unwatched } from './unwatched.ts';

const MAX_CURRENT_MA = 32_000;
const REBOOT_TOKEN = 0x012e_b007;
const RESET_METER_TOKEN = 0x3e12_e5e7;
const NO_USER = 0xffff_ffff;
const CURRENT_SLOTS = 10;

interface Settings {
  enabled: boolean;
  autostart: boolean;
  output: boolean;
  limitMa: number;
  phases: 1 | 3;
  ledState: number;
  meterResetAtWh: number;
}

/**
 * TinkerForge WARP charger, from its native Modbus table: input registers by FC04 and holding registers by FC03 in pairs,
 * u32 or single, high word first; coils and discrete inputs beside them.
 *
 * There is no communication watchdog: what was written stays in force when the controller dies. `startsPermitted` is a box
 * that is enabled at power-on.
 */
export function tinkerforgeWarp(state: PileState, startsPermitted: boolean, options: ModelSettings): PileModel {
  const bootedAtMs = state.nowMs;
  const atPowerOn = { enabled: startsPermitted, autostart: true, output: false, limitMa: MAX_CURRENT_MA } as const;
  const settings: Settings = { ...atPowerOn, phases: 3, ledState: 0, meterResetAtWh: 0 };
  const times = createSessionTimes(state);
  const image = tableImage({
    functions: [1, 2, 3, 4, 5, 6, 15, 16],
    inputs: readTable(
      ...identityRegisters(options, () => (state.nowMs - bootedAtMs) / 1000),
      ...chargerRegisters(state, settings, times),
      ...meterRegisters(state, settings),
    ),
    holdings: holdingRegisters(settings),
    writable: writableRegisters(state, settings, atPowerOn),
    coils: coils(settings),
    discreteInputs: discreteInputs(state),
  });
  return unwatched(state.nowMs, {
    image,
    maxCurrentMa: MAX_CURRENT_MA,
    permission: (nowMs) => {
      times.observe(nowMs);
      return { unlocked: settings.enabled, limitMa: settings.limitMa, source: 'setpoint', phases: settings.phases };
    },
    reportedRegisterWh: () => Math.fround(totalWh(state) / 1000) * 1000,
  });
}

function identityRegisters(options: ModelSettings, uptimeS: () => number): readonly (readonly Cell[])[] {
  const [major, minor, patch] = firmwareParts(options.firmware ?? '2.6.3');
  const constants: readonly (readonly [number, number])[] = [
    [0, 4],
    [2, major],
    [4, minor],
    [6, patch],
    [8, 0x6650_1a2b],
    [10, serialAsNumber(options, 0x0001_5d3f)],
  ];
  return [...constants.map(([address, value]) => long(address, () => value)), long(12, () => Math.floor(uptimeS()))];
}

function chargerRegisters(state: PileState, settings: Settings, times: SessionTimes): readonly (readonly Cell[])[] {
  const slot = (index: number): readonly Cell[] =>
    long(1012 + index * 2, () => (index === 0 ? settings.limitMa : MAX_CURRENT_MA));
  return [
    long(1000, () => ({ A: 0, B: 1, C: 2, E: 4, F: 4 })[state.pilot.charAt(0)] ?? 4),
    long(1002, () => chargerState(state)),
    long(1004, () => NO_USER),
    long(1006, () => 0),
    long(1008, times.chargingS),
    long(1010, () => (settings.enabled ? Math.min(settings.limitMa, MAX_CURRENT_MA) : 0)),
    ...Array.from({ length: CURRENT_SLOTS }, (_, index) => slot(index)),
    long(3100, () => state.connectedPhases),
    long(4000, () => 0),
  ];
}

/** Register 1002: 0 no vehicle, 1 blocked, 2 waiting for the vehicle, 3 charging, 4 error. */
function chargerState(state: PileState): number {
  if (state.pilot === 'E' || state.pilot === 'F') return 4;
  if (!state.vehicle.plugged) return 0;
  if (isCharging(state)) return 3;
  return state.offerA > 0 ? 2 : 1;
}

function meterRegisters(state: PileState, settings: Settings): readonly (readonly Cell[])[] {
  return [
    long(2000, () => 2),
    float(2002, () => state.powerW),
    float(2004, () => totalWh(state) / 1000),
    float(2006, () => (state.meterWh - settings.meterResetAtWh) / 1000),
    float(2008, () => sessionWh(state) / 1000),
    perPhase(float, 2100, 2, (phase) => phaseV(state, phase)),
    perPhase(float, 2106, 2, (phase) => state.currentsA[phase]),
    perPhase(float, 2112, 2, (phase) => state.currentsA[phase] * phaseV(state, phase)),
  ];
}

function holdingRegisters(settings: Settings): ReadTable {
  return readTable(
    long(0, () => 0),
    long(1000, () => (settings.enabled ? 1 : 0)),
    long(1002, () => settings.limitMa),
    long(1004, () => settings.ledState),
    long(2000, () => 0),
    long(3100, () => settings.phases),
  );
}

/** Half a pair is no value: FC06 reaches nothing here. A wrong token is acknowledged without effect. */
function writableRegisters(state: PileState, settings: Settings, atPowerOn: Partial<Settings>): WriteTable {
  const set = (change: Partial<Settings>): unknown => Object.assign(settings, change);
  return new Map([
    longField(0, anyValue, (token) => token === REBOOT_TOKEN && set(atPowerOn)),
    longField(1000, oneOf(0, 1), (value) => set({ enabled: value === 1 })),
    longField(1002, within(0, MAX_CURRENT_MA), (limitMa) => set({ limitMa })),
    longField(1004, anyValue, (ledState) => set({ ledState })),
    longField(2000, anyValue, (token) => token === RESET_METER_TOKEN && set({ meterResetAtWh: state.meterWh })),
    longField(3100, oneOf(1, 3), (phases) => set({ phases: phases === 1 ? 1 : 3 })),
  ]);
}

function coils(settings: Settings): CoilTable {
  const coil = (key: 'enabled' | 'autostart' | 'output') => ({
    get: () => settings[key],
    set: (on: boolean) => Object.assign(settings, { [key]: on }),
  });
  return new Map([
    [1000, coil('enabled')],
    [1001, coil('autostart')],
    [1100, coil('output')],
  ]);
}

/** Features 0-8 (EVSE, meter with phases, phase switch), inputs 1100-1102, 2100-2102 phases connected, 2103-2105 phases active. */
function discreteInputs(state: PileState): ReadTable {
  const bit = (on: boolean): number => (on ? 1 : 0);
  const features = [1, 1, 1, 1, 0, 0, 0, 0, 1];
  return readTable(
    ...features.map((present, address) => word(address, () => present)),
    perPhase(word, 1100, 1, () => 0),
    perPhase(word, 2100, 1, (phase) => bit(phase < state.connectedPhases)),
    perPhase(word, 2103, 1, (phase) => bit(state.currentsA[phase] > 0.5)),
  );
}
