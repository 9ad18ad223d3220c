import type { z } from 'zod';
import { iso, isoOrNull } from '../../http/iso.ts';
import { availableOf } from './accounts.ts';
import { lowMarksOf } from './low-marks.ts';
import type { accountSchema, holdSchema, transferSchema } from './schemas.ts';
import type { CreditAccountRow, CreditTransferRow } from './tables.ts';

export const accountView = (row: CreditAccountRow): z.infer<typeof accountSchema> => ({
  environment: row.environment,
  currency: row.currency,
  kind: row.kind,
  limit_minor: row.limit_minor,
  hold_per_start_minor: row.hold_per_start_minor,
  low_marks_minor: [...lowMarksOf(row.low_marks)],
  funded_minor: row.funded_minor,
  charged_minor: row.posted_minor,
  held_minor: row.pending_minor,
  available_minor: availableOf(row),
});

export const holdView = (row: CreditTransferRow): z.infer<typeof holdSchema> => ({
  transfer_id: row.transfer_id,
  order_id: row.order_id,
  amount_minor: row.amount_minor,
  created_at: iso(row.created_at_ms),
});

export const transferView = (row: CreditTransferRow): z.infer<typeof transferSchema> => ({
  ...holdView(row),
  kind: row.kind,
  state: row.state,
  amount_minor: row.credit === 'partner' ? row.amount_minor : -row.amount_minor,
  reference: row.reference,
  reason: row.reason,
  closed_at: isoOrNull(row.closed_at_ms),
});
