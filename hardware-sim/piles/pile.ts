import type { StateEffects } from '../faults/state-effects.ts';
import { answerPdu, exceptionPdu } from '../line/pdu.ts';
import type { SlaveDevice } from '../line/slave.ts';
import type { MonoClock } from '../world/clock.ts';
import { createStepper } from '../world/stepper.ts';
import { createHistory } from './history.ts';
import { MODELS, type ModelName } from './models.ts';
import type { PileModel } from './pile-model.ts';
import { newPileState } from './pile-state.ts';
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
}

/** A simulated pile with its vehicle: a Modbus device outside, physics inside. */
export interface Pile extends SlaveDevice {
  readonly pileId: string;
  readonly lineId: string;
  /** Brings physics up to the clock's present. */
  advance(): void;
  setVehicle(settings: VehicleSettings): void;
  truth(): PileTruth;
}

/** Builds a pile. `effects` is asked at every slice for the faults that hold then. */
export function createPile(settings: PileSettings, clock: MonoClock, effects: () => StateEffects): Pile {
  const state = newPileState(settings.initialRegisterWh, defaultVehicle(), clock.monoMs());
  const model = MODELS[settings.model](state, settings.startsPermitted);
  const memory: PileMemory = { lastLimitMa: 0, offSinceMs: state.nowMs, drewThisPlug: false };
  const history = createHistory();
  const advance = createStepper(clock, SLICE_MS, (slice) => {
    state.effects = effects();
    stepPile(state, model, memory, slice);
    history.observe(state);
  });

  const setVehicle = (wishes: VehicleSettings): void => {
    advance();
    const wasPlugged = state.vehicle.plugged;
    state.vehicle = withSettings(state.vehicle, wishes);
    if (!wasPlugged && state.vehicle.plugged) {
      state.meterAtPlugWh = state.meterWh;
      memory.drewThisPlug = false;
    }
    if (wasPlugged && !state.vehicle.plugged) model.unplugged();
    history.observe(state);
  };
  setVehicle(settings.vehicle);

  return {
    pileId: settings.pileId,
    lineId: settings.lineId,
    advance,
    setVehicle,
    execute: (request, how) => {
      const nowMs = advance();
      return answerRequest(model, request, how, nowMs);
    },
    truth: () => {
      advance();
      return pileTruth(settings, state, model, history);
    },
  };
}

function answerRequest(
  model: PileModel,
  request: Uint8Array,
  how: Parameters<SlaveDevice['execute']>[1],
  nowMs: number,
): ReturnType<SlaveDevice['execute']> {
  if (how.exceptionCode !== undefined) {
    model.heard('exception', nowMs);
    return { reply: exceptionPdu(request[0] ?? 0, how.exceptionCode), kind: 'exception' };
  }
  const answer = answerPdu(request, model.image, !how.ignoreWrites);
  if (!(answer.kind === 'write' && how.ignoreWrites)) model.heard(answer.kind, nowMs);
  return answer;
}
