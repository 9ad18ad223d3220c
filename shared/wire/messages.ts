import { z } from 'zod';
import { chargeLimitsSchema } from '../charge-limits.ts';
import { documentKeyIdSchema, documentKeysOfferSchema, documentSignaturesSchema } from '../document-signing.ts';
import { documentDigestSchema, documentKindSchema, documentVersionSchema, MAX_DOCUMENT_BYTES } from '../documents.ts';
import { faultCodes } from '../faults.ts';
import { connectorIdSchema, pileIdSchema, requestIdSchema, siteIdSchema, uuidSchema } from '../ids.ts';
import { stampSchema, wallMsSchema } from '../stamp.ts';
import { tariffSchema } from '../tariff/tariff.ts';
import { fingerprintSchema } from './credentials.ts';
import { WIRE_VERSION } from './topics.ts';

const version = z.literal(WIRE_VERSION);
/** A stream of records inside one store. Streams are applied in order, each by itself. */
export const streamSchema = z.enum(['events', 'samples']);
export type StreamName = z.infer<typeof streamSchema>;

export const connectorStatusSchema = z.enum([
  'available',
  'plugged',
  'starting',
  'charging',
  'stopping',
  'faulted',
  /** Taken out of service by a person: neither pile nor vehicle is at fault. */
  'unavailable',
  'offline',
]);
export type ConnectorStatus = z.infer<typeof connectorStatusSchema>;

/**
 * Which life of a site's store speaks. Every process has a life of its own, and says after which one it comes: that of which its
 * store remembers that it was welcomed. A copy of a store comes after another life than the cloud heard last, or together with it.
 */
export const lifeSchema = z.object({
  lifeId: uuidSchema,
  formerLifeId: uuidSchema.nullable(),
  /** Tells people which box it is; null where a box has no name of its own. */
  controllerId: z.string().max(64).nullable(),
});
export type Life = z.infer<typeof lifeSchema>;

/** up/hello: first word after each connection, repeated until welcomed. */
export const helloSchema = z.object({
  v: version,
  siteId: siteIdSchema,
  connectionEpoch: uuidSchema,
  storeEpoch: uuidSchema,
  software: z.string().max(64),
  at: stampSchema,
  streams: z.array(z.object({ stream: streamSchema, headSeq: z.int().nonnegative(), ackedSeq: z.int().nonnegative() })),
  /** Streams of other stores than that of `storeEpoch`. A cloud answers for those that it knows; older sites leave it out. */
  otherStreams: z
    .array(
      z.object({
        stream: z.string().min(1).max(32),
        storeEpoch: uuidSchema,
        headSeq: z.int().nonnegative(),
        ackedSeq: z.int().nonnegative(),
      }),
    )
    .max(16)
    .optional(),
  runningSessions: z.array(z.object({ sessionId: uuidSchema, connectorId: connectorIdSchema })),
  /** Which version of each document is in force. Older sites leave it out. */
  documents: z
    .array(z.object({ documentKind: documentKindSchema, version: documentVersionSchema, digest: documentDigestSchema }))
    .optional(),
  /** What connectors are held for. Older sites, which know no reservations, leave it out. */
  reservations: z.array(z.object({ reservationId: uuidSchema, connectorId: connectorIdSchema })).optional(),
  /** The keys that pushed documents are accepted from; none: any push is. Older sites, which know no signatures, leave it out. */
  documentKeyIds: z.array(documentKeyIdSchema).optional(),
  /** What the site has logged in with. Said first, it proves the credential, and the one before it ends. */
  credential: fingerprintSchema.optional(),
  /** Older sites leave it out. */
  life: lifeSchema.optional(),
  /** The last gap of which the site has told again what it still had; null: of none. Older sites, which tell nothing again, leave it out. */
  toldAgain: uuidSchema.nullable().optional(),
});
export type Hello = z.infer<typeof helloSchema>;

