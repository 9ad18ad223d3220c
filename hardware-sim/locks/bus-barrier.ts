import type { StateEffects } from '../faults/state-effects.ts';
import { SLICE_MS } from '../piles/pile.ts';
import type { MonoClock } from '../world/clock.ts';
import { createStepper } from '../world/stepper.ts';
import { type BarrierRequest, decodeBarrierRequest, encodeBarrierReply } from './bus-barrier-frames.ts';
import { createCommandLog } from './command-log.ts';
import type { LockDevice, LockSettings } from './lock-device.ts';
import { lockDevice } from './lock-shell.ts';
import { moveTo, RESTING_DOWN, stepTravel, TRAVEL_MS, type Travel } from './travel.ts';

const QUERY = 0x10;
const OPEN = 0x11;
const CLOSE = 0x12;
const REPLY_BIT = 0x80;
const ERROR_REPLY = 0xee;

const CLOSED = 0;
const OPENING = 1;
const OPENED = 2;
const CLOSING = 3;
const BETWEEN = 4;

const FAULT_JAMMED = 1;
const FAULT_BROKEN = 2;
const TAKEN = 0;
const VEHICLE_BELOW = 1;
const BOOM_BROKEN = 2;

const MOTOR_LIMIT_MS = 6000;

/** The barrier `bus-barrier` of README.md in this folder: a boom and a photo cell that keeps it from closing on a vehicle. */
export function busBarrier(settings: LockSettings, clock: MonoClock, effects: () => StateEffects): LockDevice {
  let travel: Travel = RESTING_DOWN;
  let occupied = false;
  let now = effects();
  const log = createCommandLog();
  const advance = createStepper(clock, SLICE_MS, (slice) => {
    now = effects();
    if (now.armDamaged) travel = { ...travel, motorSinceMs: undefined };
    if (occupied && isMoving(travel, 'down')) travel = moveTo(travel, 'up', slice.nowMs - slice.dtMs);
    const jammed = now.lockJammed !== undefined;
    travel = stepTravel(travel, { ...slice, jammed, blockedAboveMs: undefined, motorLimitMs: MOTOR_LIMIT_MS });
  });

  const result = (target: Travel['target']): number => {
    if (now.armDamaged) return BOOM_BROKEN;
    return target === 'down' && occupied ? VEHICLE_BELOW : TAKEN;
  };

  const move = (target: Travel['target'], nowMs: number): number => {
    const outcome = result(target);
    log.add({ monoMs: nowMs, command: target, accepted: outcome === TAKEN });
    if (outcome === TAKEN) travel = moveTo(travel, target, nowMs);
    return outcome;
  };

  const answer = ({ command, payload }: BarrierRequest, nowMs: number): Uint8Array => {
    const reply = (...bytes: number[]): Uint8Array => encodeBarrierReply(settings.address, command | REPLY_BIT, bytes);
    const known = command === QUERY || command === OPEN || command === CLOSE;
    if (!known || payload.length > 0) return encodeBarrierReply(settings.address, ERROR_REPLY, [command]);
    if (command === QUERY) return reply(boomCode(travel), occupied ? 1 : 0, faultCode(travel, now));
    return reply(move(command === OPEN ? 'up' : 'down', nowMs));
  };

  return lockDevice({
    settings,
    advance,
    decode: decodeBarrierRequest,
    answer,
    setOccupied: (value) => {
      occupied = value;
    },
    body: () => ({ travel, occupied, batteryPercent: undefined, effects: now, commands: log.list() }),
  });
}

function isMoving(travel: Travel, target: Travel['target']): boolean {
  return travel.motorSinceMs !== undefined && travel.target === target;
}

function boomCode(travel: Travel): number {
  if (travel.positionMs === TRAVEL_MS) return OPENED;
  if (travel.positionMs === 0) return CLOSED;
  if (travel.motorSinceMs === undefined) return BETWEEN;
  return travel.target === 'up' ? OPENING : CLOSING;
}

function faultCode({ failed }: Travel, { armDamaged }: StateEffects): number {
  if (armDamaged) return FAULT_BROKEN;
  return failed ? FAULT_JAMMED : 0;
}
