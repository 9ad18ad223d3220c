import type { z } from 'zod';
import { errorCatalogue } from '#shared/errors.ts';
import type { OperationRow } from '../db/schema.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import type { acceptedSchema, operationSchema } from './schemas.ts';

const answerOf = (row: OperationRow) => ({
  operation_id: row.operation_id,
  request_id: row.request_id,
  kind: row.kind,
  order_id: row.order_id,
  reservation_id: row.reservation_id,
  connector_id: row.connector_id,
  created_at: iso(row.created_at_ms),
  deadline_at: isoOrNull(row.deadline_at_ms),
});

/** The first answer, the same for ever: it is made from what never changes in the row. */
export const acceptedView = (row: OperationRow): z.infer<typeof acceptedSchema> => ({
  ...answerOf(row),
  status: 'accepted',
});

/** The operation as it stands now. */
export function operationView(row: OperationRow): z.infer<typeof operationSchema> {
  const entry = Object.entries(errorCatalogue).find(([code]) => code === row.code)?.[1];
  return {
    ...answerOf(row),
    status: row.status,
    finished_at: isoOrNull(row.finished_at_ms),
    failure:
      row.code === null || entry === undefined
        ? null
        : { code: row.code, detail: row.detail ?? '', fault: entry.fault },
  };
}