/** down/welcome: where each stream stands in the cloud. Commands still open follow as down/command. */
export const welcomeSchema = z.object({
  v: version,
  connectionEpoch: uuidSchema,
  storeEpoch: uuidSchema,
  serverWallMs: z.int(),
  /** `at.monoMs` of the hello that is answered, so that the site knows how long ago that was. Older clouds leave it out. */
  helloMonoMs: z.int().nonnegative().optional(),
  cursors: z.array(z.object({ stream: streamSchema, ackedSeq: z.int().nonnegative() })),
  /** The same of the `otherStreams` that the hello has named. Older clouds leave it out. */
  otherCursors: z
    .array(z.object({ stream: z.string().max(32), storeEpoch: uuidSchema, ackedSeq: z.int().nonnegative() }))
    .optional(),
  /** What documents are signed with. Older clouds, which sign none, leave it out. */
  documentKeys: documentKeysOfferSchema.optional(),
  /** What this cloud takes. An older one leaves it out: `events` alone, one batch at a time, not compressed. */
  accepts: z
    .object({
      /** How many batches of a stream may be on their way; their acknowledgements carry `sendNo`. */
      batchesInFlight: z.int().positive(),
      /** Names that a site does not know are of no concern to it. */
      streams: z.array(z.string().max(32)).max(16),
      encodings: z.array(z.string().max(32)).max(16),
    })
    .optional(),
  /** It answers a live view that asks. Older clouds leave it out. */
  beats: z.literal(true).optional(),
  /** Events that it had acknowledged and has lost: what the site still has of what they told, it tells again under new numbers. */
  tellAgain: z.object({ gapId: uuidSchema, firstSeq: z.int().positive(), lastSeq: z.int().positive() }).optional(),
});
export type Welcome = z.infer<typeof welcomeSchema>;

/** down/beat: the cloud is there, and has stored the live view that asked for it. */
export const beatSchema = z.object({ v: version, connectionEpoch: uuidSchema });
export type Beat = z.infer<typeof beatSchema>;

/** Why a site is not welcome at present. */
export const holdReasonSchema = z.enum([
  /** Another life of the site may be alive: it is waited for. */
  'wait',
  /** The cloud knows a later life of this store: whoever says hello works with a copy, and needs an epoch of its own. */
  'begin-epoch',
  /** Another box speaks for the site. A person has to decide which of them is the right one. */
  'barred',
]);
export type HoldReason = z.infer<typeof holdReasonSchema>;

/** down/hold: the answer to a hello that is not welcome, and to a box whose place another one has taken. Nothing may be sent, no command obeyed. */
export const holdSchema = z.object({
  v: version,
  /** Whom it is said to; the connection may be another one by now. */
  lifeId: uuidSchema,
  storeEpoch: uuidSchema,
  reason: holdReasonSchema,
});
export type Hold = z.infer<typeof holdSchema>;

/** One outbox row. `body` is checked against its own schema one by one, so a bad record parks only itself. */
export const recordEnvelopeSchema = z.object({
  seq: z.int().positive(),
  at: stampSchema,
  body: z.looseObject({ kind: z.string().max(64) }),
});
export type RecordEnvelope = z.infer<typeof recordEnvelopeSchema>;

export const MAX_BATCH_RECORDS = 200;

/** up/batch: neighbouring records of one stream, in order, without holes but those that a `record.dropped` stands for. */
export const batchSchema = z.object({
  v: version,
  siteId: siteIdSchema,
  storeEpoch: uuidSchema,
  stream: streamSchema,
  /** Tells this sending of it from every other; only for a cloud that has told what it accepts. */
  sendNo: z.int().nonnegative().optional(),
  records: z.array(recordEnvelopeSchema).min(1).max(MAX_BATCH_RECORDS),
  /** Whose records they are. Those of a box whose place another has taken are not taken. Older sites leave it out. */
  lifeId: uuidSchema.optional(),
});
export type Batch = z.infer<typeof batchSchema>;

