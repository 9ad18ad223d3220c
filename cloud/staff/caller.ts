import { PilegateError } from '#shared/errors.ts';
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

/** @throws PilegateError `staff.forbidden` for a machine: it has no session */
export function personCalling({ staffId, sessionId }: StaffCaller): { staffId: string; sessionId: string } {
  if (sessionId === null) throw new PilegateError('staff.forbidden', 'the staff token is no session');
  return { staffId, sessionId };
}
