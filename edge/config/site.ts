import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { Complaint } from '#shared/errors.ts';
import {
  connectorIdSchema,
  lineIdSchema,
  meterIdSchema,
  parkingDeviceIdSchema,
  pileIdSchema,
  siteIdSchema,
} from '#shared/ids.ts';
import { credentialKindSchema } from '#shared/wire/credentials.ts';
import { SHARD_COUNT } from '#shared/wire/topics.ts';
import { LARGEST_CHARGE_WH, LONGEST_CHARGE_MS } from '../control/charge-limits.ts';
import { serialSettingsShape } from '../devices/profile/device-shape.ts';
import { complain } from '../documents/complain.ts';
import { type ReadDocument, readDocument } from '../documents/read-document.ts';
import { readTextFile } from '../documents/read-text.ts';
import { cardReaderSchema, siteAccessSchema } from './site-access.ts';
import { checkSite } from './site-checks.ts';
import { ioBoardSchema } from './site-io.ts';
import { powerSchema } from './site-power.ts';
import { storageSchema } from './storage.ts';
import { unitSchema } from './unit.ts';

const portSchema = z.int().min(1).max(65_535);

/** Every frame of a line is written to files of one JSON object per line; the oldest file goes first. */
const frameLogSchema = z.strictObject({
  folder: z.string().min(1),
  /** All files of the line together. */
  maxMb: z.int().min(1).max(10_000),
});

const lineShape = { lineId: lineIdSchema, frameLog: frameLogSchema.optional() } as const;

const lineSchema = z.discriminatedUnion('transport', [
  z.strictObject({
    ...lineShape,
    transport: z.literal('serial'),
    path: z.string().min(1),
    ...serialSettingsShape,
  }),
  z.strictObject({ ...lineShape, transport: z.literal('tcp'), host: z.string().min(1), port: portSchema }),
  z.strictObject({
    ...lineShape,
    transport: z.literal('rtu-over-tcp'),
    host: z.string().min(1),
    port: portSchema,
    /** What the gateway is set to on its serial side. */
    gatewayBaud: serialSettingsShape.baud,
  }),
]);
export type LineConfig = z.infer<typeof lineSchema>;

const pileSchema = z.strictObject({
  pileId: pileIdSchema,
  connectorId: connectorIdSchema,
  profile: z.string(),
  lineId: lineIdSchema,
  unit: unitSchema,
  /** Which socket of a device that has several. */
  socket: z.int().min(1).max(48).optional(),
  /** The most this pile may be set to, per phase. It can only tighten what the profile allows. */
  limitMa: z.int().positive(),
  /** The meter that bills for this connector, in place of the pile's own. */
  meterId: meterIdSchema.optional(),
  /** Whether cards that are presented at the pile's own reader count, as its register tells them. */
  readsCards: z.boolean().optional(),
});
export type PileConfig = z.infer<typeof pileSchema>;

const meterSchema = z.strictObject({
  meterId: meterIdSchema,
  profile: z.string(),
  lineId: lineIdSchema,
  /** Of a Modbus meter. */
  unit: unitSchema.optional(),
  /** Of a DL/T 645 meter, as printed on it: high digits first. */
  address: z
    .string()
    .regex(/^\d{12}$/, '12 digits')
    .optional(),
});
export type MeterConfig = z.infer<typeof meterSchema>;

const parkingSchema = z.strictObject({
  deviceId: parkingDeviceIdSchema,
  profile: z.string(),
  lineId: lineIdSchema,
  /** As set by the device's switches. */
  address: z.int().min(0).max(255),
  /** The connector whose bay it guards. */
  connectorId: connectorIdSchema,
});
export type ParkingConfig = z.infer<typeof parkingSchema>;

const brokerUrlSchema = z.url({ protocol: /^mqtts?$/ });
/** An address of the box, where a connection is to begin: which network it takes follows from that. */
const localAddressSchema = z.union([z.ipv4(), z.ipv6()]).optional();

