import { z } from 'zod';
import { complaintsOf, describeComplaints } from '#shared/complaints.ts';
import { type Stamp, stampSchema } from '#shared/stamp.ts';
import { batchSchema, MAX_BATCH_RECORDS, type RecordEnvelope, recordEnvelopeSchema } from '#shared/wire/messages.ts';

/** Of a record that does not say when it was written. */
const UNKNOWN: Stamp = { wallMs: 0, monoMs: 0, bootId: '00000000-0000-0000-0000-000000000000', clock: 'none' };

const countSchema = z.object({ body: z.object({ count: z.int().positive() }) });

/**
 * A record of which nothing but its number can be read stands as one of a kind that nobody knows, with all that was told: it is refused
 * and kept aside by itself. Refused as a whole, its batch would come again and again, and all that is behind it would wait.
 */
const unreadableSchema = z.looseObject({ seq: z.int().positive() }).transform((told): RecordEnvelope => {
  const { error } = recordEnvelopeSchema.safeParse(told);
  const why = error === undefined ? '' : describeComplaints(complaintsOf(error).slice(0, 5));
  const body = { kind: 'record.unreadable', ...countSchema.safeParse(told).data?.body, why, told };
  return { seq: told.seq, at: stampSchema.safeParse(told.at).data ?? UNKNOWN, body };
});

/** up/batch, as the cloud reads it. */
export const toldBatchSchema = batchSchema.extend({
  records: z
    .array(z.union([recordEnvelopeSchema, unreadableSchema]))
    .min(1)
    .max(MAX_BATCH_RECORDS),
});
