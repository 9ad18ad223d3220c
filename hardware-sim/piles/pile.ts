import type { StateEffects } from '../faults/state-effects.ts';
import { answerPdu, exceptionPdu } from '../line/pdu.ts';
import type { RegisterImage } from '../line/register-image.ts';
import type { SlaveDevice } from '../line/slave.ts';
import { restartCount } from '../meters/meter-count.ts';
import type { Supply } from '../meters/supply.ts';
import type { DrawListener, PileDraw } from '../network/pile-draw.ts';
import type { MonoClock } from '../world/clock.ts';
import { createStepper } from '../world/stepper.ts';
import { DC_EFFICIENCY } from './dc/generic-dc.ts';
import { createHistory } from './history.ts';
import { METER_REGISTERS, type MeterRegister, withoutMeter } from './meter-registers.ts';
import type { ModelOptions } from './model-options.ts';
import { MODELS, type ModelName } from './models.ts';
import type { PileModel } from './pile-model.ts';
import { newPileState, PHASE_VOLTAGE_V, type PileState, phaseV } from './pile-state.ts';
import { createPowerSupply } from './power-supply.ts';
import { withShown } from './shown-registers.ts';
import { type PileMemory, stepPile } from './step-pile.ts';
import { type PileTruth, pileTruth } from './truth.ts';
import { defaultVehicle, type VehicleSettings, withSettings } from './vehicle-settings.ts';

/** Physics is cut into slices of this length. */
export const SLICE_MS = 50;

/** What a station file says about one pile. */
export interface PileSettings {
  readonly pileId: string;
  readonly lineId: string;
  readonly model: ModelName;
  readonly initialRegisterWh: number;
  readonly startsPermitted: boolean;
  readonly vehicle: VehicleSettings;
  /** Which connector of its device the pile is, from 1; 1 when left out. */
  readonly socket?: number;
  readonly options?: ModelOptions;
  /** Phases of its supply; 3 when left out. */
  readonly mainsPhases?: 1 | 3;
}

/** A simulated pile with its vehicle: a Modbus device outside, physics inside. */
export interface Pile extends SlaveDevice {
  readonly pileId: string;
  readonly lineId: string;
  /** Brings physics up to the clock's present. */
  advance(): void;
  setVehicle(settings: VehicleSettings): void;
  /** Its own reader has seen a card, or shows none any more. */
  showCard(card: string | null): void;
  /** True while a jammed lock holds the plug: nobody can pull it. */
  holdsPlug(): boolean;
  /** False while it has no mains: it neither hears nor answers. */
  powered(): boolean;
  /** Switches it off for `offMs`. At power-on everything that registers had been told is forgotten. */
  powerCycle(offMs: number): void;
  /** What physically comes through its supply. */
  supply(): Supply;
  /** `undefined` when it has no total that could be missing. */
  readonly meterRegister: MeterRegister | undefined;
  truth(): PileTruth;
}

