import { z } from 'zod';
import { connectorIdSchema, uuidSchema } from '../ids.ts';
import { wallMsSchema } from '../stamp.ts';
import { connectorStatusSchema } from './messages.ts';

/** A record holds at most so many samples, of all connectors together. */
export const MAX_SAMPLES_A_RECORD = 1000;
/** Between the first and the last sample of a record. */
export const MAX_RECORD_SPAN_MS = 3_600_000;

/** Once for each sample; or one value that all of them have. Null is never zero: the pile did not tell it. */
const columnSchema = z.union([z.int().nullable(), z.array(z.int().nullable()).min(1).max(MAX_SAMPLES_A_RECORD)]);
export type SampleColumn = z.infer<typeof columnSchema>;

/** Samples of one connector that have session and status in common, in the order in which they were taken. */
export const sampleSeriesSchema = z
  .object({
    connectorId: connectorIdSchema,
    status: connectorStatusSchema,
    sessionId: uuidSchema.nullable(),
    /** How far the number of each sample lies before that of the record. */
    seqAgo: z.array(z.int().nonnegative()).min(1).max(MAX_SAMPLES_A_RECORD),
    /** How long before the record's stamp each was taken, by both clocks. */
    agoMs: z.array(z.int().nonnegative().max(MAX_RECORD_SPAN_MS)).min(1).max(MAX_SAMPLES_A_RECORD),
    registerWh: columnSchema,
    currentMa: columnSchema,
    powerW: columnSchema,
    /** Tenths of a degree Celsius. */
    temperatureDc: columnSchema,
  })
  .refine(
    ({ seqAgo, agoMs, registerWh, currentMa, powerW, temperatureDc }) =>
      [agoMs, registerWh, currentMa, powerW, temperatureDc].every(
        (column) => !Array.isArray(column) || column.length === seqAgo.length,
      ),
    'columns of different lengths',
  )
  .refine(
    ({ seqAgo, agoMs }) =>
      seqAgo.every((ago, i) => ago < (seqAgo[i - 1] ?? Number.POSITIVE_INFINITY)) &&
      agoMs.every((ms, i) => ms <= (agoMs[i - 1] ?? Number.POSITIVE_INFINITY)),
    'samples out of order',
  );
export type SampleSeries = z.infer<typeof sampleSeriesSchema>;

/**
 * Samples of a site's connectors under neighbouring numbers, stamped with the newest of them. Those of its numbers that have no
 * sample here were thinned: one a minute was left of each connector and status.
 */
export const samplesTakenSchema = z
  .object({
    kind: z.literal('samples.taken'),
    /** How many neighbouring numbers it stands for, of which its own is the last. */
    count: z.int().positive(),
    /** Those of one connector follow each other in time. */
    series: z.array(sampleSeriesSchema).min(1).max(MAX_SAMPLES_A_RECORD),
  })
  .refine(
    ({ count, series }) => series.every(({ seqAgo }) => (seqAgo[0] ?? 0) < count),
    'samples under numbers that the record does not stand for',
  );
export type SamplesTaken = z.infer<typeof samplesTakenSchema>;

/**
 * Why samples are not there. `dropped`: the oldest gave way to new ones; `not-taken`: the disk was short; `not-stored`: they could
 * not be written; `damaged`: the store could not be read any more, and was made anew; `interrupted`: the process or the power went, and
 * what had been taken just before may be missing.
 */
export const lostReasons = ['dropped', 'not-taken', 'not-stored', 'damaged', 'interrupted'] as const;

/** `thinned` is told by the numbers that a record of samples leaves out. */
export type SampleLossReason = (typeof lostReasons)[number] | 'thinned';

/** Stands in the place of samples that the site has not got any more. */
export const samplesLostSchema = z.object({
  kind: z.literal('samples.lost'),
  /** How many neighbouring numbers it stands for, of which its own is the last. */
  count: z.int().positive(),
  reason: z.enum(lostReasons),
  /** How many samples; null where nobody knows. */
  samples: z.int().nonnegative().nullable(),
  /** Between which times, by the clock of then; null where nobody knows. */
  fromWallMs: wallMsSchema.nullable(),
  toWallMs: wallMsSchema.nullable(),
});
export type SamplesLost = z.infer<typeof samplesLostSchema>;

/** The bodies of the stream `samples`. */
export const samplesBodySchema = z.discriminatedUnion('kind', [samplesTakenSchema, samplesLostSchema]);
export type SamplesBody = z.infer<typeof samplesBodySchema>;
