import type { StateEffects } from '../faults/state-effects.ts';
import { SLICE_MS } from '../piles/pile.ts';
import type { MonoClock } from '../world/clock.ts';
import { createStepper } from '../world/stepper.ts';
import { decodeLockRequest, encodeLockReply, type LockRequest } from './bus-lock-frames.ts';
import { createCommandLog } from './command-log.ts';
import type { LockDevice, LockSettings } from './lock-device.ts';
import { lockDevice } from './lock-shell.ts';
import { moveTo, RESTING_DOWN, stepTravel, TRAVEL_MS, type Travel } from './travel.ts';

const QUERY = 0x01;
const MOVE = 0x02;
const REPLY_BIT = 0x80;
const ERROR_REPLY = 0xcf;
const UNKNOWN_COMMAND = 1;
const WRONG_PAYLOAD = 2;

/** Codes of arm, bay and alarm as the charging platforms use them for ground locks. */
const UP = 0x55;
const DOWN = 0xff;
const NOT_IN_PLACE = 0x00;
const BAY_CAR = 0xff;
const ALARM_DAMAGED = 0xff;
const ALARM_LIFT = 0x55;

/** An arm below a car meets its floor pan here. */
const FLOOR_PAN_MS = 0.4 * TRAVEL_MS;
const MOTOR_LIMIT_MS = 5000;
const START_PERCENT = 80;
const TRAVEL_COST_PERCENT = 0.1;
const MIN_RAISE_PERCENT = 5;

/** The ground lock `bus-lock` of README.md in this folder: an arm, a bay sensor, a battery. It raises under a car when told to. */
export function busLock(settings: LockSettings, clock: MonoClock, effects: () => StateEffects): LockDevice {
  let travel: Travel = RESTING_DOWN;
  let occupied = false;
  let batteryPercent = START_PERCENT;
  let now = effects();
  const log = createCommandLog();
  const advance = createStepper(clock, SLICE_MS, (slice) => {
    now = effects();
    if (now.armDamaged) travel = { ...travel, motorSinceMs: undefined };
    const blockedAboveMs = occupied ? FLOOR_PAN_MS : undefined;
    travel = stepTravel(travel, {
      ...slice,
      jammed: now.lockJammed !== undefined,
      blockedAboveMs,
      motorLimitMs: MOTOR_LIMIT_MS,
    });
  });

  const status = (): number[] => [
    armCode(travel),
    occupied ? BAY_CAR : 0,
    Math.round(batteryPercent),
    alarmCode(travel, now),
  ];

  const move = (target: Travel['target'], nowMs: number): boolean => {
    const accepted = !now.armDamaged && (target === 'down' || batteryPercent >= MIN_RAISE_PERCENT);
    log.add({ monoMs: nowMs, command: target, accepted });
    if (!accepted) return false;
    travel = moveTo(travel, target, nowMs);
    if (travel.motorSinceMs === nowMs) batteryPercent = Math.max(0, batteryPercent - TRAVEL_COST_PERCENT);
    return true;
  };

  const answer = ({ command, payload }: LockRequest, nowMs: number): Uint8Array => {
    const reply = (code: number, ...bytes: number[]): Uint8Array => encodeLockReply(settings.address, code, bytes);
    if (command !== QUERY && command !== MOVE) return reply(ERROR_REPLY, command, UNKNOWN_COMMAND);
    if (command === QUERY && payload.length === 0) return reply(QUERY | REPLY_BIT, ...status());
    const [order] = payload;
    if (command === QUERY || payload.length !== 1 || (order !== UP && order !== DOWN))
      return reply(ERROR_REPLY, command, WRONG_PAYLOAD);
    return reply(MOVE | REPLY_BIT, move(order === UP ? 'up' : 'down', nowMs) ? 1 : 0);
  };

  return lockDevice({
    settings,
    advance,
    decode: decodeLockRequest,
    answer,
    setOccupied: (value) => {
      occupied = value;
    },
    body: () => ({ travel, occupied, batteryPercent, effects: now, commands: log.list() }),
  });
}

function armCode({ positionMs }: Travel): number {
  if (positionMs === TRAVEL_MS) return UP;
  return positionMs === 0 ? DOWN : NOT_IN_PLACE;
}

function alarmCode({ failed }: Travel, { armDamaged }: StateEffects): number {
  if (armDamaged) return ALARM_DAMAGED;
  return failed ? ALARM_LIFT : 0;
}
