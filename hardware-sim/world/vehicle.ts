import { AC_CURVE, type Battery, type ChargeCurve, isFull, shareAt, socOf } from './battery.ts';

/** A vehicle at the end of a cable. Currents are per active phase, in A, unless they are for its DC inlet. */
export interface Vehicle {
  readonly plugged: boolean;
  readonly wantsCharge: boolean;
  readonly maxCurrentA: number;
  readonly phases: 1 | 2 | 3;
  readonly rampAPerS: number;
  /** Time to adapt to a changed offer. IEC 61851-1 gives the vehicle at most 5 s. */
  readonly reactionMs: number;
  /** Time to stop drawing after PWM went off. IEC 61851-1 gives the vehicle at most 3 s. */
  readonly stopMs: number;
  /** Time from PWM on to closing its switch S2 (state B to C). */
  readonly startMs: number;
  readonly battery: Battery;
  /** `undefined`: the usual curve of the inlet in use. */
  readonly chargeCurve: ChargeCurve | undefined;
  readonly dcMaxCurrentA: number;
  readonly dcMaxPowerW: number;
  /** Its BMS has ended the charge with a fault; only a new plug makes it try again. */
  readonly aborted: boolean;
  readonly s2Closed: boolean;
  readonly currentA: number;
  readonly adoptedOfferA: number;
  readonly pending: { readonly offerA: number; readonly dueMs: number } | undefined;
  readonly pwmOnSinceMs: number | undefined;
  readonly stopping: { readonly sinceMs: number; readonly fromA: number } | undefined;
}

/** What the vehicle sees and suffers during one slice. */
export interface VehicleInput {
  /** Current offered by the pilot signal in A; 0 = no PWM. */
  readonly offerA: number;
  /** True while the pile's contacts conduct. */
  readonly supplied: boolean;
  readonly nowMs: number;
  readonly dtMs: number;
  /** Draws this multiple of the offer, above its own maximum if need be; `undefined` for an obedient vehicle. */
  readonly overCurrentFactor: number | undefined;
  /** A vehicle that was drawing goes on drawing whatever the pilot says. */
  readonly ignoresPilot: boolean;
  /** Its BMS ends the charge with a fault. */
  readonly bmsAbort: boolean;
}

const IDLE = {
  s2Closed: false,
  currentA: 0,
  adoptedOfferA: 0,
  pending: undefined,
  pwmOnSinceMs: undefined,
  stopping: undefined,
} as const;

/** A vehicle that is away, with the given wishes and battery. */
export function parkedVehicle(
  settings: Pick<
    Vehicle,
    | 'wantsCharge'
    | 'maxCurrentA'
    | 'phases'
    | 'rampAPerS'
    | 'reactionMs'
    | 'stopMs'
    | 'startMs'
    | 'battery'
    | 'chargeCurve'
    | 'dcMaxCurrentA'
    | 'dcMaxPowerW'
  >,
): Vehicle {
  return { ...settings, ...IDLE, plugged: false, aborted: false };
}

/** The vehicle after one slice. Pure. */
export function stepVehicle(vehicle: Vehicle, input: VehicleInput): Vehicle {
  if (!vehicle.plugged) return { ...vehicle, ...IDLE, aborted: false };
  if (input.bmsAbort || vehicle.aborted) return { ...vehicle, ...IDLE, aborted: true };
  if (input.ignoresPilot && input.supplied && vehicle.s2Closed && vehicle.adoptedOfferA > 0)
    return draw(vehicle, input);
  const willing = vehicle.wantsCharge && !isFull(vehicle.battery);
  if (input.offerA === 0 || !willing) return stop(vehicle, input);
  const awake = { ...vehicle, stopping: undefined, pwmOnSinceMs: vehicle.pwmOnSinceMs ?? input.nowMs - input.dtMs };
  return awake.s2Closed ? draw(adapt(awake, input), input) : start(awake, input);
}

/** Ramps down so that no current is left `stopMs` after the reason appeared, then opens S2. */
function stop(vehicle: Vehicle, { nowMs, dtMs, supplied }: VehicleInput): Vehicle {
  if (!vehicle.s2Closed) return { ...vehicle, ...IDLE };
  const stopping = vehicle.stopping ?? { sinceMs: nowMs - dtMs, fromA: vehicle.currentA };
  const elapsedMs = nowMs - stopping.sinceMs;
  if (elapsedMs >= vehicle.stopMs) return { ...vehicle, ...IDLE };
  const currentA = supplied ? stopping.fromA * (1 - elapsedMs / vehicle.stopMs) : 0;
  return { ...vehicle, stopping, currentA, pending: undefined, pwmOnSinceMs: undefined };
}

function start(vehicle: Vehicle, { nowMs, offerA }: VehicleInput): Vehicle {
  const waitedMs = nowMs - (vehicle.pwmOnSinceMs ?? nowMs);
  if (waitedMs < vehicle.startMs) return vehicle;
  return { ...vehicle, s2Closed: true, adoptedOfferA: offerA, pending: undefined };
}

/** Notices a new offer and adopts it `reactionMs` later; further cuts do not restart the deadline of the first cut. */
function adapt(vehicle: Vehicle, { offerA, nowMs, dtMs }: VehicleInput): Vehicle {
  const pending = noticed(vehicle, offerA, nowMs - dtMs);
  if (pending === undefined) return { ...vehicle, pending };
  if (nowMs + dtMs < pending.dueMs) return { ...vehicle, pending };
  return { ...vehicle, pending: undefined, adoptedOfferA: pending.offerA };
}

function noticed(vehicle: Vehicle, offerA: number, sinceMs: number): Vehicle['pending'] {
  const { pending, adoptedOfferA } = vehicle;
  if (offerA === adoptedOfferA) return undefined;
  if (pending === undefined) return { offerA, dueMs: sinceMs + vehicle.reactionMs };
  if (pending.offerA === offerA) return pending;
  const stillCutting = offerA < adoptedOfferA && pending.offerA < adoptedOfferA;
  return { offerA, dueMs: stillCutting ? pending.dueMs : sinceMs + vehicle.reactionMs };
}

function draw(vehicle: Vehicle, input: VehicleInput): Vehicle {
  if (!input.supplied) return { ...vehicle, currentA: 0 };
  const ownMaxA = vehicle.maxCurrentA * shareAt(vehicle.chargeCurve ?? AC_CURVE, socOf(vehicle.battery));
  const targetA =
    input.overCurrentFactor === undefined
      ? Math.min(vehicle.adoptedOfferA, ownMaxA)
      : vehicle.adoptedOfferA * input.overCurrentFactor;
  const risenA = vehicle.currentA + (vehicle.rampAPerS * input.dtMs) / 1000;
  return { ...vehicle, currentA: Math.min(targetA, risenA) };
}

/** Current in A on L1..L3. */
export function phaseCurrentsA(vehicle: Vehicle): readonly [number, number, number] {
  const on = (phase: number): number => (phase <= vehicle.phases ? vehicle.currentA : 0);
  return [on(1), on(2), on(3)];
}