/** A site's file as a person writes it. What holds between its parts is left to {@link checkSite}. */
export const siteShapeSchema = z.strictObject({
  /** The schema, for the editor. */
  $schema: z.string().optional(),
  siteId: siteIdSchema,
  dataDir: z.string().min(1),
  /** What the fuse of the site's supply carries, per phase. It has no default: nobody but the installer knows it. */
  supplyLimitMa: z.int().positive(),
  /** What one charge may take at most. It can only tighten what the built-in limits allow. */
  charge: z
    .strictObject({
      maxDurationMin: z
        .int()
        .min(1)
        .max(LONGEST_CHARGE_MS / 60_000)
        .optional(),
      maxEnergyWh: z.int().min(1).max(LARGEST_CHARGE_WH).optional(),
    })
    .default({}),
  cloud: z.strictObject({
    brokerUrl: brokerUrlSchema,
    localAddress: localAddressSchema,
    /** Taken one after the other while the cloud is not heard over the first. */
    fallbacks: z
      .array(z.strictObject({ brokerUrl: brokerUrlSchema, localAddress: localAddressSchema }))
      .max(4)
      .optional(),
    shard: z
      .int()
      .min(0)
      .max(SHARD_COUNT - 1),
    /** File that holds the site's broker password. Absent on a broker that needs none. */
    passwordFile: z.string().optional(),
    /** The most that samples may take of the link upwards, in bytes a second; events and live state come first whatever it is. */
    samplesBytesPerS: z.int().min(100).max(10_000_000).optional(),
    /** How often the live view goes up when nothing changes. Three of the slowest fit in the 15 s after which a silent site counts as gone. */
    viewEverySeconds: z.int().min(2).max(5).optional(),
    /** In place of a password file: the site exchanges a claim code for a credential of its own, and renews that by itself. */
    identity: z
      .strictObject({
        kind: credentialKindSchema,
        /** Where the cloud is reached over HTTP. */
        claimUrl: z.url({ protocol: /^https?$/ }),
      })
      .optional(),
    /** PEM file with the authority that the certificates of broker and cloud are from. */
    authorityFile: z.string().min(1).optional(),
    /** Passwords and claim codes may go unencrypted to another machine. */
    allowUnencrypted: z.boolean().optional(),
  }),
  lines: z.array(lineSchema).min(1).max(32),
  piles: z.array(pileSchema).min(1).max(64),
  meters: z.array(meterSchema).max(128).default([]),
  parking: z.array(parkingSchema).max(128).default([]),
  /** Boards with the inputs of the site and the outputs that cut piles off. */
  io: z.array(ioBoardSchema).max(32).default([]),
  /** How the piles share the supply. Left out: nothing is known of feeders and phases. */
  power: powerSchema.optional(),
  /** Card readers on lines of their own. */
  readers: z.array(cardReaderSchema).max(64).default([]),
  access: siteAccessSchema.optional(),
  storage: storageSchema.prefault({}),
  /** File with the rules of the site. */
  rules: z.string().min(1).optional(),
  /** Files with other documents of the site: each counts when it is new, and a later version may take its place. */
  documents: z
    .strictObject({
      /** File with the schedule of tariffs. */
      tariffs: z.string().min(1).optional(),
      /** File with the list of cards. */
      access: z.string().min(1).optional(),
    })
    .optional(),
});
export type SiteShape = z.infer<typeof siteShapeSchema>;

/** A site's file, and where it was read from. */
export type SiteConfig = SiteShape & { readonly file: string };

/** A site as it was read, with what is wrong between its parts. */
export interface ReadSite {
  readonly site: SiteConfig;
  readonly complaints: readonly Complaint[];
  /** Adds to complaints where in the text they stand. */
  readonly place: ReadDocument<unknown>['place'];
}

/**
 * Reads a site's configuration as far as it can be read without the profiles of its devices.
 *
 * @param file paths in it are relative to this file
 * @param name what it is called in a refusal
 * @param isInForce the site works with it already: what is asked of new ones alone is not asked of it
 * @throws PilegateError `config.invalid` when its shape is wrong
 */
export function readSite(text: string, file: string, name: string, isInForce = false): ReadSite {
  const { value, place } = readDocument(text, name, siteShapeSchema);
  const complaints: Complaint[] = [];
  checkSite(value, (path, reason) => complaints.push({ path: path.map(String).join('.'), reason }), isInForce);
  return { site: sitedAt(value, file), complaints, place };
}

/**
 * Reads a site's file. Paths in it are relative to the file.
 *
 * @throws PilegateError `config.invalid` with file, line, column, path and reason
 */
export function loadSite(path: string): SiteConfig {
  const { site, complaints, place } = readSite(readTextFile(path), path, path);
  if (complaints.length > 0) throw complain(path, place(complaints));
  return site;
}

function sitedAt(site: SiteShape, path: string): SiteConfig {
  const here = (relative: string) => resolve(dirname(path), relative);
  const { passwordFile, authorityFile } = site.cloud;
  return {
    ...site,
    file: path,
    dataDir: here(site.dataDir),
    ...(site.rules === undefined ? {} : { rules: here(site.rules) }),
    ...(site.access === undefined ? {} : { access: { ...site.access, keyFile: here(site.access.keyFile) } }),
    ...(site.documents === undefined ? {} : { documents: documentsAt(site.documents, here) }),
    cloud: {
      ...site.cloud,
      ...(passwordFile === undefined ? {} : { passwordFile: here(passwordFile) }),
      ...(authorityFile === undefined ? {} : { authorityFile: here(authorityFile) }),
    },
    lines: site.lines.map((line) =>
      line.frameLog === undefined
        ? line
        : { ...line, frameLog: { ...line.frameLog, folder: here(line.frameLog.folder) } },
    ),
  };
}

const documentsAt = ({ tariffs, access }: NonNullable<SiteShape['documents']>, here: (path: string) => string) => ({
  ...(tariffs === undefined ? {} : { tariffs: here(tariffs) }),
  ...(access === undefined ? {} : { access: here(access) }),
});
