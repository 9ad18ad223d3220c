import type { BstReason } from '../../faults/bst-reasons.ts';
import type { Protection } from '../../faults/state-effects.ts';
import { isFull } from '../../world/battery.ts';
import type { PileState } from '../pile-state.ts';
import type { CstReason } from './stop-reasons.ts';

/** Phases of a DC charge, in the order of GB/T 27930: connection, insulation check, hand-shake and set-up, charge, end. */
export type DcPhase = 'idle' | 'plugged' | 'insulation-check' | 'handshake' | 'charging' | 'stopping' | 'ended';

/** Numbers of the fault register. A `pile-error` fault brings its own. */
export const DC_FAULTS = {
  none: 0,
  emergencyStop: 1,
  insulation: 2,
  overTemperature: 3,
  gunPulled: 4,
  bmsTimeout: 5,
  gunLock: 6,
  watchdog: 7,
  residualCurrent: 8,
  ground: 9,
  overload: 10,
} as const;

const PROTECTION_FAULTS: Readonly<Record<Protection, number>> = {
  'insulation-fault': DC_FAULTS.insulation,
  'residual-current': DC_FAULTS.residualCurrent,
  'ground-fault': DC_FAULTS.ground,
  overload: DC_FAULTS.overload,
};

/** The number of what keeps the pile from working at this instant; 0 for nothing. */
export function standingFault({ effects, overheated }: PileState): number {
  if (effects.emergencyStop) return DC_FAULTS.emergencyStop;
  if (effects.errorCode !== undefined) return effects.errorCode;
  if (effects.protection !== undefined) return PROTECTION_FAULTS[effects.protection];
  return overheated ? DC_FAULTS.overTemperature : DC_FAULTS.none;
}

/** What a DC pile knows about its present or last charge. */
export interface DcCharge {
  phase: DcPhase;
  sinceMs: number;
  bst: ReadonlySet<BstReason>;
  cst: ReadonlySet<CstReason>;
  faultCode: number;
  /** When the last BCL came from the BMS. */
  lastBclMs: number;
}

/** A pile that has not charged yet. */
export function newDcCharge(nowMs: number): DcCharge {
  return { phase: 'idle', sinceMs: nowMs, bst: new Set(), cst: new Set(), faultCode: DC_FAULTS.none, lastBclMs: nowMs };
}

const INSULATION_CHECK_MS = 2000;
/** GB/T 27930-2015: no BRM within 5 s, no BRO(AA) within 60 s of BRO(00), no BCL for 1 s. */
const BRM_TIMEOUT_MS = 5000;
const BRO_READY_TIMEOUT_MS = 60_000;
const BCL_TIMEOUT_MS = 1000;
/** Contacts open when this little is left (GB/T 18487.1). */
const OPEN_BELOW_A = 5;

interface Ending {
  readonly bst?: BstReason;
  readonly cst: readonly CstReason[];
  readonly faultCode: number;
  /** Current is cut off instead of brought down. */
  readonly abrupt?: boolean;
}

const GUN_PULLED: Ending = { cst: ['fault', 'connector'], faultCode: DC_FAULTS.gunPulled };

/** Advances the charge to `state.nowMs`. `watchdogStop` says that the controller has been lost and nothing may be delivered. */
export function stepCharge(charge: DcCharge, state: PileState, outputA: number, watchdogStop: boolean): void {
  if (!state.vehicle.plugged) {
    if (isActive(charge) || charge.phase === 'stopping') end(charge, state.nowMs, GUN_PULLED);
    enter(charge, 'idle', state.nowMs);
    return;
  }
  if (charge.phase === 'idle') enter(charge, 'plugged', state.nowMs);
  const ending = endingOf(charge, state, watchdogStop);
  if (ending !== undefined && (isActive(charge) || (charge.phase === 'stopping' && ending.abrupt)))
    end(charge, state.nowMs, ending);
  else progress(charge, state, outputA);
}

/** A start command: only a pile that stands with a gun in and no fault begins. */
export function startCharge(charge: DcCharge, state: PileState): void {
  if ((charge.phase !== 'plugged' && charge.phase !== 'ended') || isFaulty(state)) return;
  Object.assign(charge, { ...newDcCharge(state.nowMs), phase: 'insulation-check' });
}

