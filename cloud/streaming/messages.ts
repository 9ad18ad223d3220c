import { z } from 'zod';
import { uuidSchema } from '#shared/ids.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import type { ChargeUnderWay } from '../orders/charges-under-way.ts';
import { progressOf } from '../orders/progress.ts';
import { progressSchema } from '../orders/schemas.ts';
import { publicStatusSchema } from '../stations/schemas.ts';
import type { PlacedChange, ToldStatus } from './read-changes.ts';

/** Where in the log of status changes somebody is. To be kept and given back as it is. */
export const positionSchema = z
  .string()
  .regex(/^\d{1,15}$/, 'a position as it was told')
  .describe('resume after it');

const placeFields = { connector_id: z.string(), site_id: z.string(), pile_id: z.string() };
const statusFields = {
  status: publicStatusSchema,
  plugged: z.boolean().nullable(),
  observed_at: z.iso.datetime().nullable().describe('when the site saw it, by its clock'),
  received_at: z.iso.datetime().nullable(),
};

/** The data of the event `connector.status_changed`, and what the stream tells of one change. */
export const statusChangeSchema = z
  .object({
    position: positionSchema,
    ...placeFields,
    ...statusFields,
    previous_status: publicStatusSchema,
    changed_at: z.iso.datetime().describe('when the platform noticed'),
    freshness_s: z.number().describe('age of the observation at `changed_at`'),
  })
  .meta({ id: 'StatusChange' });

/** How a running charge is getting on, as its order shows it. */
const chargeProgressSchema = z
  .object({
    order_id: uuidSchema,
    connector_id: z.string(),
    ...progressSchema.shape,
    freshness_s: z.number().describe('age of the observation at `at`'),
  })
  .meta({ id: 'ChargeProgress' });

const snapshotReasons = ['begin', 'position-too-old', 'position-unknown', 'stations-changed'] as const;
export type SnapshotReason = (typeof snapshotReasons)[number];

/** Everything that the stream says, one JSON text each. More types may be added: leave out what you do not know. */
export const streamMessageSchema = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('snapshot'),
      reason: z.enum(snapshotReasons),
      position: positionSchema,
      part: z.int().min(1),
      parts: z
        .int()
        .min(1)
        .describe('the snapshot is complete with the last one, and replaces all that was told before'),
      statuses: z.array(
        z.object({
          ...placeFields,
          ...statusFields,
          freshness_s: z.number().nullable().describe('age of the observation now'),
        }),
      ),
    }),
    z.object({ type: z.literal('changes'), position: positionSchema, changes: z.array(statusChangeSchema) }),
    z.object({
      type: z.literal('heartbeat'),
      position: positionSchema.describe('nothing that concerns you has changed up to here which was not told'),
      at: z.iso.datetime(),
    }),
    z.object({
      type: z.literal('progress'),
      at: z.iso.datetime(),
      charges: z.array(chargeProgressSchema).describe('those of yours that run and have been observed anew'),
    }),
  ])
  .meta({ id: 'StatusStreamMessage' });
export type StreamMessage = z.infer<typeof streamMessageSchema>;

/** Why the platform ends a stream. */
export const closeCodes = {
  /** This process stops: connect again at once, and resume. */
  goingAway: 1001,
  /** The key was revoked, disabled or suspended, or may not read or call from there any more. */
  rightsEnded: 4001,
  /** What was sent was not taken in time: connect again when you can, and resume. */
  tooSlow: 4002,
  /** Something failed here: connect again after a while, and resume. */
  failed: 1011,
} as const;

export const changeView = (row: PlacedChange): z.infer<typeof statusChangeSchema> => ({
  position: String(row.position),
  connector_id: row.connector_id,
  site_id: row.site_id,
  pile_id: row.pile_id,
  status: publicStatusSchema.parse(row.status),
  plugged: row.plugged,
  observed_at: iso(row.observed_at_ms),
  received_at: iso(row.received_at_ms),
  previous_status: publicStatusSchema.parse(row.previous_status),
  changed_at: iso(row.changed_at_ms),
  freshness_s: (row.observation_age_ms + Math.max(0, row.changed_at_ms - row.received_at_ms)) / 1000,
});

/** A state, not a log: it has no position. */
export const progressMessage = (charges: readonly ChargeUnderWay[], nowMs: number): StreamMessage => ({
  type: 'progress',
  at: iso(nowMs),
  charges: charges.map(({ orderId, connectorId, charge, live }) => ({
    order_id: orderId,
    connector_id: connectorId,
    ...progressOf(charge, live, nowMs),
  })),
});

const STATUSES_AT_ONCE = 500;

const toldView = (told: ToldStatus, nowMs: number) => ({
  connector_id: told.connector_id,
  site_id: told.site_id,
  pile_id: told.pile_id,
  status: publicStatusSchema.parse(told.status),
  plugged: told.status === 'unknown' ? null : told.plugged,
  observed_at: isoOrNull(told.observed_at_ms),
  received_at: isoOrNull(told.received_at_ms),
  freshness_s:
    told.received_at_ms === null || told.observation_age_ms === null
      ? null
      : (told.observation_age_ms + Math.max(0, nowMs - told.received_at_ms)) / 1000,
});

/** A snapshot in as many parts as it needs, one at least. */
export function snapshotMessages(
  reason: SnapshotReason,
  position: number,
  statuses: readonly ToldStatus[],
  nowMs: number,
): StreamMessage[] {
  const parts = Math.max(1, Math.ceil(statuses.length / STATUSES_AT_ONCE));
  return Array.from({ length: parts }, (_, n) => ({
    type: 'snapshot',
    reason,
    position: String(position),
    part: n + 1,
    parts,
    statuses: statuses.slice(n * STATUSES_AT_ONCE, (n + 1) * STATUSES_AT_ONCE).map((told) => toldView(told, nowMs)),
  }));
}
