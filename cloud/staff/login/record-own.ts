import { recordAudit } from '../../audit/record.ts';
import type { CloudContext } from '../../context.ts';
import type { Trx } from '../../db/transaction.ts';

/** Where a request comes from. */
export interface Whence {
  readonly address: string;
  readonly correlationId: string;
}

/** Somebody who has no session yet that could tell who they are. */
export interface OnTheWayIn extends Whence {
  readonly staffId: string;
}

/** Puts on the record what somebody does with their own account on the way in. */
export const recordOwn = (
  trx: Trx,
  { clock }: Pick<CloudContext, 'clock'>,
  { staffId, address, correlationId }: OnTheWayIn,
  action: 'staff.set_up' | 'staff.enrol' | 'session.begin' | 'session.refused',
  detail: object = {},
): Promise<void> =>
  recordAudit(trx, {
    atMs: clock.wallMs(),
    actor: { kind: 'staff', id: staffId, address },
    action,
    subject: { kind: 'staff', id: staffId },
    detail,
    correlationId,
  });