/** A stop command: the charger stops for "manual", the vehicle because the charger has asked. */
export function stopCharge(charge: DcCharge, nowMs: number): void {
  if (isActive(charge)) end(charge, nowMs, { bst: 'charger-asked', cst: ['manual'], faultCode: DC_FAULTS.none });
}

/** True while the pile itself refuses to work. */
export function isFaulty(state: PileState): boolean {
  return standingFault(state) !== DC_FAULTS.none;
}

function isActive({ phase }: DcCharge): boolean {
  return phase === 'insulation-check' || phase === 'handshake' || phase === 'charging';
}

function enter(charge: DcCharge, phase: DcPhase, nowMs: number): void {
  if (charge.phase === phase) return;
  charge.phase = phase;
  charge.sinceMs = nowMs;
}

function end(charge: DcCharge, nowMs: number, { bst, cst, faultCode, abrupt = false }: Ending): void {
  charge.bst = new Set(bst === undefined ? [] : [bst]);
  charge.cst = new Set(cst);
  charge.faultCode = faultCode;
  enter(charge, charge.phase === 'charging' && !abrupt ? 'stopping' : 'ended', nowMs);
}

function endingOf(charge: DcCharge, state: PileState, watchdogStop: boolean): Ending | undefined {
  const { effects, vehicle, nowMs } = state;
  if (effects.emergencyStop)
    return { cst: ['fault', 'emergency-stop'], faultCode: DC_FAULTS.emergencyStop, abrupt: true };
  if (effects.errorCode !== undefined || effects.protection !== undefined)
    return { cst: ['fault', 'other'], faultCode: standingFault(state), abrupt: true };
  if (state.overheated) return { cst: ['fault', 'over-temperature'], faultCode: DC_FAULTS.overTemperature };
  if (effects.lockJammed === 'unlocked') return { cst: ['fault', 'connector'], faultCode: DC_FAULTS.gunLock };
  if (watchdogStop) return { cst: ['fault', 'other'], faultCode: DC_FAULTS.watchdog };
  if (charge.phase !== 'charging') return undefined;
  if (effects.bmsAbort === undefined) charge.lastBclMs = nowMs;
  if (effects.bmsAbort === 'silent')
    return nowMs - charge.lastBclMs < BCL_TIMEOUT_MS
      ? undefined
      : { cst: ['fault', 'other'], faultCode: DC_FAULTS.bmsTimeout };
  if (effects.bmsAbort !== undefined) return { bst: effects.bmsAbort, cst: ['bms-asked'], faultCode: DC_FAULTS.none };
  if (isFull(vehicle.battery) || !vehicle.wantsCharge)
    return { bst: 'soc-target', cst: ['bms-asked'], faultCode: DC_FAULTS.none };
  return undefined;
}

function progress(charge: DcCharge, state: PileState, outputA: number): void {
  const elapsedMs = state.nowMs - charge.sinceMs;
  if (charge.phase === 'insulation-check' && elapsedMs >= INSULATION_CHECK_MS) enter(charge, 'handshake', state.nowMs);
  else if (charge.phase === 'handshake') handshake(charge, state, elapsedMs);
  else if (charge.phase === 'stopping' && outputA < OPEN_BELOW_A) enter(charge, 'ended', state.nowMs);
}

/** A BMS that has aborted does not speak at all; one that does not want to charge never gets ready. */
function handshake(charge: DcCharge, { vehicle, nowMs }: PileState, elapsedMs: number): void {
  const timedOut = elapsedMs >= (vehicle.aborted ? BRM_TIMEOUT_MS : BRO_READY_TIMEOUT_MS);
  if (timedOut) end(charge, nowMs, { cst: ['fault', 'other'], faultCode: DC_FAULTS.bmsTimeout });
  else if (!vehicle.aborted && vehicle.wantsCharge && !isFull(vehicle.battery) && elapsedMs >= vehicle.startMs) {
    charge.lastBclMs = nowMs;
    enter(charge, 'charging', nowMs);
  }
}
