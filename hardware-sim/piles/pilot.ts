/** Control pilot states of IEC 61851-1: digit 1 = no PWM, 2 = PWM on. */
export type PilotState = 'A1' | 'A2' | 'B1' | 'B2' | 'C1' | 'C2' | 'E' | 'F';

/** A vehicle that goes on drawing after PWM went off may be cut off under load 6 s later (IEC 61851-1 sequence 10.2). */
const SOFT_STOP_OPEN_MS = 6000;
/** A lock or disable waits only for the 3 s that a vehicle has to stop. */
const HARD_STOP_OPEN_MS = 3000;

/** The situation of one pile, as far as the pilot and the contactor care. */
export interface PilotInput {
  readonly plugged: boolean;
  readonly s2Closed: boolean;
  readonly offerA: number;
  readonly emergencyStop: boolean;
  readonly errored: boolean;
}

/** The pilot state for `input`. */
export function pilotState({ plugged, s2Closed, offerA, emergencyStop, errored }: PilotInput): PilotState {
  if (emergencyStop) return 'E';
  if (errored) return 'F';
  const pwm = offerA > 0;
  if (!plugged) return pwm ? 'A2' : 'A1';
  if (s2Closed) return pwm ? 'C2' : 'C1';
  return pwm ? 'B2' : 'B1';
}

/** What the pile asks of its contactor; `offMs` is the time since the offer went to 0, `hardStop` how it did. */
export function contactorCommand(
  pilot: PilotState,
  present: 'open' | 'close',
  offMs: number,
  hardStop: boolean,
): 'open' | 'close' {
  if (pilot === 'C2') return 'close';
  if (pilot !== 'C1') return 'open';
  return offMs < (hardStop ? HARD_STOP_OPEN_MS : SOFT_STOP_OPEN_MS) ? present : 'open';
}