/** down/ack: sent after the cloud's COMMIT. Everything up to `ackedSeq` is safe there, refused records included. */
export const ackSchema = z.object({
  v: version,
  storeEpoch: uuidSchema,
  stream: streamSchema,
  /** That of the batch which is answered: of all that this has up to `ackedSeq`, each record has been applied or compared. */
  sendNo: z.int().nonnegative().optional(),
  ackedSeq: z.int().nonnegative(),
  refused: z.array(z.object({ seq: z.int().positive(), code: z.string(), detail: z.string() })),
  /** Under numbers of this store other records are known: it is a copy, and tells what it has under an epoch of its own. Older clouds leave it out. */
  isCopy: z.literal(true).optional(),
});
export type Ack = z.infer<typeof ackSchema>;

/** One connector as its pile last told; `energyWh` is that of the session. Numbers are null when the pile does not tell them: null is never zero. */
export const connectorStateSchema = z.object({
  pileId: pileIdSchema,
  connectorId: connectorIdSchema,
  status: connectorStatusSchema,
  observedAtMs: wallMsSchema,
  plugged: z.boolean().nullable(),
  sessionId: uuidSchema.nullable(),
  energyWh: z.int().nonnegative().nullable(),
  powerW: z.int().nullable(),
  currentMa: z.int().nullable(),
  temperatureC: z.number().nullable(),
  faults: z.array(z.enum(faultCodes)),
  /** What it is held for. The status is that of the pile all the same; absent: it is not held. */
  reservationId: uuidSchema.optional(),
  /** State of charge of the vehicle of the session. Absent: there is no session, or the pile does not tell. Older sites leave it out. */
  socPercent: z.number().min(0).max(100).nullable().optional(),
});
export type ConnectorView = z.infer<typeof connectorStateSchema>;

/** up/state: live view and heartbeat in one; may be lost, is never queued. */
export const stateSchema = z.object({
  v: version,
  siteId: siteIdSchema,
  connectionEpoch: uuidSchema,
  at: stampSchema,
  connectors: z.array(connectorStateSchema),
  /** The site has heard nothing of the cloud for a while, and wants a `beat`. Only to a cloud that says that it answers. */
  ask: z.literal(true).optional(),
  /** The life that speaks, once it is on its disk that it was welcomed. Older sites leave it out. */
  lifeId: uuidSchema.optional(),
});
export type State = z.infer<typeof stateSchema>;

/** up/presence: the will. An epoch that is not the present connection's is an old will, and ignored. */
export const presenceSchema = z.object({
  v: version,
  siteId: siteIdSchema,
  connectionEpoch: uuidSchema,
  online: z.boolean(),
});
export type Presence = z.infer<typeof presenceSchema>;

const commandHead = {
  v: version,
  commandId: uuidSchema,
  connectorId: connectorIdSchema,
  issuedAtMs: z.int(),
};

/** Of a command that belongs to somebody's order. */
const orderHead = {
  ...commandHead,
  /** The partner's request, carried from call to register write. */
  requestId: requestIdSchema,
  orderId: uuidSchema,
};

/** By absolute time and by time-to-live from arrival: whichever comes first. */
const expiry = { expiresAtMs: z.int(), ttlMs: z.int().positive() };

export const maintenanceActionSchema = z.enum(['reboot', 'unlock', 'disable', 'enable']);
export type MaintenanceAction = z.infer<typeof maintenanceActionSchema>;

/**
 * down/command. A start, a reserve and a maintenance command expire. A stop and a raise of the hold are bound to their session, and
 * do not; nor does a cancel-reservation, which is bound to its reservation.
 * `stopRunning` counts with `disable` alone: otherwise a charge that runs goes on.
 */
