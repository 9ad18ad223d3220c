import type { FastifyRequest } from 'fastify';
import { recordAudit } from '../audit/record.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { endingWith } from '../db/transaction.ts';
import { correlationOf } from '../http/correlation.ts';

export interface PartnerDeed {
  /** A partner, or an application that may become one. */
  readonly actorId: string;
  readonly action: string;
  readonly subject: { readonly kind: string; readonly id: string };
  readonly detail: object;
}

/** The database, of which every transaction ends with an audit row of what somebody outside does. */
export function recordingPartner(
  context: Pick<CloudContext, 'db' | 'clock' | 'processId'>,
  request: FastifyRequest,
  { actorId, action, subject, detail }: PartnerDeed,
): Db {
  return endingWith(context.db, (trx) =>
    recordAudit(trx, {
      atMs: context.clock.wallMs(),
      actor: { kind: 'partner', id: actorId, address: request.ip },
      action,
      subject,
      detail,
      correlationId: correlationOf(context, request),
    }),
  );
}
