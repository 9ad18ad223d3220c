import type { PduKind } from '../line/pdu.ts';
import type { RegisterImage } from '../line/register-image.ts';
import type { Slice } from '../world/stepper.ts';
import type { DcTruth } from './dc/generic-dc.ts';
import type { Watchdog } from './watchdog.ts';

/** What a model's registers allow at this moment. */
export interface Permission {
  /** Lock open, enabled, session not stopped: the hard path. */
  readonly unlocked: boolean;
  /** Current limit in force in mA; below 6000 the pile offers nothing. */
  readonly limitMa: number;
  /** `fallback` while the watchdog has taken over from the set-point. */
  readonly source: 'setpoint' | 'fallback';
  /** Phases to be connected, 3 when left out. The pile pauses and opens its contacts before it switches over. */
  readonly phases?: 1 | 3;
}

/** The part of a pile that differs from vendor to vendor. */
export interface PileModel {
  readonly image: RegisterImage;
  readonly maxCurrentMa: number;
  readonly watchdog: Watchdog;
  /** Runs the watchdog up to `nowMs` and says what may be offered. */
  permission(nowMs: number): Permission;
  /** Told after each valid request, whatever the answer was. */
  heard(kind: PduKind, nowMs: number): void;
  /** Told when the plug is pulled. */
  unplugged(): void;
  /** What its energy register says, in Wh; null when it has none. */
  reportedRegisterWh(): number | null;
  /** A DC pile moves its state by itself; pilot and offer of an AC pile mean nothing to it. `allowedW`: at its output, while it charges. */
  readonly dc?: { step(slice: Slice): void; truth(): DcTruth; allowedW(): number };
}