export const commandSchema = z.discriminatedUnion('kind', [
  z.object({
    ...orderHead,
    kind: z.literal('start'),
    /** The site acts only if the connector has no session. */
    expect: z.literal('no-session'),
    ...expiry,
    tariff: tariffSchema,
    limits: chargeLimitsSchema.optional(),
    /** The most that may be charged for it, in minor units: what has been paid or held ahead. Absent: nothing is held. */
    holdMinor: z.int().positive().optional(),
    /** Whose hold on the connector it may use. Absent: nobody's. */
    reservationId: uuidSchema.optional(),
  }),
  z.object({
    ...commandHead,
    kind: z.literal('reserve'),
    requestId: requestIdSchema,
    reservationId: uuidSchema,
    /** The connector is held until then, and never for longer than from `issuedAtMs` to then. */
    untilMs: z.int(),
    ...expiry,
  }),
  z.object({
    ...commandHead,
    kind: z.literal('cancel-reservation'),
    requestId: requestIdSchema,
    reservationId: uuidSchema,
  }),
  z.object({
    ...commandHead,
    kind: z.literal('maintain'),
    requestId: requestIdSchema,
    action: maintenanceActionSchema,
    stopRunning: z.boolean(),
    /** Who of the staff asks for it. */
    by: z.string().min(1).max(64),
    ...expiry,
  }),
  z.object({
    ...orderHead,
    kind: z.literal('stop'),
    sessionId: uuidSchema,
    reason: z.enum(['partner', 'staff', 'not-confirmed']),
  }),
  z.object({
    ...orderHead,
    kind: z.literal('raise-hold'),
    sessionId: uuidSchema,
    /** What is paid or held for the charge as a whole from now on. */
    holdMinor: z.int().positive(),
  }),
]);
export type Command = z.infer<typeof commandSchema>;
export type StartCommand = Extract<Command, { kind: 'start' }>;
export type RaiseHoldCommand = Extract<Command, { kind: 'raise-hold' }>;
export type StopCommand = Extract<Command, { kind: 'stop' }>;
export type ReserveCommand = Extract<Command, { kind: 'reserve' }>;
export type CancelReservationCommand = Extract<Command, { kind: 'cancel-reservation' }>;
export type MaintainCommand = Extract<Command, { kind: 'maintain' }>;

/** down/cancel: the start must not be executed any more; if it has been, the site stops it and voids the record. */
export const cancelSchema = z.object({ v: version, commandId: uuidSchema });
export type Cancel = z.infer<typeof cancelSchema>;

/**
 * down/document: a version of a document that is to be in force at the site. It may come twice, and in any order; what became of
 * it the site tells in a `document.reported`.
 */
export const documentPushSchema = z.object({
  v: version,
  documentKind: documentKindSchema,
  version: documentVersionSchema,
  digest: documentDigestSchema,
  /** Byte for byte. */
  text: z.string().min(1).max(MAX_DOCUMENT_BYTES),
  /** By each of the cloud's keys, over what `signedTextOf` makes of it. Older clouds leave it out. */
  signatures: documentSignaturesSchema.optional(),
});
export type DocumentPush = z.infer<typeof documentPushSchema>;

/** A diagnostics bundle has at most so many bytes, compressed, and travels in pieces of at most so many. */
export const MAX_BUNDLE_BYTES = 1_048_576;
export const PIECE_BYTES = 24_576;

/** down/diagnose: asks for one piece of a diagnostics bundle, again until it is there. The first question has the bundle made. */
export const diagnoseSchema = z.object({ v: version, bundleId: uuidSchema, piece: z.int().nonnegative() });
export type Diagnose = z.infer<typeof diagnoseSchema>;

/** up/piece: one piece of a bundle. Another digest than before: the site has made the bundle anew, and its pieces begin again. */
export const pieceSchema = z.object({
  v: version,
  siteId: siteIdSchema,
  bundleId: uuidSchema,
  piece: z.int().nonnegative(),
  pieces: z
    .int()
    .min(1)
    .max(Math.ceil(MAX_BUNDLE_BYTES / PIECE_BYTES)),
  /** SHA-256 of the whole bundle. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  base64: z.base64().max(Math.ceil(PIECE_BYTES / 3) * 4),
});
export type Piece = z.infer<typeof pieceSchema>;

/** up/nack and down/nack: a message that could not be read at all, told to whoever sent it. */
export const nackSchema = z.object({
  v: version,
  code: z.string().max(64),
  topic: z.string().max(200),
  detail: z.string().max(1000),
});
export type Nack = z.infer<typeof nackSchema>;
