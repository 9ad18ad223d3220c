import type { IoBoardProfile } from '../io/io-board-profile.ts';
import type { MeterProfile } from '../profile/meter-profile.ts';
import type { PileProfile } from '../profile/pile-profile.ts';

/** A profile whose device speaks Modbus: what frame vectors can be run against. */
export type ModbusProfile = PileProfile | MeterProfile | IoBoardProfile;

/** Adds one thing that is wrong: where in the profile, and why. */
export type Find = (path: readonly (string | number)[], reason: string) => void;

/** What the linter has to say about a file. */
export interface Finding {
  readonly file: string;
  /** Dotted, as in the file: `vectors.3.reads.power`. */
  readonly path: string;
  readonly reason: string;
}