/** Builds a pile. `effects` is asked at every slice for the faults that hold then, `onDraw` hears after each what it takes. */
export function createPile(
  settings: PileSettings,
  clock: MonoClock,
  effects: () => StateEffects,
  onDraw: DrawListener = () => {},
): Pile {
  const state = newPileState(settings.initialRegisterWh, defaultVehicle(), clock.monoMs(), settings.mainsPhases);
  const powerOn = (): PileModel =>
    MODELS[settings.model](state, settings.startsPermitted, { ...settings.options, socket: settings.socket ?? 1 });
  let model = powerOn();
  const mains = createPowerSupply();
  const meterRegister = METER_REGISTERS[settings.model];
  const memory: PileMemory = {
    lastLimitMa: 0,
    offSinceMs: state.nowMs,
    drewThisPlug: false,
    registerEndWh: meterRegister?.endWh,
  };
  let pulled: object | undefined;
  const history = createHistory();
  const advance = createStepper(clock, SLICE_MS, (slice) => {
    state.effects = effects();
    if (state.effects.gunPulled !== pulled) {
      pulled = state.effects.gunPulled;
      if (pulled !== undefined) changeVehicle({ plugged: false });
    }
    const powered = mains.isOn(state.effects.powerCut, slice.nowMs);
    if (powered && !state.powered) {
      state.nowMs = slice.nowMs;
      forget(state, memory);
      model = powerOn();
    }
    state.powered = powered;
    if (model.dc === undefined) stepPile(state, model, memory, slice);
    else model.dc.step(slice);
    history.observe(state);
    onDraw(slice.nowMs, drawOf(state, model));
  });

  const changeVehicle = (wishes: VehicleSettings): void => {
    const wasPlugged = state.vehicle.plugged;
    state.vehicle = withSettings(state.vehicle, wishes);
    if (!wasPlugged && state.vehicle.plugged) {
      state.meterAtPlugWh = state.meterWh;
      memory.drewThisPlug = false;
    }
    if (wasPlugged && !state.vehicle.plugged) model.unplugged();
    history.observe(state);
  };
  const setVehicle = (wishes: VehicleSettings): void => {
    advance();
    changeVehicle(wishes);
  };
  setVehicle(settings.vehicle);

  return {
    pileId: settings.pileId,
    lineId: settings.lineId,
    advance,
    setVehicle,
    showCard: (card) => {
      advance();
      state.cardNumber = card ?? '';
    },
    holdsPlug: () => {
      advance();
      return state.vehicle.plugged && state.effects.lockJammed === 'locked';
    },
    powered: () => {
      advance();
      return state.powered;
    },
    powerCycle: (offMs) => mains.cut(offMs, advance()),
    supply: () => {
      advance();
      return model.dc === undefined ? acSupply(state) : dcSupply(state);
    },
    meterRegister,
    execute: (request, how) => {
      const nowMs = advance();
      const { meterMissing, shownRegisters } = state.effects;
      const { image } = model;
      const shown =
        meterMissing === undefined || meterRegister === undefined
          ? image
          : withoutMeter(image, meterRegister, meterMissing);
      return answerRequest(model, withShown(shown, shownRegisters), request, how, nowMs);
    },
    truth: () => {
      advance();
      return pileTruth(settings, state, model, history, meterRegister?.endWh);
    },
  };
}

function acSupply(state: PileState): Supply {
  const { energyTruthWh, powerW, currentsA } = state;
  return { energyWh: energyTruthWh, powerW, currentsA, voltageV: phaseV({ ...state, powered: true }, 0) };
}

/** What it takes from its supply, and the most that its registers let it take at this instant. */
function drawOf(state: PileState, { dc }: PileModel): PileDraw {
  if (dc !== undefined) {
    const allowedA = dc.allowedW() / DC_EFFICIENCY / 3 / PHASE_VOLTAGE_V;
    return { currentsA: dcSupply(state).currentsA, allowedA: [allowedA, allowedA, allowedA] };
  }
  const other = state.connectedPhases === 1 ? 0 : state.offerA;
  return { currentsA: state.currentsA, allowedA: [state.offerA, other, other] };
}

/** A rectifier loses some of its input and loads its phases alike. */
function dcSupply({ energyTruthWh, powerW }: PileState): Supply {
  const inputW = powerW / DC_EFFICIENCY;
  const phaseA = inputW / 3 / PHASE_VOLTAGE_V;
  return {
    energyWh: energyTruthWh / DC_EFFICIENCY,
    powerW: inputW,
    currentsA: [phaseA, phaseA, phaseA],
    voltageV: PHASE_VOLTAGE_V,
  };
}

/** What a power cycle does to the memory of a pile: counters since power-on, the sessions' starts, the last set-point. */
function forget(state: PileState, memory: PileMemory): void {
  restartCount(state);
  state.meterAtPlugWh = 0;
  state.meterAtChargeStartWh = 0;
  state.cardNumber = '';
  Object.assign(memory, { lastLimitMa: 0, drewThisPlug: false });
}

function answerRequest(
  model: PileModel,
  image: RegisterImage,
  request: Uint8Array,
  how: Parameters<SlaveDevice['execute']>[1],
  nowMs: number,
): ReturnType<SlaveDevice['execute']> {
  if (how.exceptionCode !== undefined) {
    model.heard('exception', nowMs);
    return { reply: exceptionPdu(request[0] ?? 0, how.exceptionCode), kind: 'exception' };
  }
  const answer = answerPdu(request, image, !how.ignoreWrites);
  if (!(answer.kind === 'write' && how.ignoreWrites)) model.heard(answer.kind, nowMs);
  return answer;
}
