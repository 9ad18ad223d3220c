import { z } from 'zod';
import {
  documentComplaintSchema,
  documentDigestSchema,
  documentKindSchema,
  documentSourceSchema,
  documentStatusSchema,
  documentVersionSchema,
  MAX_TOLD_COMPLAINTS,
} from '../documents.ts';
import { type ErrorCode, errorCatalogue } from '../errors.ts';
import { faultCodes } from '../faults.ts';
import { connectorIdSchema, pileIdSchema, uuidSchema } from '../ids.ts';
import { clockOffsetSchema, stampSchema } from '../stamp.ts';
import { tariffSchema } from '../tariff/tariff.ts';
import { cdrSchema, localUserSchema } from './cdr.ts';
import { occupancySchema } from './occupancy.ts';

const errorCodeSchema = z.enum(Object.keys(errorCatalogue) as ErrorCode[]);

/** How a command is getting on. `done` and `failed` are final, and each command has exactly one of them. */
export const commandReportedSchema = z.object({
  kind: z.literal('command.reported'),
  commandId: uuidSchema,
  status: z.enum(['received', 'done', 'failed']),
  sessionId: uuidSchema.nullable(),
  code: errorCodeSchema.nullable(),
  detail: z.string().max(500).nullable(),
});

/** Energy flows, confirmed by the pile itself. */
export const sessionStartedSchema = z.object({
  kind: z.literal('session.started'),
  sessionId: uuidSchema,
  pileId: pileIdSchema,
  connectorId: connectorIdSchema,
  orderId: uuidSchema.nullable(),
  commandId: uuidSchema.nullable(),
  /** Absent with an order of the cloud. */
  startedBy: localUserSchema.optional(),
  /** What a charge that was begun on site is billed by; absent without a tariff, and with an order of the cloud. */
  tariff: z.object({ tariffId: tariffSchema.shape.tariffId, version: tariffSchema.shape.version }).optional(),
  startedAt: stampSchema,
  meterStartWh: z.int().nonnegative(),
  limitMa: z.int().nonnegative(),
});

/** The session is over; the CDR is the whole story. */
export const sessionEndedSchema = z.object({
  kind: z.literal('session.ended'),
  cdr: cdrSchema,
});

/** After its charge a vehicle stayed plugged in, and that is over. */
export const occupancyEndedSchema = z.object({
  kind: z.literal('occupancy.ended'),
  occupancy: occupancySchema,
});

/** A connector is held from now on: only a start that presents the reservation begins a charge there. */
export const reservationActiveSchema = z.object({
  kind: z.literal('reservation.active'),
  reservationId: uuidSchema,
  commandId: uuidSchema,
  pileId: pileIdSchema,
  connectorId: connectorIdSchema,
  untilMs: z.int(),
});

/**
 * Why a connector is not held any more. `used`: the holder's charge has begun; `not-confirmed`: the cloud had not acknowledged the
 * hold within its time; `technician`: somebody on site has released it; `out-of-service`: the connector was taken out of service, or is
 * not of this site any more.
 */
export const reservationEndReasonSchema = z.enum([
  'used',
  'cancelled',
  'expired',
  'not-confirmed',
  'technician',
  'out-of-service',
]);
export type ReservationEndReason = z.infer<typeof reservationEndReasonSchema>;

/** A connector is not held any more. */
export const reservationEndedSchema = z.object({
  kind: z.literal('reservation.ended'),
  reservationId: uuidSchema,
  connectorId: connectorIdSchema,
  reason: reservationEndReasonSchema,
  /** The charge that has used it; null otherwise. */
  sessionId: uuidSchema.nullable(),
  /** For how long it was held, as far as that is known: until the holder's charge was begun, or until it ended. */
  heldMs: z.int().nonnegative(),
  /** Who has released it, and why; null otherwise. */
  detail: z.string().max(500).nullable(),
});

/** Something that a person should know. */
export const alarmRaisedSchema = z.object({
  kind: z.literal('alarm.raised'),
  alarmId: uuidSchema,
  code: z.enum(faultCodes),
  severity: z.enum(['warning', 'critical']),
  /** Null when the alarm is about the site and not about one pile. */
  pileId: pileIdSchema.nullable(),
  connectorId: connectorIdSchema.nullable(),
  sessionId: uuidSchema.nullable(),
  detail: z.string().max(500),
});

/**
 * The clock of a boot turned out to be wrong by `correctionMs`. Stamps of that boot whose clock was worse than
 * `quality` are to be read as `monoMs + offsetMs`; energies and durations are as they were told.
 */
export const clockCorrectedSchema = z.object({
  kind: z.literal('clock.corrected'),
  bootId: uuidSchema,
  offsetMs: clockOffsetSchema,
  correctionMs: z.int(),
  quality: z.enum(['doubtful', 'trusted']),
});

/**
 * Stands in the place of records that the site could not keep until the cloud had them: the stream has no hole. The cloud
 * may have some of them all the same, if only their acknowledgement was lost.
 */
export const recordDroppedSchema = z.object({
  kind: z.literal('record.dropped'),
  droppedKind: z.literal('alarm.raised'),
  reason: z.literal('outbox-full'),
  /** How many neighbouring records it stands for, of which its own number is the last. Absent: for that one. */
  count: z.int().positive().optional(),
  /** When the last of them was dropped. */
  at: stampSchema,
});

/** What became of a version of a site's document, whatever way it came. Told again when it changes, and when the cloud repeats it. */
export const documentReportedSchema = z.object({
  kind: z.literal('document.reported'),
  documentKind: documentKindSchema,
  version: documentVersionSchema,
  digest: documentDigestSchema,
  source: documentSourceSchema,
  status: documentStatusSchema,
  /** Why it waits, was refused, or was left. */
  detail: z.string().max(1000).nullable(),
  complaints: z.array(documentComplaintSchema).max(MAX_TOLD_COMPLAINTS).optional(),
  /** Of a refusal, where it has a code of its own. */
  code: z.string().max(64).optional(),
});

/** Everything that must reach the cloud exactly once: the bodies of outbox rows. */
export const recordBodySchema = z.discriminatedUnion('kind', [
  commandReportedSchema,
  sessionStartedSchema,
  sessionEndedSchema,
  occupancyEndedSchema,
  reservationActiveSchema,
  reservationEndedSchema,
  alarmRaisedSchema,
  clockCorrectedSchema,
  recordDroppedSchema,
  documentReportedSchema,
]);
export type RecordBody = z.infer<typeof recordBodySchema>;
export type RecordKind = RecordBody['kind'];
export type RecordOf<Kind extends RecordKind> = Extract<RecordBody, { kind: Kind }>;
