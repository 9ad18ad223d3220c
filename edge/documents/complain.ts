import { describeComplaints } from '#shared/complaints.ts';
import { type Complaint, PilegateError } from '#shared/errors.ts';

/** A refusal of a document, by everything that is wrong with it. */
export const complain = (name: string, complaints: readonly Complaint[], cause?: unknown): PilegateError =>
  new PilegateError(
    'config.invalid',
    `${name}: ${describeComplaints(complaints)}`,
    cause === undefined ? { complaints } : { complaints, cause },
  );
