import type { StaffRole } from './roles.ts';

/** Who of the staff asks. */
export interface StaffCaller {
  readonly staffId: string;
  /** As other people know them. */
  readonly name: string;
  readonly role: StaffRole;
  /** Null: a machine with the staff token. */
  readonly sessionId: string | null;
}

/** A machine that holds the staff token. */
export const SERVICE_CALLER: StaffCaller = {
  staffId: 'service',
  name: 'service',
  role: 'service',
  sessionId: null,
};
